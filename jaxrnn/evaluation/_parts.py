"""What a report is made of: paragraphs, facts, tables and pictures, in sections."""

import base64
import io
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from .. import _check
from .._checked import checked
from .._kinds import shown
from ._plain import plain

_HEAVY = 400_000  # bytes of a drawing, beyond which its points are better painted
_NARROW, _WIDEST = 5.3, 9.3  # inches: of a phone held upright, and of the page
_DOTS = 180  # an inch, of a painted picture: two for each of a screen's
_NO_GLYPH = r"Glyph \d+ .* missing from font"


class Part(NamedTuple):
    """A piece of a section, as an element of the page."""

    element: Any

    def __repr__(self) -> str:
        return f"<Part: {self.element.tag}>"


class Section(NamedTuple):
    """Parts under a title; made by `section`, and by `training_section` and its like."""

    title: str
    parts: tuple[Part, ...]

    def __repr__(self) -> str:
        return f"<Section {self.title!r}: {len(self.parts)} parts>"


@checked
def section(title: str, *parts: Part) -> Section:
    """Put parts under a title, for `report`.

    Args:
        title: the heading.
        parts: what `paragraph`, `facts`, `table` and `picture` return, in their order.

    Raises:
        TypeError: something else than parts.
        ValueError: no title, or no part.

    Example:
        >>> from jaxrnn import evaluation
        >>> evaluation.section("Method", evaluation.paragraph("Five seeds were trained."))
        <Section 'Method': 1 parts>
    """
    _named("section", "title", title)
    if not parts:
        raise ValueError(f"section: {title!r} has no part; leave it out, or say why in a paragraph")
    for part in parts:
        _check.kind("section", "each part", part, Part, "Such as `table(rows, caption=...)`.")
    return Section(title, parts)


@checked
def paragraph(text: str) -> Part:
    """A paragraph of plain text: nothing in it is read as HTML.

    Example:
        >>> from jaxrnn import evaluation
        >>> evaluation.paragraph("Loss < 1 & falling.")
        <Part: p>
    """
    _named("paragraph", "text", text)
    return Part(_element("p", text))


@checked
def facts(values: Mapping[str, Any], *, large: bool = False) -> Part:
    """Names with a value each, side by side: what a reader looks for first.

    Args:
        values: numbers are written to four digits.
        large: whether they are the headline of the page.

    Example:
        >>> from jaxrnn import evaluation
        >>> evaluation.facts({"test accuracy": 0.97315, "seeds": 5}, large=True)
        <Part: dl>
    """
    _check.kind("facts", "values", values, Mapping, 'Pass them by name: `{"accuracy": 0.97}`.')
    if not values:
        raise ValueError("facts: there is none")
    grid = Element("dl", {"class": "large"} if large else {})
    for name, value in values.items():
        pair = SubElement(grid, "div")
        pair.append(_element("dt", str(name)))
        pair.append(_cell("dd", value, written(value)))
    return Part(grid)


@checked
def table(rows: Iterable[Mapping[str, Any]], *, caption: str) -> Part:
    """A table, which can be copied into a spreadsheet.

    Args:
        rows: one dictionary a row, by the titles of the columns, as `Sweep.rows()` or the history
            of `fit`; the first column names the row. What a row lacks is left empty. Numbers are
            written to four digits, and keep all of them in the page's `<data>`.
        caption: what the table shows.

    Raises:
        TypeError: rows that are no dictionaries.
        ValueError: no row, no column, or no caption.

    Example:
        >>> from jaxrnn import evaluation
        >>> rows = [{"cell": "GRU", "loss": 0.31}, {"cell": "LSTM", "loss": 0.29}]
        >>> evaluation.table(rows, caption="Mean loss of five seeds.")
        <Part: div>
    """
    _named("table", "caption", caption)
    if isinstance(rows, Mapping) or _check.is_array(rows) or not isinstance(rows, Iterable):
        raise TypeError(
            f"table: rows must be dictionaries in a list, such as `[{{'loss': 0.3}}]`, got "
            f"{shown(rows)}"
        )
    lines = list(rows)
    for row in lines:
        _check.kind("table", "each row", row, Mapping, 'Such as `{"cell": "GRU", "loss": 0.3}`.')
    columns = list(dict.fromkeys(name for row in lines for name in row))
    if not columns:
        raise ValueError(f"table: {caption!r} has no rows, or rows without columns")
    frame = _scrolling(caption)
    grid = SubElement(frame, "table")
    grid.append(_element("caption", caption))
    head = SubElement(SubElement(grid, "thead"), "tr")
    body = Element("tbody")
    for _ in lines:
        SubElement(body, "tr")
    for place, name in enumerate(columns):
        values = [row.get(name) for row in lines]
        right = _is_numeric(values)
        head.append(_aligned(_element("th", str(name), {"scope": "col"}), right))
        for line, value, said in zip(body, values, _column(values), strict=True):
            cell = _cell("td" if place else "th", value, said)
            if not place:
                cell.set("scope", "row")
            line.append(_aligned(cell, right))
    grid.append(body)
    return Part(frame)


@checked
def picture(figure: Any, *, alt: str, caption: str = "") -> Part:
    """A figure of matplotlib, drawn into the page.

    Args:
        figure: what `plt.figure()` makes, or the plots of `jaxrnn.analysis` return. It is drawn
            without its background; on a dark page its colours are turned over.
        alt: what it shows, for those who cannot see it.
        caption: a line below it.

    Raises:
        TypeError: no figure: axes (pass `axes.figure`), none at all, or a part of a figure.
        ValueError: no alternative text.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from jaxrnn import evaluation
        >>> figure = Figure((4, 3))
        >>> lines = figure.subplots().plot([1, 2, 3], [0.9, 0.5, 0.4])
        >>> evaluation.picture(figure, alt="The loss falls from 0.9 to 0.4 within three epochs.")
        <Part: figure>
    """
    if not callable(getattr(figure, "savefig", None)) or not hasattr(figure, "canvas"):
        if hasattr(figure, "figure"):
            remedy = "Pass the whole figure: `axes.figure`."
        else:
            remedy = "Such as `plt.figure()`, or what `jaxrnn.analysis.plot_history` returns."
        raise TypeError(f"picture: figure must be of matplotlib, got {shown(figure)}. {remedy}")
    _named("picture", "alt", alt)
    frame = Element("figure")
    image = Element("img", {"src": _drawn(figure), "alt": plain(alt), **_width(figure)})
    if "width" in image.attrib:
        frame.append(_scrolling(caption or alt))
        frame[0].append(image)
    else:
        frame.append(image)
    if caption:
        frame.append(_element("figcaption", caption))
    return Part(frame)


def side_by_side(parts: Iterable[Part]) -> Part:
    """Parts in a row, and below each other where they do not fit."""
    row = Element("div", {"class": "row"})
    row.extend([part.element for part in parts])
    return Part(row)


def written(value: Any) -> str:
    """A value as the page says it: numbers to four digits."""
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if _is_number(value):
        return _numerals([_python(value)])[0]
    if isinstance(value, list | tuple):
        return ", ".join(map(written, value))
    return str(value)


def _numerals(numbers: Sequence[Any]) -> list[str]:
    """Numbers of one column: as they are, or to as many places, or each to four digits."""
    values = [float(number) for number in numbers]
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    if all(isinstance(number, int) for number in numbers):
        return list(map(str, numbers))
    # What was chosen, such as 0.1, is near to four digits even as a float32; what came out is not.
    exact = all(math.isclose(float(f"{value:.4g}"), value, rel_tol=1e-6) for value in values)
    places = 3 - math.floor(math.log10(max(sizes))) if sizes else 0
    if (
        exact
        or len(sizes) < len(values) - values.count(0)
        or not 0 <= places <= 8
        or min(sizes) * 10**places < 100
    ):
        return [str(n) if isinstance(n, int) else f"{n:.4g}" for n in numbers]
    return [f"{value:.{places}f}" for value in values]


def _is_number(value: Any) -> bool:
    if isinstance(value, bool | np.bool_ | str):
        return False
    if isinstance(value, int | float):
        return True
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    return (
        shape == ()
        and getattr(dtype, "kind", "") in "iuf"
        and callable(getattr(value, "item", None))
    )


def _is_numeric(values: Iterable[Any]) -> bool:
    """Whether a column has numbers and nothing else."""
    there = [value for value in values if value is not None]
    return bool(there) and all(map(_is_number, there))


def _column(values: Sequence[Any]) -> list[str]:
    """The values of a column as the page says them."""
    numbers = [_python(value) for value in values if _is_number(value)]
    said = iter(_numerals(numbers))
    return [next(said) if _is_number(value) else written(value) for value in values]


def _python(number: Any) -> Any:
    return number.item() if hasattr(number, "item") else number


def _cell(tag: str, value: Any, said: str) -> Any:
    """A value in an element; a number with all its digits beside those that are shown."""
    if not _is_number(value):
        return _element(tag, said)
    cell = Element(tag)
    cell.append(_element("data", said, {"value": repr(_python(value))}))
    return cell


def _element(tag: str, text: str, attributes: Mapping[str, str] | None = None) -> Any:
    element = Element(tag, dict(attributes or {}))
    element.text = plain(text)
    return element


def _aligned(element: Any, right: bool) -> Any:
    if right:
        element.set("class", "number")
    return element


def _scrolling(label: str) -> Any:
    """What is wider than a phone scrolls by itself, by keyboard too."""
    attributes = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": plain(label)}
    return Element("div", attributes)


def _named(who: str, name: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise (ValueError if isinstance(value, str) else TypeError)(
            f"{who}: {name} must be a text that is not empty, got {shown(value)}"
        )


def _drawn(figure: Any) -> str:
    """A figure as an address that holds it: lines as a drawing, many points as a painting."""
    import matplotlib

    settings: Any = {"svg.hashsalt": "jaxrnn", "svg.fonttype": "path"}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("error", _NO_GLYPH)
        try:
            drawing = _saved(figure, "svg", metadata={"Date": None})
        except UserWarning:  # letters that this machine cannot draw, the reader's can: as text
            warnings.filterwarnings("ignore", _NO_GLYPH)
            matplotlib.rcParams["svg.fonttype"] = "none"
            drawing = _saved(figure, "svg", metadata={"Date": None})
    if len(drawing) <= _HEAVY:
        return "data:image/svg+xml;base64," + base64.b64encode(drawing).decode("ascii")
    painting = _saved(figure, "png", dpi=_DOTS)
    return "data:image/png;base64," + base64.b64encode(painting).decode("ascii")


def _width(figure: Any) -> dict[str, str]:
    """The width of a figure in points of a screen; a narrow one may shrink with it."""
    inches = float(figure.get_size_inches()[0])
    wide = round(96 * min(inches, _WIDEST))
    return {"width": str(wide)} if inches > _NARROW else {"style": f"width: {wide}px"}


def _saved(figure: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format=kind, transparent=True, **options)
    return file.getvalue()


def rows_of(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows for `table` from whole columns."""
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
