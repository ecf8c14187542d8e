"""Forecasts of sunspots and CO2 as distributions: GRUs beside AR, ETS and the seasonal naive.

    python examples/forecast.py                     both series
    python examples/forecast.py --series sunspots   one of them

Each series is parted by time. Two ensembles of GRUs learn: one says what comes relative to the last
value, one what a linear model (AR) leaves; the forecast is their mixture. The validation part says
how wide it must be. Then all learn what is before the test part, and forecast it from many origins.
All but the seasonal naive are about one `x`: the square root of sunspots, the yearly change of CO2.
"""

import argparse
import json
from collections import namedtuple
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from matplotlib.figure import Figure
from statsmodels import datasets
from statsmodels.tsa.ar_model import ar_select_order
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from jaxrnn import cells, data, evaluation, heads, networks, training

SEEDS, HIDDEN, BATCH, DRAWS, LEVEL, SAMPLES = 4, 16, 64, 200, 0.8, evaluation.Samples()


class Series(namedtuple("Series", "dates values before known x inputs to_units season held sizes")):
    """A series, the values a season `before`, the `x` that is modelled, and what is read of it."""

    def examples(self, part: slice, **sizes: int) -> data.Origins:
        """What is read before each origin in a part, and what comes; gaps are never a target."""
        given = {"targets": self.x, "known": self.known, "part": part, **self.sizes, **sizes}
        return data.rolling_origins(self.inputs, **given)

    def ahead(self, array: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """What an array has from each origin on, `[origins, horizon]`."""
        return array[origins[:, None] + np.arange(self.sizes["horizon"])]

    def units(self, x: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """Draws `[origins, horizon, draws]` of x, in the unit of the series."""
        return self.to_units(x, self.ahead(self.before, origins)[..., None])


def load(name: str) -> Series:
    """Sunspots, yearly in cycles of about 11 years; or CO2, weekly with 59 gaps."""
    dates, values = getattr(datasets, name).load_pandas().data.reset_index().to_numpy().T[-2:]
    season = {"sunspots": 11, "co2": 52}[name]
    values, known = data.fill_missing(values.astype(float))
    dates, later, before = dates[season:], values[season:], values[:-season]
    parts = dates, later, before, known[season:] & known[:-season]
    if name == "sunspots":
        x, sizes = np.sqrt(later), {"length": 33, "horizon": 11, "stride": 1}
        return Series(*parts, x, x[:, None], lambda x, _: np.maximum(x, 0) ** 2, season, 60, sizes)
    x, sizes = later - before, {"length": 52, "horizon": 26, "stride": 2}
    inputs = np.c_[x, parts[-1], data.calendar_features(dates, data.DayOfYear())]
    return Series(*parts, x, inputs, np.add, season, 260, sizes)


def study(one: Series, axes: Any, options: argparse.Namespace) -> dict[str, Any]:
    """Calibrate on the validation part, forecast the test part, and say how good that was."""
    split = data.time_split(len(one.x), validation=one.held, test=one.held)
    past = slice(0, split.test.start)
    early, places = learn(one, split.train, split.validation, options)
    draws, origins = learn(one, past, split.test, options)
    spread = calibrated(early["GRUs"], one.ahead(one.values, places))
    errors = np.quantile(one.values[past] - one.before[past], np.linspace(0.005, 0.995, DRAWS // 2))
    naive = one.ahead(one.before, origins)[..., None]  # as wrong as it has been
    forecasts = {
        "seasonal naive": naive + np.concatenate([errors, -errors]),
        "ETS": one.units(smoothing(one, past, origins), origins),
        "AR": one.units(autoregression(one, past, origins, DRAWS), origins),
    }
    for name, x in draws.items():
        forecasts[name] = spread * x + (1 - spread) * np.median(x, axis=-1, keepdims=True)
    scores = {name: score(one, past, forecast, origins) for name, forecast in forecasts.items()}
    print(f"{len(origins)} origins, {one.sizes['horizon']} steps ahead; spread times {spread:.2f}")
    print(" " * 16 + "".join(f"{column:>10}" for column in scores["AR"]))
    for name, row in scores.items():
        print(f"{name:>16}" + "".join(f"{value:10.3f}" for value in row.values()))
    draw(one, origins, forecasts, axes)
    return {"origins": len(origins), **one.sizes, "spread": spread, "scores": scores}


def learn(one: Series, past: slice, part: slice, options: argparse.Namespace) -> Any:
    """Train both ensembles; draws of their forecasts of a part, and where these begin."""
    head = heads.Gaussian(dim=one.sizes["horizon"])  # a mean and a spread for each step ahead
    parts = networks.LastPool(), networks.Dropout(0.1), networks.Dense(HIDDEN, head.size)
    network = networks.stack(networks.Recurrent(cells.GRU(one.inputs.shape[1], HIDDEN)), *parts)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(5e-3, weight_decay=1e-2))
    trainer = training.Trainer(network, head.loss, optimizer)
    step = jax.jit(jax.vmap(trainer.step, in_axes=(0, None)))
    for_start, for_draws = jax.random.split(jax.random.key(options.seed))
    batch, origins = one.examples(past, stride=1)
    later, places = one.examples(part)
    read = data.fit_scaler(data.Standardize(), batch.inputs, constant=1.0).transform
    bases = {"GRU": lambda *given: one.x[given[-1] - 1, None, None], "GRU on AR": autoregression}
    found = {}
    for name, base in bases.items():
        left = batch.targets - base(one, past, origins)[..., 0]
        scaler = data.fit_scaler(data.Standardize(), left)  # one scale for each step ahead
        scaled = data.Batch(read(batch.inputs), scaler.transform(left))
        batches = data.Shuffled(scaled, batch=BATCH, seed=options.seed, target_axis=0)
        states = jax.vmap(trainer.init)(jax.random.split(for_start, SEEDS))
        for number in range(10 if options.smoke else 150):
            states, _ = step(states, batches[number])
        outputs = jax.vmap(lambda p: network.apply(p, read(later.inputs))[1])(states.params)
        draws = head.sample(for_draws, outputs, (DRAWS // SEEDS,))  # [draws, SEEDS, origins, ahead]
        x = scaler.inverse(np.asarray(draws).reshape(DRAWS, len(places), -1))
        found[name] = one.units(np.moveaxis(x, 0, -1) + base(one, past, places), places)
    return {**found, "GRUs": np.concatenate([*found.values()], axis=-1)}, places


def calibrated(draws: np.ndarray, truth: np.ndarray) -> float:
    """How much wider draws must be for their central interval to hold its share of the truth."""
    low, middle, high = np.quantile(draws, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2], axis=-1)
    needed = (truth - middle) / np.where(truth > middle, high - middle, low - middle)
    return float(np.quantile(needed, LEVEL))


def autoregression(one: Series, past: slice, origins: np.ndarray, draws: int = 0) -> np.ndarray:
    """Paths of a linear model whose order AIC chooses; without draws, the mean path."""
    fitted = ar_select_order(one.x[past], maxlag=20, ic="aic").model.fit()
    lags, spread = np.array(fitted.model.ar_lags), np.sqrt(fitted.sigma2) * (draws > 0)
    shape = one.sizes["horizon"], len(origins), max(draws, 1)
    paths = np.repeat(one.x[origins[:, None] - np.arange(20, 0, -1)][..., None], shape[-1], axis=-1)
    for shock in np.random.default_rng(0).normal(0, spread, shape):
        value = fitted.params[0] + np.einsum("l,nld->nd", fitted.params[1:], paths[:, -lags])
        paths = np.concatenate([paths, (value + shock)[:, None]], axis=1)
    return paths[:, 20:]


def smoothing(one: Series, past: slice, origins: np.ndarray) -> np.ndarray:
    """Paths of exponential smoothing with a damped trend and a season, all additive."""
    kind = {"trend": "add", "damped_trend": True, "seasonal": "add", "seasonal_periods": one.season}
    model = partial(ETSModel, initialization_method="heuristic", **kind)
    params, rng = model(one.x[past]).fit(disp=False).params, np.random.default_rng(0)
    given = {"nsimulations": one.sizes["horizon"], "repetitions": DRAWS, "rng": rng}
    ends = (model(one.x[:origin]).smooth(params) for origin in origins)
    return np.stack([end.simulate(**given, anchor="end") for end in ends])


def score(one: Series, past: slice, draws: np.ndarray, origins: np.ndarray) -> dict[str, float]:
    """Of the whole distribution, of its median, and of its interval."""
    truth = one.ahead(one.values, origins)
    scores = {
        "CRPS": evaluation.crps(SAMPLES),
        "MASE": evaluation.mase(evaluation.seasonal_scale(one.values[past, None], one.season)[0]),
        "coverage": evaluation.interval_coverage(SAMPLES, LEVEL),
        "width": evaluation.interval_width(SAMPLES, LEVEL),
    }
    for name, metric in scores.items():
        outputs = np.median(draws, axis=-1) if name == "MASE" else draws
        scores[name] = float(metric.compute(metric.update(metric.init(), outputs, truth)))
    return scores


def draw(one: Series, origins: np.ndarray, forecasts: dict[str, Any], axes: Any) -> None:
    """Fans from some origins beside what came, and the score by steps ahead."""
    begin, ahead = origins[0] - one.sizes["length"], np.arange(one.sizes["horizon"])
    axes[0].plot(one.dates[begin:], one.values[begin:], "k", lw=0.8)
    for n in range(0, len(origins), len(ahead) // one.sizes["stride"]):
        fan = np.quantile(forecasts["GRUs"][n], [0.025, 0.1, 0.25, 0.75, 0.9, 0.975], axis=-1)
        for ends in zip(fan[:3], fan[:2:-1], strict=True):
            axes[0].fill_between(one.dates[origins[n] + ahead], *ends, color="C0", alpha=0.25, lw=0)
    for name, draws in forecasts.items():
        crps = SAMPLES.crps(draws, one.ahead(one.values, origins)).mean(axis=0)
        axes[1].plot(1 + ahead, crps, label=name)
    axes[1].set(xlabel="steps ahead", ylabel="CRPS", ylim=0)
    axes[1].legend(frameon=False)


def main() -> None:
    """Forecast each series by everyone, and keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", nargs="+", choices=(both := ["sunspots", "co2"]), default=both)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/forecast"))
    parser.add_argument("--smoke", action="store_true", help="sunspots alone, in a few steps")
    options = parser.parse_args()
    options.series = ["sunspots"] if options.smoke else options.series
    options.out.mkdir(parents=True, exist_ok=True)
    figure, result = Figure((6.4 * len(options.series), 7), layout="constrained"), {}
    panels = figure.subplots(2, len(options.series), squeeze=False).T
    for name, axes in zip(options.series, panels, strict=True):
        print(f"\n{name}", end=": ")
        axes[0].set_title(f"{name}: what came, and the GRUs' 50, 80 and 95 % intervals")
        result[name] = study(load(name), axes, options)
    (options.out / "result.json").write_text(json.dumps(result, indent=2))
    figure.savefig(options.out / "forecast.png", dpi=120)
    print(f"\nwrote {options.out}/: result.json, forecast.png")


if __name__ == "__main__":
    main()
