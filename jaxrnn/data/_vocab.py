"""`Vocab`: symbols as numbers."""

import collections
import dataclasses
import functools
import json
import os
import pathlib
import re
import sys
import typing
import unicodedata
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from .. import _check, _host
from .._kinds import shown

# The replacement character stands for what is not known, in both directions.
_UNKNOWN = "\ufffd"
_CHARACTER = r"(?s)."
_JOINERS = "\u200c\u200d"  # how letters beside one another are drawn: inside words, no symbols


@typing.final
@dataclasses.dataclass(frozen=True)
class Vocab:
    """The symbols of a text, numbered.

    Number 0 is padding and 1 is an unknown symbol; the others follow by falling frequency, equally
    frequent ones in the order of their code points. `len(vocab)` counts all of them: it is the
    number of classes of a network that predicts symbols.

    `Vocab.characters` and `Vocab.words` are the usual ways to make one.

    Args:
        symbols: the symbols from number 2 on.
        pattern: a regular expression; its matches are the symbols of a text, what lies between
            them is dropped.
        separator: what `decode` puts between symbols.

    Raises:
        TypeError: a symbol is no string.
        ValueError: there are no symbols, one comes twice, or one is not a match of `pattern`.

    Example:
        >>> vocab = Vocab.characters("banana")
        >>> vocab.symbols
        ('a', 'n', 'b')
        >>> vocab.encode("nab!")
        array([3, 2, 4, 1], dtype=int32)
        >>> vocab.decode([3, 2, 4, 1, 0, 0])
        'nab�'
    """

    symbols: tuple[str, ...]
    pattern: str = _CHARACTER
    separator: str = ""

    padding: ClassVar[int] = 0
    """The number that fills sequences up; decodes to nothing."""

    unknown: ClassVar[int] = 1
    """The number of every symbol that is not in the vocabulary; decodes to `�` (U+FFFD)."""

    def __post_init__(self) -> None:
        """Check that numbers and symbols determine one another."""
        if isinstance(self.symbols, str) or not isinstance(self.symbols, Iterable):
            raise TypeError(
                f"Vocab: symbols must be a tuple of strings, got {shown(self.symbols)}. "
                "Of a text: Vocab.characters(text)."
            )
        object.__setattr__(self, "symbols", tuple(self.symbols))
        for name in ("pattern", "separator"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"Vocab: {name} must be a string, got {shown(getattr(self, name))}")
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(
                f"Vocab: pattern {self.pattern!r} is no regular expression: {error}"
            ) from error
        for symbol in self.symbols:
            if not isinstance(symbol, str):
                raise TypeError(f"Vocab: symbols must be strings, got {symbol!r}")
            if symbol == _UNKNOWN or re.findall(self.pattern, symbol) != [symbol]:
                raise ValueError(
                    f"Vocab: {symbol!r} is not one symbol by the pattern {self.pattern!r}, "
                    "or it is the sign for unknown ones"
                )
        if not self.symbols or len(set(self.symbols)) < len(self.symbols):
            raise ValueError("Vocab: there must be at least one symbol, and none twice")

    @classmethod
    def characters(cls, text: str, *, size: int | None = None) -> "Vocab":
        """The characters of a text. `decode` gives back what was encoded, up to unknown ones.

        Args:
            text: the text to count in; the training part alone, where some is held out.
            size: the largest `len(vocab)`; rarer characters become unknown.

        Raises:
            TypeError: `text` is no string, or `size` no integer.
            ValueError: `text` is empty, or `size` is below 3.
        """
        return cls._of("Vocab.characters", text, _CHARACTER, "", 1, size)

    @classmethod
    def words(cls, text: str, *, min_count: int = 1, size: int | None = None) -> "Vocab":
        """The words and punctuation marks of a text; upper and lower case are told apart.

        A word is a run of letters, digits and underscores, with apostrophes inside ("don't");
        every other character but white space is a symbol of its own. Combining marks (the vowel
        signs of Devanagari, the points of Hebrew and Arabic, accents that are written apart) and
        zero-width joiners belong to what they follow. White space is dropped, and `decode` puts
        one space between symbols, so that layout is lost; `encode` of the decoded text gives the
        same numbers. Nothing is normalised: "é" and "é" are two words, where
        `unicodedata.normalize("NFC", text)` did not make them one.

        Args:
            text: the text to count in; the training part alone, where some is held out.
            min_count: rarer symbols become unknown.
            size: the largest `len(vocab)`; the rarest symbols beyond it become unknown.

        Raises:
            TypeError: `text` is no string, or a size no integer.
            ValueError: `text` has no symbol that is frequent enough, or a size is too small.

        Example:
            >>> vocab = Vocab.words("To be, or not to be.")
            >>> vocab.decode(vocab.encode("Not to be?"))
            '� to be �'
        """
        _check.sizes("Vocab.words", min_count=min_count)
        return cls._of("Vocab.words", text, _words(), " ", min_count, size)

    @classmethod
    def _of(
        cls, who: str, text: str, pattern: str, separator: str, min_count: int, size: int | None
    ) -> "Vocab":
        counts = collections.Counter(re.findall(pattern, _string(who, text)))
        del counts[_UNKNOWN]
        symbols = sorted((-n, symbol) for symbol, n in counts.items() if n >= min_count)
        if not symbols:
            raise ValueError(f"{who}: the text has no symbol that comes {min_count} times or more")
        if size is not None:
            _check.sizes(who, size=size)
            if size < 3:
                raise ValueError(
                    f"{who}: size counts padding and unknown, so 3 or more; got {size}"
                )
            symbols = symbols[: size - 2]
        return cls(tuple(symbol for _, symbol in symbols), pattern, separator)

    def __len__(self) -> int:
        """How many numbers there are, padding and unknown among them."""
        return len(self.symbols) + 2

    def __repr__(self) -> str:
        """How many symbols, and the first of them."""
        more = ", ..." if len(self.symbols) > 8 else ""
        return f"<Vocab of {len(self)}: {', '.join(map(repr, self.symbols[:8]))}{more}>"

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols, start=2)}

    def encode(self, text: str) -> np.ndarray:
        """The numbers of a text's symbols, `Int32[N]`.

        Raises:
            TypeError: `text` is no string.
        """
        symbols = re.findall(self.pattern, _string("Vocab.encode", text))
        numbers = self._numbers
        return np.array([numbers.get(symbol, self.unknown) for symbol in symbols], np.int32)

    def decode(self, numbers: ArrayLike) -> str:
        """The text of numbers `Int[N]`: padding is dropped, unknown symbols show as `�`.

        Raises:
            TypeError: the numbers are not integers.
            ValueError: they are not `[N]`, or one lies outside `[0, len(vocab))`.
        """
        array = _host.read("Vocab.decode", "numbers", numbers)
        if array.ndim != 1:
            raise ValueError(
                f"Vocab.decode: numbers must be [N], got shape {array.shape}. "
                "Decode one sequence at a time."
            )
        if not len(array):
            return ""
        if not np.issubdtype(array.dtype, np.integer):
            raise TypeError(f"Vocab.decode: numbers must be integers, got {array.dtype}")
        if array.min() < 0 or array.max() >= len(self):
            raise ValueError(
                f"Vocab.decode: numbers must lie in [0, {len(self)}), "
                f"got {array.min()} to {array.max()}"
            )
        symbols = ("", _UNKNOWN, *self.symbols)
        return self.separator.join(symbols[n] for n in array.tolist() if n != self.padding)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary as JSON; an older file is replaced whole or not at all.

        Raises:
            OSError: the file cannot be written.
        """
        target = _path("Vocab.save", path)
        # In the same folder, since only there a rename is one atomic step.
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with partial.open("w", encoding="ascii") as file:
                json.dump(dataclasses.asdict(self), file, indent=0)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Vocab":
        """Read a vocabulary that `save` wrote.

        Raises:
            OSError: the file cannot be read.
            ValueError: it holds no vocabulary, or a damaged one.
        """
        file = _path("Vocab.load", path)
        try:
            fields: dict[str, Any] = json.loads(file.read_bytes())
            symbols, pattern, separator = fields["symbols"], fields["pattern"], fields["separator"]
            return cls(tuple(symbols), str(pattern), str(separator))
        except (ValueError, KeyError, TypeError, re.error) as error:
            raise ValueError(
                f"Vocab.load: {path} holds no vocabulary, or it is damaged ({error}). "
                "Make it anew from the text, and save it again."
            ) from error


@functools.cache
def _words() -> str:
    """The pattern of words. Python's `re` knows letters and digits, but no combining marks."""
    every = range(sys.maxunicode + 1)
    marks = np.array([number for number in every if unicodedata.category(chr(number))[0] == "M"])
    runs = np.split(marks, np.flatnonzero(np.diff(marks) > 1) + 1)
    on = "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs) + _JOINERS
    return rf"\w[\w{on}]*(?:['\u2019]\w[\w{on}]*)*|[^\w\s][{on}]*"


def _string(who: str, text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{who}: text must be a string, got {shown(text)}")
    return text


def _path(who: str, path: str | os.PathLike[str]) -> pathlib.Path:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{who}: path must be a string or a `PathLike`, got {shown(path)}")
    return pathlib.Path(path)
