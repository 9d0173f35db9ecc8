"""Progress on the terminal: bars where it is one, plain lines every few seconds where not."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from evalsuite.types import Bucket, ScoreRow

_PLAIN_SECONDS = 10.0


class Progress:
    """Shows how far a run is; `rows` is called with every scored row, in any order."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.terminal = sys.stderr.isatty() and not quiet
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self._totals: dict[str, int] = {}
        self._titles: dict[str, str] = {}
        self._done: dict[str, list[float]] = {}  # bucket -> rows, score sum, scored, cut off
        self._failed: dict[str, int] = {}
        self._spoken = 0.0

    def say(self, line: str) -> None:
        """One line that stays, above the bars."""
        if self.quiet:
            return
        if self._bars is not None:
            self._bars.console.print(line, highlight=False, markup=False)
        else:
            print(line, file=sys.stderr, flush=True)

    @contextmanager
    def waiting(self, label: str) -> Iterator[Callable[[float, str], None]]:
        """Show a spinner with the seconds and the latest news while the block runs."""
        if not self.terminal:
            yield lambda seconds, news: None
            return
        from rich.console import Console
        from rich.text import Text

        console = Console(stderr=True)
        with console.status(Text(label)) as status:

            def tell(seconds: float, news: str) -> None:
                room = max(10, console.width - len(label) - 12)
                status.update(Text(f"{label} {seconds:3.0f} s  {news[:room]}"))

            yield tell

    @contextmanager
    def buckets(self, buckets: tuple[Bucket, ...], totals: Mapping[str, int]) -> Iterator[None]:
        """Show one bar a bucket while the block runs."""
        self._totals = dict(totals)
        self._titles = {bucket.name: bucket.title for bucket in buckets}
        self._done = {name: [0, 0.0, 0, 0] for name in totals}
        self._failed = dict.fromkeys(totals, 0)
        if not self.terminal:
            yield
            self._speak()
            return
        from rich import progress
        from rich.console import Console

        columns = (
            progress.TextColumn("{task.description:<22}", markup=False),
            progress.BarColumn(bar_width=26),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[note]}", markup=False),
            progress.TimeRemainingColumn(compact=True),
        )
        with progress.Progress(*columns, console=Console(stderr=True)) as bars:
            self._bars = bars
            for name, total in totals.items():
                title = self._titles.get(name, name)
                self._tasks[name] = bars.add_task(title, total=total, note="", start=True)
            try:
                yield
            finally:
                self._bars = None

    def stopped(self, bucket: str, said: str) -> None:
        """One line that stays; the bucket's bar ends where it is."""
        self.say(said)
        if self._bars is not None:
            done = self._done[bucket][0]
            self._bars.update(self._tasks[bucket], total=max(1, done), completed=max(1, done))

    def row(self, row: ScoreRow) -> None:
        """Count one scored row."""
        done = self._done.setdefault(row.bucket, [0, 0.0, 0, 0])
        done[0] += 1
        if row.score is None:
            self._failed[row.bucket] = self._failed.get(row.bucket, 0) + 1
        else:
            done[1] += row.score
            done[2] += 1
        done[3] += row.status == "truncated"
        if self._bars is not None:
            note = self._note(row.bucket)
            self._bars.update(self._tasks[row.bucket], completed=done[0], note=note)
        elif not self.quiet and time.monotonic() - self._spoken > _PLAIN_SECONDS:
            self._speak()

    def _note(self, bucket: str) -> str:
        _, total, scored, cut = self._done[bucket]
        note = f"{100 * total / scored:5.1f}" if scored else "    …"
        note += f"  {int(cut)} truncated" if cut else ""
        failed = self._failed.get(bucket, 0)
        return note + (f"  {failed} failed" if failed else "")

    def _speak(self) -> None:
        self._spoken = time.monotonic()
        if self.quiet:
            return
        parts = [
            f"{name} {int(self._done[name][0]):,}/{total:,} ({self._note(name).strip()})"
            for name, total in self._totals.items()
            if self._done[name][0]
        ]
        if parts:
            print("  ".join(parts), file=sys.stderr, flush=True)
