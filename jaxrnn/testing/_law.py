"""Laws as data, and what comes of checking them: a report, or an error that holds it."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

HOLDS, FAILS, UNREACHED = "holds", "FAILS", "?"


def _always(case: Any) -> bool:
    return True


class Law(NamedTuple):
    """A property that every noun of a kind has.

    Example:
        >>> from jaxrnn import cells, testing
        >>> [law.name for law in testing.laws(cells.GRU(3, 4))][:3]
        ['engines', 'derivatives', 'transforms']
    """

    name: str
    """One word or two, to skip it by."""

    statement: str
    """What holds, in a sentence."""

    check: Callable[[Any], str | None]
    """Raises `AssertionError` where it does not; it takes what the laws of one noun share, and may
    return what it measured."""

    remedy: str
    """What to do where it does not hold."""

    applies: Callable[[Any], bool] = _always
    """Whether the noun owes it."""


class LawResult(NamedTuple):
    """What came of one law."""

    law: Law
    state: str
    """`"holds"`, `"FAILS"`, or `"?"` where what it needs could not be computed."""

    found: str = ""
    """What was found instead, or what was measured."""


class LawReport(NamedTuple):
    """What came of all laws of one noun; printed, it is a page.

    Example:
        >>> from jaxrnn import cells, testing
        >>> laws = testing.laws(cells.GRU(3, 4))
        >>> others = [law.name for law in laws if law.name not in ("carries", "copies", "repr")]
        >>> report = testing.check_cell(cells.GRU(3, 4), skip=others, echo=False)
        >>> print("\\n".join(str(report).splitlines()[1:]))
          holds  carries  A carry is kept in at least float32, whatever the parameters are in.
          holds  copies   A deep copy is equal, and so is what is pickled and read back.
          holds  repr     What `repr` shows makes the same noun again.
        3 laws: 3 hold
    """

    who: str
    """The noun."""

    results: tuple[LawResult, ...]

    @property
    def holds(self) -> bool:
        """Whether every law does."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the laws that do not hold, or could not be checked."""
        return tuple(result.law.name for result in self.results if result.state != HOLDS)

    def __str__(self) -> str:
        """The failures first, each with what was found and how to mend it."""
        width = max((len(result.law.name) for result in self.results), default=0)
        lines = [self.who]
        for result in sorted(self.results, key=lambda result: result.state == HOLDS):
            law, _, found = result
            head = f"  {result.state:<5}  {law.name:<{width}}  "
            lines += textwrap.wrap(law.statement, 96, initial_indent=head, **_hang(len(head)))
            if found:
                lines += _paragraph("found: ", found, len(head))
            if result.state == FAILS:
                lines += _paragraph("mend:  ", law.remedy, len(head))
        return "\n".join([*lines, self._summary()])

    def _summary(self) -> str:
        states = [result.state for result in self.results]
        broken, unreached = states.count(FAILS), states.count(UNREACHED)
        count = f"{len(states)} law{'' if len(states) == 1 else 's'}"
        parts = [f"{count}: {states.count(HOLDS)} hold"]
        parts += [f"{broken} broken"] if broken else []
        parts += [f"{unreached} not reached"] if unreached else []
        return ", ".join(parts)


def _hang(indent: int) -> dict[str, Any]:
    return {"subsequent_indent": " " * indent, "break_long_words": False}


def _paragraph(label: str, text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text, 96, initial_indent=" " * indent + label, **_hang(indent + len(label))
    )


class BrokenLaws(AssertionError):  # noqa: N818  (what pytest shows is what failed, not an error)
    """Raised where a law does not hold; `report` says which.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxrnn import cells, testing
        >>> adding = cells.from_functions(
        ...     init=lambda key: jnp.ones(3),
        ...     carry=lambda params, batch: jnp.zeros((*batch, 3), params.dtype),
        ...     step=lambda params, h, x: (h + params * x,) * 2)
        >>> others = [law.name for law in testing.laws(adding) if law.name != "carries"]
        >>> try:
        ...     testing.check_cell(adding, skip=others)
        ... except testing.BrokenLaws as error:
        ...     print(error.report.failed)
        ('carries',)
    """

    def __init__(self, report: LawReport) -> None:
        super().__init__(f"\n{report}")
        self.report = report


def examine(who: str, laws: Sequence[Law], case: Any, skip: Sequence[str], echo: bool) -> LawReport:
    """Check the laws that apply, print the page, and raise if one does not hold."""
    unknown = sorted({*skip} - {law.name for law in laws})
    if unknown:
        known = ", ".join(law.name for law in laws)
        raise ValueError(f"{who}: skip names no law: {', '.join(unknown)}. They are: {known}.")
    owed = [law for law in laws if law.applies(case) and law.name not in skip]
    blamed: dict[int, str] = {}
    report = LawReport(who, tuple(_result(law, case, blamed) for law in owed))
    if not report.holds:
        raise BrokenLaws(report)
    if echo:
        print(report)
    return report


def _result(law: Law, case: Any, blamed: dict[int, str]) -> LawResult:
    try:
        measured = law.check(case)
    except AssertionError as error:
        return LawResult(law, FAILS, _told(error))
    except Exception as error:
        # What several laws share is computed once; so is what it raises.
        if id(error) in blamed:
            found = f"it needs what could not be computed for `{blamed[id(error)]}`"
            return LawResult(law, UNREACHED, found)
        blamed[id(error)] = law.name
        return LawResult(law, FAILS, f"{type(error).__name__}: {_told(error)}")
    return LawResult(law, HOLDS, measured or "")


def _told(error: BaseException) -> str:
    """The message on one line, cut where it becomes a listing."""
    return " ".join(str(error).split())[:600]


class Shared:
    """A value that the laws of a noun share: computed once, and so is what computing it raises."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, case: Any, owner: type | None = None) -> Any:
        if case is None:
            return self
        kept = vars(case).setdefault("_kept", {})
        if self.name not in kept:
            try:
                kept[self.name] = self.compute(case), None
            except Exception as error:
                kept[self.name] = None, error
        value, failure = kept[self.name]
        if failure is not None:
            raise failure
        return value
