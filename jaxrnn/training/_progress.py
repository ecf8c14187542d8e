"""`Progress`: what a person sees while training runs."""

import time
import typing
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import jax

from .._config import Config
from ._run import Window


@typing.final
class Progress(Config):
    """A bar on a terminal, a plain line for every row of the history elsewhere.

    Both show the loss, the throughput and the time left.

    Args:
        name: what the loss is called.
        scale: what it is multiplied by: `Progress("bits", 1 / math.log(2))` shows nats as bits.
        unit: what one valid step is, for the throughput: "characters", "samples".

    Example:
        >>> Progress(unit="characters")
        Progress(name='loss', scale=1.0, unit='characters')
    """

    name: str = jax.tree.static(default="loss")
    scale: float = 1.0
    unit: str = jax.tree.static(default="time steps")


class Display:
    """One run's progress on the standard output; `None` shows nothing."""

    def __init__(self, look: Progress | None, done: int, steps: int):
        import rich.progress as bars
        from rich.console import Console

        self._look, self._steps = look or Progress(), steps
        self._console = Console(quiet=look is None, highlight=False, markup=False)
        self._status = self._held_out = ""
        # When and where the run and the row began. The first step compiles: clocks start after it.
        self._run: tuple[float, int] | None = None
        self._row = 0.0
        self._bar: bars.Progress | None = None
        if look is not None and self._console.is_terminal:
            self._bar = bars.Progress(
                bars.BarColumn(),
                bars.MofNCompleteColumn(),
                bars.TextColumn("{task.description}", markup=False),
                console=self._console,
            )
            self._task = self._bar.add_task("compiling", total=steps, completed=done)

    def __enter__(self) -> "Display":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, step: int, window: Window) -> None:
        """Take note of a step; `window` sums up what came since the last row."""
        now = time.monotonic()
        if self._run is None:
            self._run, self._row = (now, step), now
            return
        began, first = self._run
        left = round((now - began) / (step - first) * (self._steps - step))
        rate = window.weight / max(now - self._row, 1e-9)
        self._status = f"{rate:,.0f} {self._look.unit}/s  {left // 60}:{left % 60:02} left"
        if self._bar is not None:
            line = self._line(window.mean_loss())
            self._bar.update(self._task, completed=step, description=line)

    def row(self, row: Mapping[str, Any]) -> None:
        """Take note of a row of the history."""
        if "validation/loss" in row:
            self._held_out = f"  held out {self._scaled(row['validation/loss'])}"
        if self._bar is None:
            step = f"{row['step']:>{len(str(self._steps))}}/{self._steps}"
            self.say(f"step {step}  {self._line(row['train/loss'])}")
        self._row = time.monotonic()

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, soft_wrap=True)

    def _line(self, loss: float) -> str:
        return f"{self._look.name} {self._scaled(loss)}{self._held_out}  {self._status}"

    def _scaled(self, loss: float) -> str:
        return f"{loss * self._look.scale:.4f}"
