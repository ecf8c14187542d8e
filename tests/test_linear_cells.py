"""Linear cells: what they start from, that they are stable, and what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import cont2discrete

from jaxrnn import cells, engines, networks, unroll
from jaxrnn.cells._hippo import hippo_basis
from jaxrnn.cells._rg_lru import _root

KEY = jax.random.key(0)
DRAW = np.random.default_rng(0)


def near(got, wanted, tolerance=1e-12):
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


def test_hippo_n_diagonalises_the_normal_part_of_hippo_legs():
    """HiPPO-LegS as S4's paper has it, less its part of rank one."""
    size = 8
    legs = np.zeros((size, size))
    for n in range(size):
        for k in range(n):
            legs[n, k] = -np.sqrt((2 * n + 1) * (2 * k + 1))
        legs[n, n] = -(n + 1)
    p = np.sqrt(np.arange(size) + 0.5)
    normal = legs + np.outer(p, p)
    found = np.linalg.eigvals(normal)
    values, vectors = hippo_basis(size)
    near(np.sort(np.concatenate([values.imag, -values.imag])), np.sort(found.imag))
    near(found.real, np.full(size, -0.5))
    near(normal, 2 * ((vectors * values) @ vectors.conj().T).real)
    near(cells.s4d_inv(8)[0].imag, 8 / np.pi * 7)


def test_s5_starts_from_hippo_n_in_blocks(x64):
    cell = cells.S5(3, 8, blocks=2, min_step=0.01, max_step=0.1)
    params = cell.init(KEY)
    near(-np.exp(params.log_decay), np.full(4, -0.5))
    near(params.frequency, np.tile(cells.hippo_n(4).imag, 2))
    basis = np.kron(np.eye(2), hippo_basis(4)[1])
    # The inputs of a real system, in its eigenvectors: both ways the same numbers.
    kernel = np.asarray(params.kernel[0]) + 1j * np.asarray(params.kernel[1])
    real = 2 * (kernel @ basis.T).real
    near(real @ basis.conj(), kernel)
    step = np.exp(params.log_step)
    assert (step >= 0.01).all() and (step <= 0.1).all()


@pytest.mark.parametrize("noun, method", [(cells.ZOH(), "zoh"), (cells.Bilinear(), "bilinear")])
def test_discretisation_is_that_of_scipy(noun, method, x64):
    values = np.array([-0.5 + 3j, -2.0 + 0j, -1e-9 + 0j])
    steps = np.array([0.1, 0.5, 0.3])
    a, b = noun.factors(jnp.asarray(values), jnp.asarray(steps))
    for i, (value, step) in enumerate(zip(values, steps, strict=True)):
        # In real numbers, which scipy's exponential is exact for.
        matrix = np.array([[value.real, -value.imag], [value.imag, value.real]])
        system = matrix, np.eye(2), np.eye(2), np.zeros((2, 2))
        ad, bd, *_ = cont2discrete(system, step, method)
        near([a[i].real, a[i].imag], ad[:, 0])
        near([b[i].real, b[i].imag], bd[:, 0])


def test_zero_order_hold_at_zero_has_a_limit_and_a_gradient():
    def total(value):
        a, b = cells.ZOH().factors(value, jnp.array([0.5], jnp.float32))
        return (a.real + b.real).sum()

    zero = jnp.zeros(1, jnp.complex64)
    assert float(total(zero)) == 1.5
    assert bool(jnp.isfinite(jax.grad(total)(zero)).all())


def test_rg_lru_starts_on_its_ring(x64):
    params = cells.RGLRU(400, 4, min_radius=0.5, max_radius=0.8).init(KEY)
    radius = np.exp(-jax.nn.softplus(params.decay))
    assert radius.min() >= 0.5 and radius.max() <= 0.8
    near(np.mean(radius**2), (0.25 + 0.64) / 2, 0.02)  # uniform in area


def test_rg_lru_has_finite_gradients_where_it_keeps_all():
    """At a decay that underflows, the root is that of 0."""
    cell = cells.RGLRU(2)
    params = cell.init(KEY)._replace(decay=jnp.full(2, -200.0))

    def loss(params):
        return unroll(cell, params, jnp.ones((3, 2)))[1].sum()

    gradient = jax.grad(loss)(params)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in gradient)
    assert float(jax.grad(_root)(jnp.zeros(()))) == 1000.0
    near(jax.grad(_root)(jnp.array(0.25)), 1.0, 1e-6)


def test_oscillators_are_stable_whatever_their_parameters(x64):
    stiffness, step = jnp.asarray(4 * DRAW.normal(size=50)), jnp.asarray(DRAW.uniform(size=50))
    for noun in (cells.IM(), cells.IMEX()):
        a = noun.squared_frequency(stiffness, step)
        m = np.moveaxis(noun.matrices(a, step)[0], -1, 0)
        sizes = np.abs(np.linalg.eigvals(m))
        wanted = 1 / np.sqrt(1 + step**2 * a) if noun == cells.IM() else np.ones(50)
        near(sizes, np.stack([wanted, wanted], 1), 1e-7)  # of double roots, half the digits
        low = jnp.full(50, -30.0)
        slope = jax.grad(lambda x, n=noun: n.squared_frequency(x, step).sum())(low)
        assert (slope > 0).all()  # near 0, where a bound by `relu` would have none


def test_oscillators_start_as_the_paper_has_them(x64):
    for noun in (cells.IM(), cells.IMEX()):
        params = cells.LinOSS(2, 200, noun).init(KEY)
        step = jax.nn.sigmoid(params.step)
        a = noun.squared_frequency(params.stiffness, step)
        assert 0 < a.min() < 0.05 and 0.95 < a.max() < 1
        assert step.min() >= 0.5 and step.max() <= jax.nn.sigmoid(1.0)


def test_averages_without_learned_rates_have_no_parameters(x64):
    cell = cells.ExponentialMovingAverage(2, (0.5, 0.1), learned=False)
    params, xs = cell.init(KEY), DRAW.normal(size=(4, 2))
    assert not jax.tree.leaves(params)
    h = np.zeros((2, 2))
    for x in xs:
        h = h + np.array([0.5, 0.1]) * (x[:, None] - h)
    last, ys = unroll(cell, params, jnp.asarray(xs), engine=engines.Associative())
    near(last, h)
    near(ys[-1], h.ravel())
    slope = jax.grad(lambda cell: unroll(cell, params, jnp.asarray(xs))[1].sum())(cell)
    assert all(rate != 0 for rate in slope.rates)


def test_gates_that_underflow_leave_shares():
    params = cells.InputGatedParams(jnp.zeros((1, 3)), jnp.array([-2e3, -2e3, 0.5]))
    a, b = cells.MinLSTM(1, 1).coefficients(params, jnp.ones(1))
    near(a, [0.5], 1e-6)
    near(b, [0.5], 1e-6)


def test_sru_hands_its_input_on_where_sizes_allow(x64):
    cell = cells.SRU(3, 3, highway_bias=-60.0)
    params, x = cell.init(KEY), jnp.asarray(DRAW.normal(size=3))
    assert params.skip is None
    near(cell.step(params, cell.carry(params), x)[1], x)


def test_a_layer_before_qrnn_gives_it_the_window_of_its_paper(x64):
    """Both steps side by side, and a kernel for each."""
    window = networks.CausalConv(2, width=2, outputs=4, groups=1, use_bias=False)
    hand_on = np.zeros((2, 2, 4))
    hand_on[0, :, :2] = hand_on[1, :, 2:] = np.eye(2)
    xs = DRAW.normal(size=(5, 2))
    params = networks.CausalConvParams(jnp.asarray(hand_on), None)
    before = np.concatenate([np.zeros((1, 2)), xs[:-1]])
    near(window.apply(params, jnp.asarray(xs))[1], np.concatenate([xs, before], -1))


def test_blocks_compose_as_matrices_do(x64):
    a, b = DRAW.normal(size=(2, 5, 2, 2))
    pairs = cells.PairBlocks().compose(*(jnp.asarray(np.moveaxis(m, 0, -1)) for m in (a, b)))
    near(np.moveaxis(pairs, -1, 0), b @ a)
    near(cells.DenseBlocks().compose(jnp.asarray(a), jnp.asarray(b)), b @ a)


ERRORS = [
    (lambda: cells.S4D(3, 5), "S4D: state must be even.*got 5"),
    (lambda: cells.S5(3, 12, blocks=4), r"S5: state must be a multiple of 2 \* blocks.*12"),
    (lambda: cells.hippo_n(3), "hippo_n: size must be even"),
    (lambda: cells.hippo_n(0), "hippo_n: size must be at least 2"),
    (lambda: cells.S5(3, 4, min_step=0.0), "S5: steps must satisfy 0 < min_step"),
    (lambda: cells.S6(3, min_step=0.2), "S6: steps must satisfy 0 < min_step <= max_step"),
    (lambda: cells.ZOH().factors(jnp.ones(1, "c8"), jnp.zeros(1)), "ZOH: steps must be greater"),
    (lambda: cells.S4D(3, 4, eigenvalues=np.ones).init(KEY), r"S4D: eigenvalues\(4\) must be 2"),
    (lambda: cells.RGLRU(5, 2), "RGLRU: features must be a multiple of heads, got 5 and 2"),
    (lambda: cells.RGLRU(4, max_radius=1.0), "RGLRU: radii must satisfy 0 < min_radius"),
    (lambda: cells.SLiCE(3, 6), "SLiCE: hidden must be a multiple of block, got 6 and 4"),
    (lambda: cells.SLiCE(3, 4, step_size=0.0), "SLiCE: step_size must be greater than 0, got 0.0"),
    (lambda: cells.HGRN(3, 4, 1.0), r"HGRN: lower_bound must lie in \[0, 1\), got 1.0"),
    (lambda: cells.ExponentialMovingAverage(3, (0.1, 1.0)), r"rates must lie in \(0, 1\), got"),
    (lambda: cells.ExponentialMovingAverage(3, ()), "needs at least one rate"),
    (lambda: cells.LinOSS(3, 0), "LinOSS: oscillators must be at least 1, got 0"),
    (lambda: cells.SRU(3, 4, use_bias=False, highway_bias=1.0), "highway_bias=1.0 needs use_bias"),
    (lambda: cells.MinLSTM(3, 4, use_bias=False, forget_bias=1.0), "MinLSTM: forget_bias=1.0"),
    (lambda: networks.CausalConv(4, 0), "CausalConv: width must be at least 1, got 0"),
    (lambda: networks.CausalConv(4, 2, groups=3), "CausalConv: inputs and outputs must be multip"),
    (lambda: networks.gated_recurrence(3, cells.LRU(3, 3), window=0), "window must be at least 1"),
]


@pytest.mark.parametrize("call, message", ERRORS)
def test_wrong_sizes_and_ranges(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("make", [cells.MinGRU, cells.MinLSTM, cells.QRNN, cells.SRU])
def test_without_a_bias(make):
    cell = make(3, 4, use_bias=False)
    params = cell.init(KEY)
    assert params.bias is None
    assert jax.eval_shape(lambda: unroll(cell, params, jnp.ones((2, 3)))[1]).shape == (2, 4)
