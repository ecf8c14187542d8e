import csv
import io
import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from jaxrnn.analysis import plot_history, plot_run, plot_surprisal
from jaxrnn.analysis._plots import _lines

ROWS = [
    {"step": 1, "train/bits": 3.0, "train/accuracy": 0.1},
    {"step": 2, "train/bits": 2.5, "validation/bits": 2.6, "seconds": None},
    {"step": 3, "train/bits": 2.0, "validation/bits": float("nan"), "note": "warm"},
]


def curves(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}


def test_every_quantity_has_a_panel_with_its_curves():
    figure = plot_history(ROWS)
    bits, accuracy = figure.axes
    assert curves(bits) == {"train": [[1, 3.0], [2, 2.5], [3, 2.0]], "validation": [[2, 2.6]]}
    assert curves(accuracy) == {"train": [[1, 0.1]]}
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["bits", "accuracy"]


def test_a_key_without_a_curve_is_its_own():
    row = {"step": 1, "bits": 2.0, "train/recall/cat": 0.5}
    bits, recall = plot_history([row]).axes
    assert curves(bits) == {"bits": [[1, 2.0]]}
    assert curves(recall) == {"train": [[1, 0.5]]}
    assert recall.get_title(loc="left") == "recall/cat"


def test_quantities_choose_the_panels():
    (axes,) = plot_history(ROWS, quantities=["accuracy"]).axes
    assert axes.get_title(loc="left") == "accuracy"


def test_baselines_are_lines_in_their_panel():
    bits, accuracy = plot_history(ROWS, baselines={"bits": {"n-gram": 2.25, "lzma": 2.5}}).axes
    assert curves(bits)["n-gram 2.25"] == [[0, 2.25], [1, 2.25]]
    assert "lzma 2.5" in curves(bits)
    assert list(curves(accuracy)) == ["train"]


def test_rows_of_a_csv_log_will_do():
    log = "step,train/bits,validation/bits\n1,3.0,\n2,2.5,2.6\n3,2.0,nan\n"
    (axes,) = plot_history(csv.DictReader(io.StringIO(log))).axes
    assert curves(axes) == curves(plot_history(ROWS).axes[0])


@hypothesis.given(st.text(st.sampled_from("ab \n\r\t"), max_size=60), st.integers(1, 9))
def test_lines_make_up_the_text_and_fit(text, columns):
    lines = list(_lines(text, columns))
    assert "".join(lines) == text
    assert all(0 < len(line) <= columns for line in lines)
    assert all("\n" not in line[:-1] for line in lines)


def test_cells_hold_the_surprisal_of_their_character():
    values = np.arange(8.0)
    values[0] = np.nan
    axes = plot_surprisal("to be\nor", values, columns=4)
    (image,) = axes.get_images()
    nan = np.nan
    wanted = [[nan, 1, 2, nan], [3, 4, 5, nan], [6, 7, nan, nan]]
    assert np.array_equal(image.get_array().filled(nan), wanted, equal_nan=True)
    assert axes.get_title(loc="left").endswith("mean 4.00 bits")


def test_letters_stand_in_their_cells():
    axes = plot_surprisal("i  \n  i", np.ones(7), columns=4)
    (letters,) = axes.patches
    x, y = letters.get_path().vertices.T
    # Two letters and a line end have a shape, the blanks have none.
    cells = np.unique(np.floor([y, x]), axis=1)
    assert cells.T.tolist() == [[0, 0], [0, 3], [1, 2]]


def test_a_run_is_a_picture_1200_pixels_wide(tmp_path):
    path = tmp_path / "run.png"
    plot_run(ROWS, "to be $x$", np.ones(9), baselines={"bits": {"n-gram": 2.2}}).savefig(path)
    data = path.read_bytes()
    assert data[1:4] == b"PNG"
    assert int.from_bytes(data[16:20]) == 1200


def test_drawing_leaves_no_global_state():
    code = """
import sys
from jaxrnn.analysis import plot_history
assert "matplotlib" not in sys.modules
plot_history([{"step": 1, "bits": 2.0}])
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot_history([]), ValueError, "nothing to draw for any quantity"),
        (lambda: plot_history([{"step": 1, "bits": None}]), ValueError, "nothing to draw"),
        (lambda: plot_history([{"bits": 1.0}]), ValueError, "every row needs a 'step'"),
        (lambda: plot_history(ROWS, quantities=["loss"]), ValueError, r"\['loss'\].*'bits'"),
        (lambda: plot_history(ROWS, quantities=[]), ValueError, "any quantity"),
        (lambda: plot_history(ROWS, baselines={"x": {}}), ValueError, r"\['x'\]"),
        (lambda: plot_surprisal("", []), ValueError, "at least one"),
        (lambda: plot_surprisal("ab", [1.0]), ValueError, "2 characters.*got shape .1,."),
        (lambda: plot_surprisal("a", [np.nan]), ValueError, "not all nan"),
        (lambda: plot_surprisal("a", [1.0], columns=0), ValueError, "columns"),
        (lambda: plot_run(ROWS, "a", [1.0], columns=0), ValueError, "columns"),
        (lambda: plot_history([3]), TypeError, "each row must be a kind of `Mapping`, got 3"),
        (lambda: plot_history(ROWS, figure=3), TypeError, "figure must be of matplotlib, .* got 3"),
        (lambda: plot_surprisal("a", [1.0], axes="x"), TypeError, "axes must be .* got 'x'"),
    ],
)
def test_errors(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()


def test_without_matplotlib_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'jaxrnn\[plot\]'"):
        plot_history(ROWS)
