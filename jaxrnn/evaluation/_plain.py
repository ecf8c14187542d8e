"""Text without what no page and no font can hold."""

import re

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LONG = 28  # letters of a name beside a picture


def plain(text: str) -> str:
    """Text with a mark in the place of control characters and halves of characters."""
    return _NO_TEXT.sub("\ufffd", text)


def label(text: str) -> str:
    """A name beside a picture, in one line and not too long."""
    line = " ".join(plain(text).split())
    return line if len(line) <= _LONG else line[: _LONG - 1] + "\N{HORIZONTAL ELLIPSIS}"
