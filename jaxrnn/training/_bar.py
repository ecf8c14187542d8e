"""`Bar`: the progress of work that is no training."""

import time
from types import TracebackType

from ._progress import Progress


class Bar:
    """How many time steps are done, of how many; shown on a terminal, and at the end elsewhere."""

    def __init__(self, look: Progress | None) -> None:
        import rich.progress as bars
        from rich.console import Console

        self._unit = (look or Progress()).unit
        self._bar = bars.Progress(
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.description}", markup=False),
            console=Console(highlight=False, markup=False),
            disable=look is None,
        )
        self._task = self._bar.add_task(self._unit, total=0)
        self._done = self._total = 0
        # The first part compiles: the clock starts after it.
        self._began: tuple[float, int] | None = None

    def __enter__(self) -> "Bar":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if not self._bar.disable:
            self._bar.console.print(text, soft_wrap=True)

    def add(self, steps: int) -> None:
        """There is more to do."""
        self._total += steps
        self._bar.update(self._task, total=self._total)

    def advance(self, steps: int) -> None:
        """Some of it is done."""
        self._done += steps
        text, now = self._unit, time.monotonic()
        if self._began is None:
            self._began = now, self._done
        elif now > self._began[0]:
            rate = (self._done - self._began[1]) / (now - self._began[0])
            left = round((self._total - self._done) / max(rate, 1e-9))
            text = f"{rate:,.0f} {self._unit}/s  {left // 60}:{left % 60:02} left"
        self._bar.update(self._task, completed=self._done, description=text)
