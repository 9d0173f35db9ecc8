"""Things that look odd in a comparison: they never change a verdict, they say where to look."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from evalsuite import words
from evalsuite.comparability import fact
from evalsuite.diff.comparison import BETTER, Comparison
from evalsuite.pairs import Groups, TaskPairs
from evalsuite.ranges import Range, bucket_range
from evalsuite.store import Run
from evalsuite.types import JSON, ScoreRow

FEW_CLUSTERS = 10  # below this a clustered interval is to be read with care
_SUSPICIOUS = 0.01  # one-sided, Bonferroni over the tasks of a bucket
_ENDED = ("complete", "stopped_by_plan")


def run_flags(
    baseline: Run, candidate: Run, tasks: Sequence[TaskPairs], *, looked_at: bool = False
) -> Iterator[str]:
    """Odd things about the runs as a whole; `looked_at`: a gate followed the candidate."""
    weights = [
        fact((run.manifest.get("identity") or {}).get("weights"))
        for run in (baseline, candidate)
    ]
    if weights[0].equals(weights[1]):
        yield (
            f"both runs are of the same weights ({weights[0]}): what differs is noise, or not "
            "the model's"
        )
    n = sum(pairs.counts.paired for pairs in tasks)
    if n and _identical(tasks):
        yield (
            f"both runs gave the same answers to all {words.counted(n, 'sample')}: "
            "is it the same checkpoint twice?"
        )
    for run, side in ((baseline, "baseline"), (candidate, "candidate")):
        if run.status not in _ENDED:
            yield f"the run of the {side} is {run.status}: its missing answers may still come"
        for said in run.manifest.get("odd") or ():
            yield f"the {side}'s results were odd when they were imported: {said}"
        if not looked_at:
            yield from _fewer(run, side, tasks)


def _identical(tasks: Iterable[TaskPairs]) -> bool:
    """Same score, answer, status and reason everywhere, and nothing on one side only."""
    for pairs in tasks:
        before, now = pairs.before.rows, pairs.now.rows
        if pairs.counts.missing or pairs.counts.changed:
            return False
        if not np.array_equal(before.ends, now.ends):
            return False
        scores = before.table.score[before.rows], now.table.score[now.rows]
        if not np.array_equal(*scores, equal_nan=True):
            return False
        answers = (side.table.texts("answer", side.rows) for side in (before, now))
        if not next(answers).equals(next(answers)):
            return False
        rows = zip(_each(before), _each(now), strict=True)
        if any((a.reason, a.health) != (b.reason, b.health) for a, b in rows):
            return False
    return True


def _each(groups: Groups) -> Iterator[ScoreRow]:
    for start in range(0, groups.rows.size, 4096):
        yield from groups.table.take(groups.rows[start : start + 4096])


def _fewer(run: Run, side: str, tasks: Iterable[TaskPairs]) -> Iterator[str]:
    """Samples that the manifest promises and no row tells of, in neither run."""
    recorded = run.manifest.get("tasks") or {}
    for pairs in tasks:
        entry = recorded.get(pairs.task) or recorded.get(f"{pairs.bucket}/{pairs.task}") or {}
        promised = entry.get("samples")
        counts = pairs.counts
        known = len(pairs) + counts.changed
        if isinstance(promised, int) and known < promised:
            lost = promised - known
            yield (
                f"{words.count(lost)} of the {words.counted(promised, 'sample')} of "
                f"{pairs.task} that the {side} planned are in neither run's scores"
            )


def task_flags(comparisons: Iterable[Comparison]) -> Iterator[str]:
    """Tasks that cannot show what they are there to show."""
    for item in comparisons:
        if item.baseline is None or item.candidate is None or item.delta is None:
            continue
        if item.baseline.value == 0 and item.candidate.value == 0:
            yield (
                f"{item.bucket}/{item.task} scored 0 in both runs "
                f"({words.counted(item.delta.n, 'sample')}): at its floor it can show no loss. "
                "Check its scorer and the server's parsers"
            )
        if 1 < item.delta.clusters < FEW_CLUSTERS < item.delta.n:
            yield (
                f"{item.bucket}/{item.task}: its {words.counted(item.delta.n, 'sample')} come "
                f"from only {item.delta.clusters} clusters, so its interval is rough"
            )


def gain_flags(
    comparison: Comparison, ranges: Mapping[str, Range], weights: JSON
) -> Iterator[str]:
    """A bucket whose gain is the gain of one task alone (STATISTICS 2k).

    r = (D_k - D_rest) / sqrt(SE_k^2 + SE_rest^2), flagged where its one-sided Bonferroni
    p < .01 and the bucket's gain without the task is nil or under a third.
    """
    observed = {name: found.observed for name, found in ranges.items() if found.observed}
    if comparison.verdict != BETTER or len(observed) < 2 or comparison.delta is None:
        return
    for name, change in observed.items():
        rest = {other: ranges[other] for other in observed if other != name}
        others = bucket_range(rest, weights).observed
        if others is None or not change.stderr or others.stderr is None:
            continue
        spread = math.hypot(change.stderr, others.stderr)
        p = math.erfc((change.estimate - others.estimate) / spread / math.sqrt(2)) / 2
        alone = others.estimate <= 0 or others.estimate < comparison.delta.value / 3
        if p * len(observed) < _SUSPICIOUS and change.estimate > 0 and alone:
            yield (
                f"the gain of {comparison.bucket} is that of {name} alone: without it the "
                f"bucket changed by {words.points(others.estimate, sign=True)} points"
            )
