"""Runs as pandas frames, for people who analyse: `evalsuite.load` and `evalsuite.compare`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from evalsuite import conclude, diff, store
from evalsuite.types import JSON

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)  # no slots: cached properties need a __dict__
class Frames:
    """A finished run; its frames are read when first asked for."""

    run: store.Run

    @property
    def manifest(self) -> Mapping[str, JSON]:
        """run.json."""
        return self.run.manifest

    @cached_property
    def samples(self) -> "pd.DataFrame":
        """One row a task, sample and repeat, in plan order.

        Columns: bucket, task, id, key, cluster, repeat, status, score (in [0, 1], NaN where
        failed), primary, answer, reason, `metric.<name>`, `health.<name>` and `tag.<name>`.
        """
        import pandas as pd

        records = []
        for row in store.rows(self.run):
            record: dict[str, JSON] = {name: getattr(row, name) for name in store.PLAIN_COLUMNS}
            record |= {f"metric.{name}": metric.value for name, metric in row.metrics.items()}
            record |= {f"health.{name}": value for name, value in row.health.items()}
            record |= {f"tag.{name}": value for name, value in row.tags.items()}
            records.append(record)
        return pd.DataFrame.from_records(records)

    @cached_property
    def estimates(self) -> "pd.DataFrame":
        """One row a bucket, task and slice: score, low, high, stderr, samples, expected."""
        import pandas as pd

        found = conclude.estimates(self.run, store.rows(self.run))
        records = []
        for one in found:
            interval = one.interval
            records.append(
                {
                    "bucket": one.bucket,
                    "task": one.task,
                    "slice": one.slice,
                    "metric": one.metric,
                    "score": interval.value if interval else None,
                    "low": interval.low if interval else None,
                    "high": interval.high if interval else None,
                    "stderr": interval.stderr if interval else None,
                    "method": interval.method if interval else None,
                    "samples": one.samples,
                    "expected": one.expected,
                }
            )
        return pd.DataFrame.from_records(records)


def load(run: str | Path, *, runs: str | Path = "runs") -> Frames:
    """Load a finished run.

    Args:
        run: folder, hash, unique prefix, `latest` or `@name`.
        runs: where runs are kept.

    Raises:
        StoreError: there is no such run.
    """
    return Frames(run=store.find(str(run), Path(runs)))


def compare(
    baseline: str | Path,
    candidate: str | Path,
    *,
    runs: str | Path = "runs",
    allow: Sequence[str] = (),
) -> diff.Diff:
    """The diff of two finished runs.

    Args:
        baseline: like `load`'s run.
        candidate: like `load`'s run.
        runs: where runs are kept.
        allow: keys of differences to compare in spite of.

    Raises:
        StoreError: there is no such run.
        ComparisonError: the two cannot be compared.
    """
    before, after = (store.find(str(name), Path(runs)) for name in (baseline, candidate))
    return diff.compare(
        before, after, store.scores(before), store.scores(after), allow=tuple(allow)
    )
