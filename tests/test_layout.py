"""Where things stand: import direction, sizes of files, names at the top, what `import` loads."""

import ast
import graphlib
import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = {path.parent.name for path in (ROOT / "jaxrnn").glob("[a-z]*/__init__.py")}

# A package imports those before it, and itself.
ORDER = [
    "_numerics",
    "constraints",
    "cells",
    "engines",
    "networks",
    "information",
    "objectives",
    "heads",
    "metrics",
    "data",
    "generation",
    "tasks",
    "training",
    "analysis",
    "evaluation",
    "interop",
    "testing",
]
TOP = [
    "pyproject.toml",
    "jaxrnn",
    "examples",
    "tests",
    "docs",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "CITATION.cff",
]
SLOW = [
    "flax",
    "optax",
    "orbax",
    "chex",
    "rich",
    "safetensors",
    "matplotlib",
    "sklearn",
    "tokenizers",
    "torch",
]


def modules_imported(code, folder):
    """The parts of every path in jaxrnn that a file in `folder` imports, wherever it does."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            modules = [name.name.split(".") for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*folder[: len(folder) + 1 - node.level]] if node.level else []
            base += node.module.split(".") if node.module else []
            modules = [[*base, name.name] for name in node.names]
        else:
            continue
        found += [path for path in modules if path[0] == "jaxrnn" and len(path) > 1]
    return found


def packages_imported(code, folder):
    """The packages of jaxrnn that a file in `folder` imports."""
    return {path[1] for path in modules_imported(code, folder)} & set(ORDER)


def private_imports(code, folder):
    """What a file in `folder` imports of the private files of other packages, by their paths."""
    return {
        ".".join(path)
        for path in modules_imported(code, folder)
        if path[1] in ORDER
        and path[1] not in folder[1:]
        and any(re.match("_[a-z]", part) for part in path[2:])
    }


@pytest.mark.parametrize("package", ["", "_numerics", *sorted(PACKAGES)])
def test_imports_go_one_way(package):
    """The private files at the root serve all packages, and import none."""
    files = (
        (ROOT / "jaxrnn" / package).rglob("*.py") if package else (ROOT / "jaxrnn").glob("_*.py")
    )
    allowed = set(ORDER[: ORDER.index(package) + 1]) if package else set()
    for path in files:
        if path != ROOT / "jaxrnn" / "__init__.py":
            folder = path.relative_to(ROOT).parent.parts
            assert packages_imported(path.read_text("utf-8"), folder) <= allowed, path


@pytest.mark.parametrize(
    "line",
    [
        "from .. import _check, metrics",
        "from ..metrics import nll",
        "from ..metrics._mean import Mean",
        "import jaxrnn.metrics",
        "from jaxrnn import metrics",
        "def f():\n    from jaxrnn.metrics import nll",
    ],
)
def test_the_direction_test_sees_every_form_of_import(line):
    assert packages_imported(line, ("jaxrnn", "cells")) == {"metrics"}
    others = "import jax\nfrom jax import numpy\nfrom . import metrics\nfrom ._y import z"
    assert packages_imported(others, ("jaxrnn", "cells")) == {"cells"}


def test_no_file_reaches_into_the_private_files_of_another_package():
    """Examples and benchmarks are users; tests may look inside what they test."""
    for path in [
        *(ROOT / "jaxrnn").rglob("*.py"),
        *(ROOT / "examples").glob("*.py"),
        *(ROOT / "tests" / "benchmarks").glob("*.py"),
    ]:
        folder = path.relative_to(ROOT).parent.parts
        assert not private_imports(path.read_text("utf-8"), folder), path


@pytest.mark.parametrize(
    "line, reaches",
    [
        ("from ..metrics._mean import Mean", True),
        ("from ..metrics import _mean", True),
        ("from .._numerics._select import drop", True),
        ("from jaxrnn.metrics._mean import Mean", True),
        ("import jaxrnn.metrics._mean", True),
        ("def f():\n    from ..metrics._mean import Mean", True),
        ("from ..metrics import Mean", False),
        ("from .._numerics import drop", False),
        ("from .. import _check, metrics", False),
        ("from ._cell import Cell", False),
        ("from ..cells._cell import Cell", False),
    ],
)
def test_the_test_of_private_files_sees_every_form_of_import(line, reaches):
    assert bool(private_imports(line, ("jaxrnn", "cells"))) == reaches


def circle(codes):
    """Files that import each other in a circle, of files as `{"jaxrnn/cells/_cell.py": code}`."""

    def file(path):
        """The file that a path in `import` means; what follows it is a name in the file."""
        ends = [end for n in range(len(path), 0, -1) for end in (path[:n], [*path[:n], "__init__"])]
        return next((name for end in ends if (name := "/".join(end) + ".py") in codes), None)

    imports = {
        name: {file(path) for path in modules_imported(code, tuple(name.split("/")[:-1]))}
        for name, code in codes.items()
    }
    try:
        graphlib.TopologicalSorter(
            {name: found - {name, None} for name, found in imports.items()}
        ).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def test_no_files_import_each_other_in_a_circle():
    """Where two need something of each other, it belongs below both."""
    files = (ROOT / "jaxrnn").rglob("*.py")
    codes = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}
    assert not circle(codes)


@pytest.mark.parametrize(
    "line, closes",
    [
        ("from ._cell import Cell", True),
        ("from . import _cell", True),
        ("from .. import cells", True),
        ("from jaxrnn.cells._cell import Cell", True),
        ("def f():\n    from ._cell import Cell", True),
        ("if TYPE_CHECKING:\n    from ._cell import Cell", True),
        ("from .. import _check", False),
        ("from ._rule import Rule", False),
        ("from ..engines import _cell", False),
    ],
)
def test_the_test_of_circles_sees_every_form_of_import(line, closes):
    codes = {
        "jaxrnn/_check.py": "",
        "jaxrnn/cells/__init__.py": "from ._cell import Cell as Cell",
        "jaxrnn/cells/_cell.py": "from ._rule import Rule",
        "jaxrnn/cells/_rule.py": line,
    }
    assert bool(circle(codes)) == closes


def test_functions_of_logits_import_no_network():
    for path in (ROOT / "jaxrnn" / "information").glob("*.py"):
        found = packages_imported(path.read_text("utf-8"), ("jaxrnn", "information"))
        assert found <= {"_numerics", "information"}, path


def test_files_are_short_and_annotations_are_real():
    for path in (ROOT / "jaxrnn").rglob("*.py"):
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= (600 if "kernels" in path.parts else 400), path
        # Postponed annotations are strings, which checks at run time cannot read.
        assert "from __future__ import annotations" not in text, path


def test_the_top_holds_nothing_else():
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
        names = {name.split("/")[0] for name in listed.stdout.split("\0") if name}
        assert {name for name in names if not name.startswith(".")} <= set(TOP)


def test_import_offers_the_packages_and_loads_nothing_slow():
    code = "import json, sys, jaxrnn; print(json.dumps([dir(jaxrnn), [*sys.modules]]))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    offered, loaded = json.loads(ran.stdout)
    assert {name for name in offered if not name.startswith("_")} == PACKAGES | {"unroll"}
    assert not {name.split(".")[0] for name in loaded} & set(SLOW)
