"""The reliability diagram."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from jaxrnn.analysis import plot_reliability

NAN = float("nan")


def table(confidence, accuracy, count):
    return SimpleNamespace(confidence=confidence, accuracy=accuracy, count=count)


def test_it_draws_the_bins_that_hold_predictions_by_rising_confidence():
    figure = plot_reliability(table([0.9, NAN, 0.5], [0.75, NAN, 0.6], [3, 0, 1]))
    above, below = figure.axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in above.get_lines()}
    assert lines["calibrated"] == [[0, 0], [1, 1]]
    assert lines["accuracy"] == [[0.5, 0.6], [0.9, 0.75]]
    (gaps,), (counts,) = above.collections, below.collections
    assert np.array(gaps.get_segments()).tolist() == [
        [[0.5, 0.5], [0.5, 0.6]],
        [[0.9, 0.9], [0.9, 0.75]],
    ]
    assert np.array(counts.get_segments()).tolist() == [[[0.5, 0], [0.5, 1]], [[0.9, 0], [0.9, 3]]]
    # 3/4 of .15 and 1/4 of .1
    assert above.get_title(loc="left") == "ECE 13.8 %, accuracy 71.2 % at confidence 80.0 %"


def test_it_draws_into_a_figure_that_is_given():
    figure = plot_reliability(table([0.5], [0.5], [2]))
    part = figure.subfigures(1, 2)[1]
    assert plot_reliability(table([0.5], [0.5], [2]), figure=part) is part
    assert len(part.axes) == 2


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        (([0.5], [0.5, 0.6], [1]), ValueError, r"shapes \(1,\), \(2,\) and \(1,\)"),
        (([[0.5]], [[0.5]], [[1]]), ValueError, "of one length"),
        (([0.5], [0.5], [0]), ValueError, "not all 0"),
        (([], [], []), ValueError, "not all 0"),
        (([0.5], [0.5], [-1]), ValueError, "must not be negative"),
        (([1.5], [0.5], [1]), ValueError, r"confidence must lie in \[0, 1\]"),
        (([0.5], [NAN], [1]), ValueError, r"accuracy must lie in \[0, 1\]"),
    ],
)
def test_errors(fields, error, says):
    with pytest.raises(error, match=says):
        plot_reliability(table(*fields))


def test_a_table_has_names(monkeypatch):
    monkeypatch.setattr("jaxtyping.config.jaxtyping_disable", True)
    with pytest.raises(TypeError, match=r"the fields confidence, accuracy and count.*got tuple"):
        plot_reliability(([0.5], [0.5], [1]))


def test_without_matplotlib_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'jaxrnn\[plot\]'"):
        plot_reliability(table([0.5], [0.5], [2]))
