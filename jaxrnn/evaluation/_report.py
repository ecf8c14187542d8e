"""`report`: one page that says what a model is, does and is worth."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import Element, SubElement, tostring

from .. import _check, _paths
from .._checked import checked
from ._parts import Section, _element, _named

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@checked
def report(
    path: str | os.PathLike[str],
    title: str,
    *sections: Section,
    lead: str = "",
    lang: str = "en",
) -> Path:
    """Write sections as one HTML page, which needs no other file, no script and no network.

    It reads on paper, on a phone, in the dark, and aloud. All text is escaped. The file is replaced
    as a whole: if writing stops, the old one is left as it was.

    `report_training` and `report_sweep` write the usual sections.

    Args:
        path: the file; its folder must exist.
        title: the heading of the page.
        sections: what `section` and the functions called `..._section` return.
        lead: a sentence below the title.
        lang: the language of your texts, as `"en"` or `"pt-BR"`.

    Returns:
        The absolute path of the file.

    Raises:
        OSError: the folder does not exist or cannot be written, or the path is a folder.
        TypeError: something else than sections.
        ValueError: no title, no section, or no language.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxrnn import evaluation
        >>> scores = evaluation.scores_section({"accuracy": 0.97})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     place = evaluation.report(pathlib.Path(folder) / "digits.html", "Digits", scores)
        ...     place.read_text().startswith("<!DOCTYPE html>")
        True
    """
    with replacing("report", path) as (place, file):
        file.write(page(title, sections, lead, lang).encode("utf-8"))
    return place


@contextlib.contextmanager
def replacing(who: str, path: str | os.PathLike[str]) -> Iterator[tuple[Path, IO[bytes]]]:
    """A new file beside the old one, made before any work, which takes its place at the end.

    Raises:
        OSError: the folder cannot be written, or the path is a folder.
    """
    place = _paths.local(who, "path", path)
    if place.is_dir():
        raise IsADirectoryError(f"{who}: path must be a file, got the folder {place}. Add a name.")
    # Through a link the file is written that it leads to, so that the link stays.
    target = Path(os.path.realpath(place))
    beside = target.parent / f".report-{secrets.token_hex(8)}.new"
    try:
        file = beside.open("xb")
    except OSError as error:
        raise type(error)(
            error.errno,
            f"{who}: cannot write into the folder {target.parent} ({error.strerror}). Make it "
            "first, or choose another path",
        ) from error
    try:
        with file:
            yield place, file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _paths.sync(target.parent)
    finally:
        beside.unlink(missing_ok=True)


def page(title: str, sections: tuple[Section, ...], lead: str, lang: str) -> str:
    """The text of the page."""
    _named("report", "title", title)
    if not re.fullmatch("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", lang):
        raise ValueError(f"report: lang must be a language such as 'en' or 'pt-BR', got {lang!r}")
    if not sections:
        raise ValueError("report: there is no section to write")
    for given in sections:
        _check.kind("report", "each section", given, Section, "Make it: `section(title, *parts)`.")
    page = Element("html", {"lang": lang})
    page.append(_head(title))
    body = SubElement(page, "body")
    header = SubElement(SubElement(body, "header"), "div", {"class": "wide"})
    header.append(_element("h1", title))
    if lead:
        header.append(_element("p", lead))
    if len(sections) > 1:
        header.append(_contents(sections))
    main = SubElement(body, "main", {"class": "wide"})
    for number, given in enumerate(sections, 1):
        part = SubElement(
            main, "section", {"id": f"s{number}", "aria-labelledby": f"s{number}-title"}
        )
        part.append(_element("h2", given.title, {"id": f"s{number}-title"}))
        part.extend([inner.element for inner in given.parts])
    footer = SubElement(SubElement(body, "footer"), "div", {"class": "wide"})
    footer.append(_element("p", "Written by jaxrnn.evaluation."))
    return "<!DOCTYPE html>\n" + tostring(page, encoding="unicode", method="html") + "\n"


def _head(title: str) -> Element:
    head = Element("head")
    SubElement(head, "meta", {"charset": "utf-8"})
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY})
    SubElement(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    SubElement(head, "meta", {"name": "color-scheme", "content": "light dark"})
    SubElement(head, "meta", {"name": "generator", "content": "jaxrnn"})
    head.append(_element("title", title))
    SubElement(head, "link", {"rel": "icon", "href": "data:,"})
    style = SubElement(head, "style")
    style.text = resources.files(__package__).joinpath("_report.css").read_text("utf-8")
    return head


def _contents(sections: tuple[Section, ...]) -> Element:
    nav = Element("nav", {"aria-label": "Contents"})
    entries = SubElement(nav, "ul")
    for number, given in enumerate(sections, 1):
        entry = SubElement(entries, "li")
        entry.append(_element("a", given.title, {"href": f"#s{number}"}))
    return nav
