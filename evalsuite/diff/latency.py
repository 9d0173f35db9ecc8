"""Seconds that answers took in two runs, from their journals.

They are not in the scores, which hold only what is the same however often a run is scored.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evalsuite import words
from evalsuite.diff.health import HealthChange, change_of
from evalsuite.journal import Journal
from evalsuite.pairs import Side, TaskPairs
from evalsuite.score_table import FloatArray

if TYPE_CHECKING:
    from evalsuite.diff import Diff

LATENCY = "latency"
_MOST = 100_000  # samples, beyond which journals are too long to be read beside a diff
Seconds = Mapping[tuple[str, str], float]  # of a sample's answers, by task and id


def served_seconds(run: Path) -> Seconds:
    """Seconds that a sample's answers took the server, mean over repeats, from the journal.

    Raises:
        StoreError: the journal cannot be read.
    """
    total: dict[tuple[str, str], float] = {}
    repeats: dict[tuple[str, str], set[int]] = {}
    if not (run / "journal").is_dir():
        return total
    journal = Journal(run / "journal")
    try:
        for record in journal.records():
            if record.role == "model" and record.response.failure is None:
                name = record.task, record.id
                total[name] = total.get(name, 0.0) + record.response.served
                repeats.setdefault(name, set()).add(record.repeat)
    finally:
        journal.close()
    return {name: took / len(repeats[name]) for name, took in total.items()}


def served(pairs: TaskPairs, side: Side, seconds: Seconds) -> FloatArray:
    """The seconds of every sample of a task; NaN where there are none."""
    ids = side.rows.table.texts("id", side.rows.first).to_pylist()
    return np.array([seconds.get((pairs.task, one), np.nan) for one in ids])


def with_latency(found: "Diff") -> "Diff":
    """The same diff, its health with the seconds that answers took in both runs.

    Where a run kept no journal, or no times, nothing is added; of more than 100,000 samples a
    flag says that it is not looked at.

    Raises:
        StoreError: a journal cannot be read.
    """
    runs = found.baseline, found.candidate
    if not all((run.path / "journal").is_dir() for run in runs):
        return found
    samples = sum(len(pairs) for group in found.pairs.values() for pairs in group)
    if samples > _MOST:
        said = (
            f"how long answers took is not compared beyond {words.count(_MOST)} samples; a "
            "gate's guard on latency does it"
        )
        return replace(found, flags=(*found.flags, said))
    times = [served_seconds(run.path) for run in runs]
    if not all(any(side.values()) for side in times):
        return found
    changes = [_change(bucket, group, times) for bucket, group in found.pairs.items()]
    return replace(found, health=(*found.health, *(one for one in changes if one)))


def _change(
    bucket: str, tasks: tuple[TaskPairs, ...], times: list[Seconds]
) -> HealthChange | None:
    """Seconds an answer in one bucket, on the samples that have them in both runs."""
    if not tasks:
        return None
    before, now = (
        np.concatenate([served(p, side(p), seconds) for p in tasks])
        for side, seconds in zip((_before, _now), times, strict=True)
    )
    clusters = np.concatenate([pairs.clusters for pairs in tasks])
    seen = ~(np.isnan(before) | np.isnan(now))
    return change_of(bucket, LATENCY, (before[seen], now[seen], clusters[seen]))


def _before(pairs: TaskPairs) -> Side:
    return pairs.before


def _now(pairs: TaskPairs) -> Side:
    return pairs.now
