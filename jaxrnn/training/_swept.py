"""`Sweep`: what many runs of one trainer gave, as a table."""

import contextlib
import csv
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, SupportsIndex

import jax
import numpy as np
from jaxtyping import Bool, Int

from .. import _check
from .._checked import checked
from .._typing import Params


class Sweep(NamedTuple):
    """The members of a sweep, one after another: every setting with every seed.

    A row of the curves says what the same row of `fit`'s history does.

    Shapes:
        settings: a tuple of one dictionary a member, `{"loss.smoothing": 0.1}`.
        seeds: `Int[members]`.
        steps: `Int[rows]`, the step of each row.
        curves: by its name each column of the history, `Float[members, rows, ...]`; a member that
            diverged has NaN there, or whatever its arithmetic gave.
        diverged_at: `Int[members]`, the number of steps after which the loss, the gradient or the
            parameters were first not finite; -1 where they never were.
        params: those of the members, a tree of `[members, ...]`, by `sweep(keep=FinalParams())`;
            `None` where none were kept.
        ran: how the last of the members were run, `OneByOne()` or `Vmapped(size)`.

    Example:
        >>> import numpy as np
        >>> curves = {"validation/loss": np.array([[2.0, 1.0], [2.0, np.nan]])}
        >>> swept = Sweep(
        ...     settings=({"learning_rate": 0.1}, {"learning_rate": 9.0}),
        ...     seeds=np.array([0, 0]),
        ...     steps=np.array([10, 20]),
        ...     curves=curves,
        ...     diverged_at=np.array([-1, 13]),
        ... )
        >>> swept.scores("validation/loss"), swept.diverged
        (array([ 1., nan]), array([False,  True]))
        >>> swept.rows()[1]
        {'learning_rate': 9.0, 'seed': 0, 'step': 20, 'validation/loss': nan, 'diverged_at': 13}
        >>> [(setting, members.tolist()) for setting, members in swept.groups()]
        [({'learning_rate': 0.1}, [0]), ({'learning_rate': 9.0}, [1])]
    """

    settings: tuple[dict[str, Any], ...]
    seeds: Int[np.ndarray, "members"]
    steps: Int[np.ndarray, "rows"]
    curves: dict[str, np.ndarray]
    diverged_at: Int[np.ndarray, "members"]
    params: Params | None = None
    ran: Any = None

    @property
    def diverged(self) -> Bool[np.ndarray, "members"]:
        """Which members diverged."""
        return np.asarray(self.diverged_at) >= 0

    def scores(self, column: str = "validation/loss") -> np.ndarray:
        """A column of the last row, `Float[members, ...]`.

        Raises:
            ValueError: there is no such column.
        """
        if column not in self.curves:
            raise ValueError(
                f"Sweep: there is no column {column!r}; there are {', '.join(self.curves)}. Those "
                "of held-out data need `sweep(validation=...)`."
            )
        return np.asarray(self.curves[column])[:, -1]

    def params_of(self, member: SupportsIndex) -> Params:
        """The parameters of one member, as `predict` and `network.apply` take them.

        Raises:
            TypeError: `member` is no integer.
            ValueError: there is no such member, or no parameters were kept.
        """
        if self.params is None:
            raise ValueError(
                "Sweep: no parameters were kept. Pass `sweep(keep=FinalParams())`; of a table that "
                "`join` made, ask the sweep that it was made of."
            )
        at, members = _check.counter("Sweep.params_of", member), len(self.seeds)
        if at >= members:
            raise ValueError(f"Sweep: member must be below {members}, their number, got {at}")
        return jax.tree.map(lambda leaf: leaf[at], self.params)

    def groups(self) -> list[tuple[dict[str, Any], Int[np.ndarray, "seeds"]]]:
        """Every setting in its order, and the members that have it."""
        found: list[tuple[dict[str, Any], list[int]]] = []
        for member, setting in enumerate(self.settings):
            known = next((members for other, members in found if other == setting), None)
            if known is None:
                found.append((setting, known := []))
            known.append(member)
        return [(setting, np.array(members)) for setting, members in found]

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary a member, with its last row; ready for `pandas.DataFrame`."""
        return [row | {"diverged_at": int(at)} for row, at in self._last_rows()]

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write `rows()` as a CSV file, which is replaced as a whole.

        Raises:
            OSError: the file cannot be written.
        """
        from .. import _paths

        place = _paths.local("Sweep.to_csv", "path", path)
        if place.is_dir():
            raise IsADirectoryError(
                f"Sweep.to_csv: path must be a file, got the folder {place}. Add a name."
            )
        rows = self.rows()
        beside = place.with_name(f".{place.name}.new")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("w", newline="", encoding="utf-8") as file:
                names = list(dict.fromkeys(name for row in rows for name in row))
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows(rows)
            beside.replace(place)
        except OSError as error:
            raise type(error)(
                error.errno,
                f"Sweep.to_csv: {place} cannot be written ({error.strerror}). Choose another path",
            ) from error
        finally:
            with contextlib.suppress(OSError):
                beside.unlink()

    def _last_rows(self) -> Iterator[tuple[dict[str, Any], Any]]:
        for member, setting in enumerate(self.settings):
            row = setting | {"seed": int(self.seeds[member]), "step": int(self.steps[-1])}
            for name, curve in self.curves.items():
                row[name] = np.asarray(curve)[member, -1].tolist()
            yield row, self.diverged_at[member]

    def __repr__(self) -> str:
        """How large it is."""
        return (
            f"<Sweep of {len(self.seeds)} members, {len(self.groups())} settings, "
            f"{len(self.steps)} rows: {int(self.diverged.sum())} diverged>"
        )


@checked
def join(sweeps: Mapping[str, Sweep], *, by: str = "trainer") -> Sweep:
    """Put sweeps of several trainers into one table: those of other cells, or other sizes.

    What is no leaf cannot be swept in one program; it is swept once for each.

    Args:
        sweeps: by the name that the members get under `by`.
        by: what the names are of, as `"cell"`.

    Returns:
        All members, each with `{by: name}` in front of its setting. Columns that one of the sweeps
        lacks are left out, and so are the parameters, which have other shapes.

    Raises:
        TypeError: one of them is no `Sweep`.
        ValueError: there is none, their rows are of other steps, or a setting is called `by`.

    Example:
        >>> import numpy as np
        >>> curves = {"loss": np.ones((1, 1))}
        >>> one = Sweep(({},), np.array([0]), np.array([5]), curves, np.array([-1]))
        >>> both = join({"GRU": one, "LSTM": one}, by="cell")
        >>> both.settings, both.scores("loss")
        (({'cell': 'GRU'}, {'cell': 'LSTM'}), array([1., 1.]))
    """
    _check.kind("join", "sweeps", sweeps, Mapping, 'Pass them by name: `{"GRU": swept}`.')
    if not sweeps:
        raise ValueError("join: there is no sweep")
    for swept in sweeps.values():
        _check.kind("join", "each of the sweeps", swept, Sweep)
    first, *others = sweeps.values()
    for other in others:
        if not np.array_equal(first.steps, other.steps):
            raise ValueError(
                "join: the rows of all sweeps must be of the same steps, got "
                f"{first.steps.tolist()} and {other.steps.tolist()}. Run them with the same steps= "
                "and every=."
            )
    if any(by in setting for swept in sweeps.values() for setting in swept.settings):
        raise ValueError(f"join: a setting is called {by!r} already. Choose another name by=.")
    columns = [name for name in first.curves if all(name in other.curves for other in others)]
    parts = list(sweeps.values())
    return Sweep(
        settings=tuple({by: name} | s for name, swept in sweeps.items() for s in swept.settings),
        seeds=np.concatenate([swept.seeds for swept in parts]),
        steps=first.steps,
        curves={name: np.concatenate([swept.curves[name] for swept in parts]) for name in columns},
        diverged_at=np.concatenate([swept.diverged_at for swept in parts]),
    )
