import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn.data import MinMax, Robust, Scaler, Scaling, Standardize, fit_scaler

RNG = np.random.default_rng(0)
TRAIN = RNG.normal(5.0, [1.0, 100.0, 1e-3], (50, 3))
LATER = RNG.normal(5.0, [2.0, 10.0, 1e-3], (7, 3))
KINDS = [Standardize(), MinMax(), MinMax(-2.0, 3.0), Robust(), Robust(0.1, 0.8)]


class Wide(Scaling):
    def fit(self, columns):
        return np.zeros(1), np.ones(1)


def of_scikit_learn(kind):
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    if isinstance(kind, Standardize):
        return preprocessing.StandardScaler()
    if isinstance(kind, MinMax):
        return preprocessing.MinMaxScaler((kind.low, kind.high))
    return preprocessing.RobustScaler(quantile_range=(100 * kind.low, 100 * kind.high))


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@pytest.mark.parametrize("gaps", [False, True])
def test_values_are_those_of_scikit_learn(kind, gaps):
    train = np.where(RNG.random(TRAIN.shape) < 0.2, np.nan, TRAIN) if gaps else TRAIN
    theirs = of_scikit_learn(kind).fit(train)
    ours = fit_scaler(kind, train)
    for values in (train, LATER):
        np.testing.assert_allclose(
            ours.transform(values), theirs.transform(values), rtol=1e-10, atol=1e-12
        )
        np.testing.assert_allclose(ours.inverse(values), theirs.inverse_transform(values), 1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_a_constant_feature_gets_the_scale_that_scikit_learn_gives_it(kind):
    train = np.stack([TRAIN[:, 0], np.full(50, 0.1)], axis=1)
    ours = fit_scaler(kind, train, constant=1.0)
    theirs = of_scikit_learn(kind).fit(train)
    assert ours.scale[1] == 1.0
    if not isinstance(kind, MinMax):  # whose constant feature is its least value, and so `low`
        np.testing.assert_allclose(ours.transform(train), theirs.transform(train), atol=1e-12)


@hypothesis.given(
    hnp.arrays(np.float64, (6, 2), elements=st.floats(-1e6, 1e6)),
    st.sampled_from(KINDS),
)
def test_what_was_scaled_comes_back(values, kind):
    hypothesis.assume(np.ptp(values, axis=0).min() > 0)
    scaler = fit_scaler(kind, values, constant=1.0)
    back = scaler.inverse(scaler.transform(values))
    ulp = np.spacing(np.maximum(np.abs(values), np.abs(scaler.center)))
    assert np.all(np.abs(back - values) <= 2 * ulp)
    narrow = values.astype(np.float32)
    back = scaler.inverse(scaler.transform(narrow)).astype(np.float32)
    close = np.abs(narrow) * 2.0**24 > np.abs(scaler.center)
    assert np.array_equal(back[close], narrow[close])


@pytest.mark.parametrize("dtype", [np.float32, np.float16, jnp.bfloat16, np.int32, np.uint8])
def test_narrow_numbers_come_back_bit_for_bit(dtype):
    values = np.clip(TRAIN, 0, 200).astype(dtype)
    scaler = fit_scaler(Standardize(), values, constant=1.0)
    scaled = scaler.transform(values)
    assert scaled.dtype == np.float64
    back = scaler.inverse(scaled)
    back = back.round() if np.issubdtype(dtype, np.integer) else back
    assert np.array_equal(back.astype(dtype), values)


def test_what_is_held_out_changes_nothing_and_missing_values_count_for_nothing():
    scaler = fit_scaler(Standardize(), [1.0, np.nan, 3.0])
    assert (scaler.center, scaler.scale) == (2.0, 1.0)
    assert np.array_equal(scaler.transform([np.nan, 3.0]), [np.nan, 1.0], equal_nan=True)


def test_features_lie_along_the_last_axis():
    several = TRAIN.reshape(10, 5, 3)
    assert np.array_equal(
        fit_scaler(Robust(), several).transform(several).reshape(50, 3),
        fit_scaler(Robust(), TRAIN).transform(TRAIN),
    )
    alone = fit_scaler(Robust(), TRAIN[:, 1])
    assert alone.center.shape == ()
    assert alone.transform(several).shape == several.shape


def test_a_forecast_is_brought_back_inside_jit():
    scaler = fit_scaler(MinMax(), TRAIN)
    values = jnp.asarray(LATER, jnp.float32)
    back = jax.jit(jax.vmap(lambda x: scaler.inverse(scaler.transform(x))))(values)
    assert back.dtype == jnp.float32
    np.testing.assert_allclose(back, LATER, rtol=1e-4)
    slope = jax.grad(lambda x: scaler.inverse(x).sum())(values)
    np.testing.assert_allclose(slope, np.broadcast_to(scaler.scale, LATER.shape), rtol=1e-6)
    assert scaler.inverse(jnp.zeros(3, int)).dtype == jnp.float32
    assert fit_scaler(MinMax(), TRAIN[:, 0]).inverse(jnp.float32(1)).shape == ()


CONSTANT = np.stack([np.arange(9.0), np.full(9, 0.1), np.zeros(9)], axis=1)
WRONG = {
    "constant": (
        lambda: fit_scaler(Standardize(), CONSTANT),
        ValueError,
        r"feature 1 \(and 1 more\) has no scale: all of its values are 0.1.*constant=1.0",
    ),
    "constant series": (
        lambda: fit_scaler(MinMax(), np.ones(9)),
        ValueError,
        "fit_scaler: the series has no scale: all of its values are 1.0",
    ),
    "mostly constant": (
        lambda: fit_scaler(Robust(), [0.0] * 9 + [1.0]),
        ValueError,
        "the series has no scale: most of its values are 0.0",
    ),
    "one row": (lambda: fit_scaler(Standardize(), [[1.0, 2.0]]), ValueError, "feature 0 .and 1"),
    "only nan": (
        lambda: fit_scaler(Robust(), np.full((4, 2), np.nan)),
        ValueError,
        "feature 0 of train has no number, only NaN",
    ),
    "infinite": (
        lambda: fit_scaler(Robust(), [[1.0], [np.inf]]),
        ValueError,
        "train is infinite at row 1, feature 0. Put NaN there",
    ),
    "empty": (lambda: fit_scaler(Robust(), np.zeros((0, 2))), ValueError, "not empty"),
    "complex": (lambda: fit_scaler(Robust(), [1j, 2]), TypeError, "real numbers, got complex"),
    "flags": (lambda: fit_scaler(Robust(), [True, False]), TypeError, "real numbers, got bool"),
    "kind": (lambda: fit_scaler("robust", TRAIN), TypeError, "scaling must be a kind of `Scaling`"),
    "class": (lambda: fit_scaler(Robust, TRAIN), TypeError, "scaling must be a kind of `Scaling`"),
    "scale 0": (lambda: fit_scaler(Robust(), TRAIN, constant=0.0), ValueError, "constant must be"),
    "features": (
        lambda: fit_scaler(Robust(), TRAIN).transform(TRAIN[:, :2]),
        ValueError,
        r"Scaler.transform: values must be \[\.\.\., 3\].*got shape \(50, 2\)",
    ),
    "number": (
        lambda: fit_scaler(Robust(), TRAIN).inverse(1.0),
        ValueError,
        r"Scaler.inverse: .*3",
    ),
    "masked": (
        lambda: fit_scaler(Robust(), np.ma.array(TRAIN, mask=TRAIN > 5)),
        TypeError,
        "fit_scaler: train .*mask would be lost",
    ),
    "overflow": (
        lambda: fit_scaler(Standardize(), [1e200, 0.0]),
        ValueError,
        r"center and scale of Standardize\(\) must be finite",
    ),
    "own": (
        lambda: fit_scaler(Wide(), TRAIN),
        ValueError,
        r"center and scale of .*Wide.* must be finite and \(3,\)",
    ),
    "order": (lambda: MinMax(1.0, 1.0), ValueError, "low must be below high, got 1.0 and 1.0"),
    "percent": (lambda: Robust(25, 75), ValueError, "quantiles must lie between 0 and 1"),
    "text": (lambda: MinMax("0"), TypeError, "MinMax: low must be a number, got '0'"),
    "by hand": (lambda: Scaler(np.zeros(2), np.array([1.0, 0.0])), ValueError, "a scale of 0"),
    "shapes": (lambda: Scaler(np.zeros(2), np.ones(3)), ValueError, "must have one shape"),
    "nan": (lambda: Scaler(np.nan, 1.0), ValueError, "center must be finite"),
    "complex center": (lambda: Scaler(1j, 1.0), TypeError, "center must be real"),
    "narrow": (
        lambda: Scaler(0.0, 1e-50).transform(jnp.ones(1, jnp.float32)),
        ValueError,
        "float32 cannot hold",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), WRONG.values(), ids=WRONG)
def test_errors(call, error, message, as_users_run_it):
    with pytest.raises(error, match=message):
        call()
