"""The pages run, and the API pages leave nothing out."""

import ast
import doctest
import importlib
import inspect
import pathlib
import re
import sys
import types

import jax
import pytest

ROOT = pathlib.Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if BLOCK.search(page.read_text("utf-8"))
]
"""Pages with blocks. A page with cells, `{code-cell}`, is run when the documentation is built."""

NAME = re.compile(r"^\.\. auto\w+:: (jaxrnn(?:\.interop)?\.\w+)\.(\w+)$", re.MULTILINE)

PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT / "jaxrnn").parts)
    for path in (ROOT / "jaxrnn").rglob("[a-z]*/__init__.py")
)
"""Those of `interop` too, such as `interop.linen`; a page serves all of them."""
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "jaxrnn").rglob("_[a-z]*.py"))
    if ">>>" in path.read_text("utf-8")
]
NOT_CALLED = {"Stack", "Sum", "Scaled", "Function", "Batches", "ObjectiveLike"}
"""What a user meets but does not call: made by a verb or an operator, a protocol, an alias."""


def public_names(package):
    """The library's own names in a package's table of contents, those imported as `X as X`."""
    file = ROOT / "jaxrnn" / package.replace(".", "/") / "__init__.py"
    tree = ast.parse(file.read_text("utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]
    return [name.asname for node in imports for name in node.names if name.asname == name.name]


@pytest.fixture
def defaults():
    """What a reader types runs under JAX's own settings, not under the strict ones of the tests."""
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        yield


def run_dialogue(block, page, namespace):
    """Run a block that shows a dialogue, and compare what it prints."""
    test = doctest.DocTestParser().get_doctest(block, namespace, page.name, str(page), 0)
    wrong = []
    doctest.DocTestRunner().run(test, out=wrong.append, clear_globs=False)
    assert not wrong, "".join(wrong)
    namespace.update(test.globs)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_on_the_page_runs(page, defaults, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType(page.stem)  # a module, so that what the page defines can be pickled
    monkeypatch.setitem(sys.modules, page.stem, module)
    namespace = vars(module)
    for block in BLOCK.findall(page.read_text("utf-8")):
        if block.startswith(">>>"):
            run_dialogue(block, page, namespace)
        else:
            exec(compile(block, str(page), "exec"), namespace)
    for value in list(namespace.values()):
        if inspect.isclass(value) and value.__module__ == page.stem:
            run_dialogue(inspect.getdoc(value), page, namespace)


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module, defaults):
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried and not failed


def test_names_that_the_pages_mention_exist():
    """Prose is not run; a name in it may still be one that was given up."""
    packages = "|".join(PACKAGES)
    mentioned = re.compile(rf"`(?:jaxrnn\.)?({packages})\.([A-Za-z]\w*)\b(?!\.md|`_)")
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        found = mentioned.findall(page.read_text("utf-8"))
        for package, name in found:
            assert hasattr(importlib.import_module(f"jaxrnn.{package}"), name), (page.name, name)
    assert mentioned.findall("`cells.Nothing(1)`") == [("cells", "Nothing")]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_api_page_is_complete(package):
    name = package.split(".")[0]
    page = (ROOT / "docs" / "api" / f"{name}.md").read_text("utf-8")
    listed = [found for found in NAME.findall(page) if found[0] == f"jaxrnn.{package}"]
    assert sorted(listed) == sorted((f"jaxrnn.{package}", name) for name in public_names(package))
    assert name in (ROOT / "docs" / "api" / "index.md").read_text("utf-8").split()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_a_docstring_and_an_example(package):
    module = importlib.import_module(f"jaxrnn.{package}")
    assert module.__doc__
    for name in set(public_names(package)) - NOT_CALLED:
        value = getattr(module, name)
        assert value.__doc__, name
        record = inspect.isclass(value) and issubclass(value, tuple)
        if not (record or inspect.isabstract(value)):
            assert ">>>" in value.__doc__, f"{name}: what a user calls needs an example"
