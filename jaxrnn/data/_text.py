"""`read_text`: the text of a file, or a clear reason why not."""

import os
import pathlib

from .._checked import checked
from .._kinds import shown


@checked
def read_text(path: str | os.PathLike[str]) -> str:
    r"""Read a text file in UTF-8.

    A byte-order mark is dropped, and every kind of line end becomes `\n`.

    Raises:
        TypeError: `path` is none.
        OSError: the file is missing or cannot be read; the class (`FileNotFoundError`, ...) says
            which, and the message names the file.
        ValueError: it is empty, or not UTF-8.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "text.txt")
        ...     _ = path.write_bytes("naïve\r\n".encode())
        ...     read_text(path)
        'naïve\n'
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"read_text: path must be a string or a `PathLike`, got {shown(path)}")
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise type(error)(
            f"read_text: cannot read {path} ({error.strerror}). "
            "Pass the path of a text file that you may read."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"read_text: {path} is not UTF-8 (byte {error.start}: {error.reason}). Convert it, for "
            "example with `iconv -f latin1 -t utf-8`, or pass another file."
        ) from error
    if not text:
        raise ValueError(f"read_text: {path} is empty. Pass a file with some text in it.")
    return text
