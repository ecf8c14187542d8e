"""What a wrong call says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxrnn import heads

pytestmark = pytest.mark.usefixtures("as_users_run_it")

G, C, N, B = heads.Gaussian(2), heads.Categorical(3), heads.NegativeBinomial(), heads.Bernoulli()
Q = heads.Quantile((0.1, 0.9))
O2, O4 = np.zeros((5, 2), np.float32), np.zeros((5, 4), np.float32)
Y1 = np.ones((5, 1), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (
            lambda: G.mean(np.zeros((5, 3))),
            ValueError,
            r"Gaussian: outputs must be \[T, \*batch, 4\], 2 numbers for each of 2, .*head.size",
        ),
        (lambda: C.mean(O2), ValueError, r"Categorical: outputs must be \[T, \*batch, 3\], 3 n"),
        (lambda: G.mean(O4.astype(int)), TypeError, "Gaussian: outputs must be floating, got int"),
        (lambda: G.mean("x"), TypeError, "Gaussian.mean: outputs must be an array of numbers"),
        (lambda: G.log_prob(O4, Y1), ValueError, r"Gaussian: targets must be .* = \(5, 2\), got"),
        (
            lambda: heads.Gaussian().log_prob(O2, Y1[:, 0]),
            ValueError,
            r"Gaussian: targets .*`targets\[..., None\]`",
        ),
        (lambda: C.log_prob(np.zeros((5, 3)), Y1), ValueError, "Squeeze the trailing axis"),
        (lambda: G.log_prob(O4, np.ones((5, 2), int)), TypeError, "Gaussian: targets .* floating"),
        (
            lambda: G.log_prob(O4, np.ma.masked_array(np.ones((5, 2)), True)),
            TypeError,
            "Gaussian.log_prob: targets .* mask would be lost",
        ),
        (
            lambda: N.log_prob(O2, -Y1),
            ValueError,
            r"NegativeBinomial: targets must be counts 0, 1, 2, ..., got -1.0 at index \(0, 0\)",
        ),
        (lambda: N.crps(O2, Y1 / 2), ValueError, "NegativeBinomial: targets .* counts .* got 0.5"),
        (lambda: N.loss(O2, Y1 * np.nan), ValueError, "NegativeBinomial: targets .* got nan"),
        (lambda: B.loss(O2[:, :1], 2 * Y1), ValueError, "Bernoulli: targets must be 0 or 1, got 2"),
        (
            lambda: C.loss(np.zeros((5, 3), np.float32), np.array([0, 1, 2, 3, -1])),
            ValueError,
            r"Categorical: targets must be labels in \[0, 3\), got 3 at index \(3,\)",
        ),
        (
            lambda: heads.Mixture(N, 2).loss(np.zeros((5, 6), np.float32), -Y1),
            ValueError,
            "Mixture: targets must be counts",
        ),
        (
            lambda: G.quantile(O4, [0.2, 1.0]),
            ValueError,
            r"Gaussian: levels must lie in \(0, 1\)",
        ),
        (lambda: G.quantile(O4, 1), TypeError, r"Gaussian: levels must be floating, in \(0, 1\)"),
        (lambda: G.interval(O4, 1.5), ValueError, r"Gaussian: level must lie in \(0, 1\), got 1.5"),
        (lambda: G.interval(O4, np.nan), ValueError, "Gaussian: level must lie"),
        (lambda: Q.quantile(O2, 0.05), ValueError, r"Quantile: levels must lie in \[0.1, 0.9\]"),
        (lambda: Q.interval(O2, 0.9), ValueError, r"Quantile: level must have its quantiles in"),
        (lambda: Q.log_prob(O2, Y1), NotImplementedError, "Quantile: it has no closed density"),
        (lambda: N.entropy(O2), NotImplementedError, "NegativeBinomial: it has no closed entropy"),
        (lambda: heads.Quantile(()), ValueError, "Quantile: needs at least one level"),
        (lambda: heads.Quantile((0.9, 0.1)), ValueError, r"Quantile: levels must rise within"),
        (lambda: heads.Quantile((0.5, 0.5)), ValueError, r"Quantile: levels must rise within"),
        (lambda: heads.Quantile((0.0, 0.5)), ValueError, r"Quantile: levels must rise within"),
        (lambda: heads.Quantile([0.1, 0.5]), TypeError, "Quantile: levels must be a tuple"),
        (lambda: heads.Gaussian(0), ValueError, "Gaussian: dim must be at least 1, got 0"),
        (
            lambda: heads.Gaussian(floor=0.0),
            ValueError,
            "Gaussian: floor must be finite and",
        ),
        (
            lambda: heads.StudentT(df_floor=-1.0),
            ValueError,
            "StudentT: df_floor must be finite",
        ),
        (lambda: heads.Mixture(G, 0), ValueError, "Mixture: components must be at least 1"),
        (lambda: heads.Mixture(3, G), TypeError, "Mixture: component must be a kind of `Head`"),
        (lambda: G.sample(0, O4), TypeError, "Gaussian.sample: key must be a key"),
        (lambda: G.sample(jax.random.key(0), O4, 3), TypeError, r"Gaussian.sample: shape .*\(3,\)"),
        (lambda: G.sample(jax.random.key(0), O4, (-1,)), ValueError, "shape must be at least 0"),
        (lambda: heads.NLL(G)(O4, Y1.tolist()), TypeError, "NLL: targets must be an array"),
        (lambda: heads.NLL("x"), TypeError, "NLL: head must be a kind of `Head`"),
        (lambda: heads.Pinball(G), TypeError, "Pinball: head must be a kind of `Quantile`"),
    ],
)
def test_messages(call, error, says):
    with pytest.raises(error, match=f"(?s){says}"):
        call()


def test_levels_inside_jit_are_not_a_number():
    levels = jnp.array([0.5, 1.5])
    got = jax.jit(G.quantile)(O4, levels)
    assert got.shape == (5, 2, 2)
    assert np.isnan(got[..., 1]).all() and not np.isnan(got[..., 0]).any()
    assert np.isnan(jax.jit(Q.quantile)(O2, jnp.array(0.01))).all()


def test_lists_and_numbers_of_numpy_are_taken():
    assert G.log_prob([0.0] * 4, [1.0, 2.0]).shape == ()
    assert C.log_prob([[0.0, 0.0, 0.0]], [2]).shape == (1,)
    assert heads.Gaussian(np.int64(2)) == G
    # The outer levels are levels of intervals too, however they are rounded.
    assert np.isfinite(Q.interval(O2, 0.8).low).all()
