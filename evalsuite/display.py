"""What a long run shows while it lasts, as the code that runs sees it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from evalsuite.types import Bucket, ScoreRow


class Display(Protocol):
    """Where progress is shown; `cli.progress.Progress` is the terminal's."""

    def say(self, line: str) -> None:
        """Show one line that stays."""

    def waiting(self, label: str) -> AbstractContextManager[Callable[[float, str], None]]:
        """Show that something takes its time; tell it the seconds and the latest news."""

    def row(self, row: ScoreRow) -> None:
        """Count one scored row."""

    def stopped(self, bucket: str, said: str) -> None:
        """Show that a bucket is asked no further, and why: a line that stays."""

    def buckets(
        self, buckets: tuple[Bucket, ...], totals: Mapping[str, int]
    ) -> AbstractContextManager[None]:
        """Show the buckets while the block runs."""
