"""Sphinx: Markdown pages (MyST), and an API read out of docstrings that are Markdown too."""

import re

from sphinx.util.typing import stringify_annotation

import jaxrnn
from jaxrnn import _typing

project = "jaxrnn"
version = release = jaxrnn.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
# Pages with cells are run when they are built; what fails in one fails the build.
nb_execution_raise_on_error = True
nb_execution_timeout = 300  # seconds a cell
nb_eval_name_regex = r".+"  # the role `eval` takes expressions
nb_render_markdown_format = "myst"  # what cells show may hold tables
nb_output_stderr = "remove"  # JAX says there which devices it did not find
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"jaxrnn {version}"

add_module_names = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
maximum_signature_line_length = 88
napoleon_custom_sections = [("Shapes", "params_style")]
napoleon_use_ivar = True

ALIASES = {
    stringify_annotation(_typing.ArrayLike, "smart"): "ArrayLike",
    stringify_annotation(_typing.Key, "smart"): "Key",
}
INLINE = re.compile(r"`([^`]+)`|\$([^$]+)\$")


def to_rst(lines: list[str]) -> list[str]:
    """A docstring's Markdown as reStructuredText; the Google sections are napoleon's.

    Markdown and reStructuredText differ in four things that the docstrings use: inline code,
    formulas, indented blocks (code in the one, a quotation in the other) and tables.
    """
    done: list[str] = []
    prose: list[str] = []

    def flush() -> None:
        text = INLINE.sub(lambda m: f"``{m[1]}``" if m[1] else f":math:`{m[2]}`", "\n".join(prose))
        done.extend(text.split("\n") if prose else [])
        prose.clear()

    code = example = table = False
    above = ""  # the last line that is not empty
    for line in lines:
        example = (example or line.lstrip().startswith(">>>")) and bool(line)
        row = line.startswith("|")
        starts = line.startswith("    ") and not example and not (prose or done or [""])[-1]
        code = (code or (starts and not above.startswith(" "))) and (not line or line[0] == " ")
        if code or example or row:
            flush()
            if code and above[:1] != " ":
                done += ["::", ""]
            done += _row(line, first=not table) if row else [line]
        else:
            prose.append(line)
        table, above = row, line or above
    flush()
    return done


def _row(line: str, *, first: bool) -> list[str]:
    cells = [INLINE.sub(r"``\1``", cell.strip()) for cell in line.strip("|").split("|")]
    if set(line) <= set("|-: "):
        return []
    head = [".. list-table::", "   :header-rows: 1", ""] if first else []
    return head + [
        f"   {'* -' if place == 0 else '  -'} {cell}" for place, cell in enumerate(cells)
    ]


def convert(app, what, name, obj, options, lines):
    lines[:] = to_rst(lines)


def shorten(app, what, name, obj, options, signature, returned):
    """Name types and functions as a reader knows them, without their modules."""

    def short(text):
        for union, alias in ALIASES.items():
            text = text.replace(union, alias)
        text = re.sub(r"<(?:\w+ of <)?(?:built-in )?function (\w+)[^>]*>+", r"\1", text)
        return re.sub(r"~?\b(?:[a-z_]\w*\.)+([A-Z]\w*)", r"\1", text)

    return signature and short(signature), returned and short(returned)


def setup(app):
    """Convert before napoleon, whose priority is 500, reads the sections."""
    app.connect("autodoc-process-docstring", convert, priority=400)
    app.connect("autodoc-process-signature", shorten)
