import numpy as np
import pytest

from jaxrnn import evaluation

STATES = np.random.default_rng(0).normal(size=(9, 2, 4))


def test_bars_are_coloured_by_their_sign_and_named_by_their_symbols():
    figure = evaluation.plot_attributions([0.5, -0.25, 0.0], symbols=["$a", "b", "\x00"])
    bars = figure.axes[0].patches
    assert [bar.get_height() for bar in bars] == [0.5, -0.25, 0.0]
    assert bars[0].get_facecolor() == bars[2].get_facecolor() != bars[1].get_facecolor()
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["$a", "b", "\ufffd"]
    evaluation.picture(figure, alt="It can be drawn, whatever the symbols are.")


def test_a_map_is_symmetric_about_nothing():
    image = evaluation.plot_attributions(STATES[:, 0]).axes[0].images[0]
    assert image.get_clim() == (-np.abs(STATES[:, 0]).max(), np.abs(STATES[:, 0]).max())
    np.testing.assert_array_equal(image.get_array(), STATES[:, 0].T)


def test_states_are_points_of_their_class():
    found = evaluation.principal_components(STATES, 3)
    labels, where = np.arange(18).reshape(9, 2) % 2, np.arange(9)[:, None] < [9, 5]
    lines = evaluation.plot_components(found, STATES, labels=labels, where=where).axes[0].lines
    points = np.asarray(found.project(STATES))[..., :2]
    for kind, line in enumerate(lines):
        np.testing.assert_array_equal(line.get_xydata(), points[where & (labels == kind)])


def test_probes_and_randomised_layers_are_drawn():
    axes = evaluation.plot_probes({"rnn": evaluation.Probe(0.9, 0.6, 0.5)}).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.9, 0.6, 0.5]
    rows = [evaluation.Randomized("rnn", float("nan"), 0.2)]
    lines = evaluation.plot_randomization(rows).axes[0].lines
    np.testing.assert_array_equal(lines[0].get_ydata(), [1, np.nan])
    np.testing.assert_array_equal(lines[1].get_ydata(), [1, 0.2])


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: evaluation.plot_attributions([[[1.0]]]), "1 or 2 axes"),
        (lambda: evaluation.plot_attributions([1.0, np.nan]), r"finite, got nan at \[1\]"),
        (lambda: evaluation.plot_attributions([1.0], symbols=["a", "b"]), "one a step, got 2"),
        (lambda: evaluation.plot_saliency([[-1.0]]), "must not be negative"),
        (
            lambda: evaluation.plot_components(evaluation.principal_components(STATES, 1), STATES),
            "two at least",
        ),
        (
            lambda: evaluation.plot_components(
                evaluation.principal_components(STATES, 2), STATES, labels=[1]
            ),
            r"labels must be \[\*steps\]",
        ),
        (lambda: evaluation.plot_probes({}), "by name"),
        (lambda: evaluation.plot_randomization([]), "no rows"),
    ],
)
def test_bad_input_is_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()
