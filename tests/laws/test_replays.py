"""A replay is its rollout, and each usual mistake is told by its name."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import cells, networks, testing
from tests import zoo

T, B = 9, 5


class Total(networks.Layer):
    """A running sum that starts from ones, so zeros are another carry."""

    wrong: str = jax.tree.static(default="")

    def init(self, key):
        return jnp.ones(3)

    def carry(self, params, batch=()):
        return jnp.ones((*batch, 3), params.dtype)

    def run(self, params, xs, carry, *, key, mask, resets):
        def step(carry, inputs):
            x, reset = inputs
            carry = jnp.where(reset[:, None], 1, carry) + params[None] * x
            return carry, carry

        deaf = resets is None or self.wrong == "deaf"
        if self.wrong == "cut" and len(xs) > 1:
            carry = jax.lax.stop_gradient(carry)
        starts = jnp.zeros(xs.shape[:-1], bool) if deaf else resets
        last, ys = jax.lax.scan(step, carry, (xs, starts))
        return last, (ys - ys[-1:] if self.wrong == "looks ahead" else ys)

    def step(self, params, carry, x, *, resets=None):
        return super().step(params, carry, x, resets=None if self.wrong == "deaf" else resets)

    @property
    def input_shape(self):
        return (3,)


RESETS = np.zeros((T, B), bool)
RESETS[[0, 3, 3, 6, T - 1], [1, 0, 1, 2, 2]] = True
XS = np.random.default_rng(0).normal(size=(T, B, 3)).astype(np.float32)
CARRY = np.random.default_rng(1).normal(size=(B, 3)).astype(np.float32)
LAYER, PARAMS = Total(), np.array([1.0, -0.5, 0.3], np.float32)


def rollout(carry=CARRY, resets=RESETS, layer=LAYER, xs=XS, zeros=False):
    """By hand, as those who write their own loop do."""
    ys = []
    for x, reset in zip(xs, resets, strict=True):
        new = np.zeros_like(carry) if zeros else np.ones_like(carry)
        carry = np.where(reset[:, None], new, carry) + PARAMS[None] * x
        ys.append(carry)
    return np.stack(ys), carry


def found(said, layer=LAYER, **options):
    """The laws that fail, and what is said of the first."""
    try:
        report = testing.check_replay(layer, PARAMS, said, echo=False, **options)
    except testing.BrokenLaws as error:
        return error.report.failed, error.report.results[0].found
    return report.failed, report.results[0].found


def test_what_was_recorded_rightly_holds():
    ys, last = rollout()
    failed, measured = found(testing.Rollout(XS, RESETS, CARRY, ys, last))
    assert not failed and "at most" in measured
    assert not found(testing.Rollout(XS, None, None, np.cumsum(PARAMS[None] * XS, 0) + 1))[0]


def later(resets, by):
    moved = np.roll(resets, by, axis=0)
    moved[0 if by == 1 else -1] = [True, False, False, True, False]
    return moved


YS = rollout()[0]
MISTAKES = {
    "where an episode ended": testing.Rollout(XS, later(RESETS, -1), CARRY, YS),
    "a step before the one": testing.Rollout(XS, later(RESETS, 1), CARRY, YS),
    "replaced twice": testing.Rollout(
        XS, RESETS, CARRY, rollout(resets=RESETS | later(RESETS, 1))[0]
    ),
    "never replaced": testing.Rollout(XS, RESETS, CARRY, rollout(resets=np.zeros_like(RESETS))[0]),
    "became zeros": testing.Rollout(XS, RESETS, CARRY, rollout(zeros=True)[0]),
    "the layer's own carry": testing.Rollout(
        XS, RESETS, CARRY, rollout(carry=np.ones_like(CARRY))[0]
    ),
    "after the first step": testing.Rollout(XS, RESETS, YS[0], YS),
    "those of the next step": testing.Rollout(np.roll(XS, -1, axis=0), RESETS, CARRY, YS),
    "the first reset on, so the carry": testing.Rollout(XS, RESETS, 2 * CARRY, YS),
    "nothing but parameters": testing.Rollout(1.1 * XS, RESETS, CARRY, YS),
    "within an episode": testing.Rollout(
        np.where(np.arange(T)[:, None, None] == 1, 0, XS), RESETS, CARRY, YS
    ),
}


@pytest.mark.parametrize("said", MISTAKES)
def test_mistakes_are_told_apart(said):
    failed, why = found(MISTAKES[said], skip=["steps", "gradient", "fresh"])
    assert failed == ("recorded",) and said in why, why
    assert all(other not in why for other in MISTAKES if other != said), why


def test_where_nothing_is_reset_no_more_is_said_than_is_known():
    given = testing.Rollout(XS, None, 2 * CARRY, rollout(resets=np.zeros_like(RESETS))[0])
    assert "a sequence with a reset would tell" in found(given, skip=["steps", "gradient"])[1]


def test_a_last_carry_that_was_reset_and_bits_that_differ():
    ys, last = rollout()
    skip = ["steps", "gradient", "fresh"]
    assert found(testing.Rollout(XS, RESETS, CARRY, ys, 0 * last), skip=skip)[0] == ("last carry",)
    near = np.nextafter(ys, np.float32(9))
    assert not found(testing.Rollout(XS, RESETS, CARRY, near), skip=skip)[0]
    assert found(testing.Rollout(XS, RESETS, CARRY, near), skip=skip, tolerance=0.0)[0]
    ys[2, 1, 0] += 1
    assert "step 2 of sequence [1]" in found(testing.Rollout(XS, RESETS, CARRY, ys), skip=skip)[1]


@pytest.mark.parametrize(
    ("wrong", "law"), [("looks ahead", "steps"), ("deaf", "fresh"), ("cut", "gradient")]
)
def test_a_layer_that_breaks_the_law_is_found(wrong, law):
    with pytest.raises(testing.BrokenLaws) as raised:
        testing.check_replay(Total(wrong), skip=sorted({"steps", "gradient", "fresh"} - {law}))
    assert raised.value.report.failed == (law,)


def test_a_network_of_symbols():
    testing.check_replay(zoo.LAYERS["named"], echo=False)


STREAM = sorted({*zoo.LAYERS} - zoo.NEED_THE_FUTURE - {"named"})


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAM)
def test_every_layer_that_streams(name):
    testing.check_replay(zoo.LAYERS[name], echo=False)


GRU = networks.Recurrent(cells.GRU(3, 3))
NAN = np.where(np.arange(T)[:, None, None] == 4, np.float32("nan"), XS)
BAD = [
    ((zoo.LAYERS["bidirectional"],), {}, TypeError, "cannot stream"),
    ((GRU, None, testing.Rollout(XS)), {}, TypeError, "made with parameters"),
    ((LAYER, PARAMS, (XS, RESETS)), {}, TypeError, "must be a `Rollout`.*Name its parts"),
    (
        (LAYER, PARAMS, testing.Rollout(XS, RESETS.T)),
        {},
        ValueError,
        r"resets must be \[T, \*batch",
    ),
    ((LAYER, PARAMS, testing.Rollout(XS, 1 * RESETS)), {}, TypeError, "resets must be Bool"),
    ((LAYER, PARAMS, testing.Rollout(XS[:0])), {}, ValueError, "no step"),
    (
        (LAYER, PARAMS, testing.Rollout(XS, outputs=XS[:-1])),
        {},
        ValueError,
        "outputs of the shapes",
    ),
    (
        (LAYER, PARAMS, testing.Rollout(XS, outputs=[XS])),
        {},
        ValueError,
        "Record what `layer.step`",
    ),
    ((LAYER, PARAMS, testing.Rollout(XS, last=XS)), {}, ValueError, "last of the shapes"),
    (
        (LAYER, PARAMS, testing.Rollout(NAN)),
        {},
        ValueError,
        r"inputs holds NaN, first at \[4, 0, 0",
    ),
    ((LAYER, PARAMS, testing.Rollout(XS, outputs="ys")), {}, TypeError, "outputs must be an array"),
    ((LAYER, PARAMS, testing.Rollout(XS)), {"skip": ["deaf"]}, ValueError, "skip names no law"),
    ((LAYER, PARAMS, testing.Rollout(XS)), {"tolerance": -1.0}, ValueError, "tolerance must be"),
]


@pytest.mark.parametrize(("given", "options", "error", "message"), BAD)
@pytest.mark.usefixtures("as_users_run_it")
def test_what_is_wrong_is_said(given, options, error, message):
    with pytest.raises(error, match=message):
        testing.check_replay(*given, **options)


@pytest.mark.parametrize(("batch", "dtype"), [((), jnp.bfloat16), ((2, 3), jnp.float32)])
def test_any_batch_axes_and_types(batch, dtype, key):
    """Narrow types are held to their own rounding."""
    layer = networks.Recurrent(cells.GRU(3, 3))
    xs = jax.random.normal(key, (5, *batch, 3)).astype(dtype)
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), layer.init(key))
    resets = jnp.zeros((5, *batch), bool).at[2].set(True)
    carry, ys = layer.apply(params, xs, resets=resets)
    said = testing.Rollout(xs, resets, outputs=ys, last=carry)
    assert testing.check_replay(layer, params, said, echo=False).holds


def test_values_are_needed():
    def traced(xs):
        return testing.check_replay(LAYER, PARAMS, testing.Rollout(xs)).holds

    with pytest.raises(TypeError, match=r"inputs is traced.*outside jit"):
        jax.jit(traced)(XS)
