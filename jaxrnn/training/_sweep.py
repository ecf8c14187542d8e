"""`sweep`: one trainer with many settings and seeds."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from .. import _check
from .._checked import checked
from .._kinds import shown
from . import _arguments, _swept_leaves, _swept_program
from ._arguments import Batches
from ._bar import Bar
from ._final_params import FinalParams
from ._members import Fastest, Members, Pace
from ._progress import Progress
from ._swept import Sweep
from ._swept_disk import Disk
from ._swept_program import Program
from ._swept_slices import Feed, Slices
from ._trainer import Trainer

_SHOWN, _FASTEST = Progress(unit="steps"), Fastest()


@checked
def sweep(
    trainer: Trainer,
    data: Batches,
    settings: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    seeds: Sequence[int],
    steps: int,
    every: int | None = None,
    validation: Iterable[Any] | None = None,
    members: Members = _FASTEST,
    keep: FinalParams | None = None,
    directory: str | os.PathLike[str] | None = None,
    progress: Progress | None = _SHOWN,
) -> Sweep:
    """Train every setting with every seed, all by one compiled program, on all devices.

    A setting changes leaves: numbers of the network, the loss or the metrics by the place where
    they are, as `"network.layers[1].cell.leak"`, and what `optax.inject_hyperparams` keeps in the
    optimizer's state by its name, as `"learning_rate"`. What is no leaf, a size or a kind of cell,
    is another program: sweep once for each, and `join`.

    A member gives what `fit(trainer, data, steps=steps, key=jax.random.key(seed))` gives with its
    setting, within rounding. So its seed changes the initial parameters and what is random in
    training, as dropout is; the batches and their order are the same for all members.

    A member whose loss becomes infinite or NaN goes on alone; its numbers are kept as they are.

    Args:
        trainer: what is trained.
        data: `data[step]` is the batch of a step, as for `fit`.
        settings: values by the name of a leaf, of which all combinations are run; or a list of
            settings, dictionaries with the same names; `{}` for seeds alone.
        seeds: one or more integers, which differ.
        steps: how many steps each member takes.
        every: how many steps lie between two rows of the curves; by default all of them.
        validation: held-out batches, scored for each row.
        members: how each device runs its share of them: `Fastest(size)`, `OneByOne()` or
            `Vmapped(size)`. Side by side small networks are faster, large ones are not, and the
            memory is that of `size` runs. On a CPU, as many devices as cores are made by
            `jax.config.update("jax_num_cpu_devices", cores)` at the start of a program.
        keep: `FinalParams()` for the parameters of every member; `None` keeps the table alone.
        directory: where every finished slice is saved. The same call goes on from there.
        progress: what is shown; `None` shows nothing.

    Returns:
        A table of the members: setting after setting, and within a setting seed after seed.

    Raises:
        FloatingPointError: inputs are not finite where they count; it says where.
        OSError: the directory cannot be written, or another process uses it.
        TypeError: a value is no number, or no integer where the leaf is one; arguments of other
            kinds.
        ValueError: there is no leaf of a name (the message lists those there are), no value, a
            value of another shape or out of the range of its noun, a setting or seed twice, no
            steps; the directory belongs to another sweep; labels are out of range.

    Example:
        >>> import jax, optax
        >>> from jaxrnn import networks, objectives, training
        >>> inputs = jax.random.normal(jax.random.key(0), (8, 4, 2))
        >>> batch = (inputs, inputs.sum(-1, keepdims=True))
        >>> trainer = training.Trainer(
        ...     networks.Dense(2, 1),
        ...     objectives.SquaredError(),
        ...     optax.inject_hyperparams(optax.sgd)(learning_rate=0.1),
        ... )
        >>> swept = training.sweep(
        ...     trainer, [batch], {"learning_rate": [0.01, 0.1]}, seeds=range(3), steps=50,
        ...     progress=None,
        ... )
        >>> swept
        <Sweep of 6 members, 2 settings, 1 rows: 0 diverged>
        >>> slow, fast = (swept.scores("train/loss")[m].mean() for _, m in swept.groups())
        >>> bool(fast < slow)
        True
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((trainer, data))):
        raise TypeError("sweep: cannot run inside jit, vmap or grad, for it prints and saves")
    _check.sizes("sweep", steps=steps, every=steps if every is None else every)
    _arguments.check_validation("sweep", validation)
    if progress is not None:
        _check.kind("sweep", "progress", progress, Progress)
    each = _swept_leaves.members(settings)
    places, fitting = _swept_leaves.check(trainer, each)
    seeds = _seeds(seeds)
    every = steps if every is None else every
    all_seeds = [seed for _ in each for seed in seeds]
    slices = Slices(
        Program(trainer, places, [s for s in fitting for _ in seeds], all_seeds),
        settings=[_swept_leaves.plain_setting(s) for s in each for _ in seeds],
        seeds=all_seeds,
        feed=Feed(_arguments.addressed("sweep", data), [*range(every, steps, every), steps]),
        held_out=_swept_program.held_out(validation),
        keep=keep,
    )
    disk = Disk(directory, slices)
    with disk.hold(), Bar(progress) as bar:
        return _run(slices, members, disk, bar)


def _run(slices: Slices, members: Members, disk: Disk, bar: Bar) -> Sweep:
    """Run the slices that are not on disk."""
    table, first, choice = disk.read(slices.empty())
    # As many as a device gets: what all devices hold at once is one slice.
    ways = members.ways(-(-slices.total // slices.program.devices))
    pace = Pace(ways)
    if choice is not None and choice in ways:
        pace = Pace([choice])
    bar.add((slices.total - first) * slices.feed.ends[-1])
    if first:
        more = f"going on from member {first} of {slices.total}"
        bar.say(more if first < slices.total else "all members are there already")
    while first < slices.total:
        way, before = pace.next(), slices.program.seconds
        indices = slices.slice(first, way)
        part = slices.run(indices, way, bar)
        jax.tree.map(lambda whole, new, at=indices: _fill(whole, at, new), table, part)
        first += len(indices)
        said = pace.took(way, (slices.program.seconds - before) / len(indices))
        disk.write(table, first, pace.choice)
        if said and first < slices.total:
            bar.say(said)
    return slices.sweep(table, pace.choice)


def _fill(whole: np.ndarray, indices: range, new: np.ndarray) -> None:
    whole[indices.start : indices.stop] = new


def _seeds(seeds: Any) -> list[int]:
    """The seeds as a list, or raise."""
    if (
        isinstance(seeds, str)
        or not isinstance(seeds, Sequence | np.ndarray | jax.Array)
        or np.ndim(seeds) == 0
    ):
        raise TypeError(f"sweep: seeds must be a list of integers, got {shown(seeds)}")
    listed = list(seeds)
    if not listed:
        raise ValueError("sweep: seeds is empty. Pass at least one, as [0].")
    for seed in listed:
        _check.integers("sweep", 0, seeds=seed.item() if isinstance(seed, jax.Array) else seed)
        if seed >= 2**32:
            raise ValueError(f"sweep: seeds must be below 2**32, got {seed}")
    if len(set(map(int, listed))) < len(listed):
        raise ValueError(f"sweep: a seed is there twice in {listed}")
    return list(map(int, listed))
