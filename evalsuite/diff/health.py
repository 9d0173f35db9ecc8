"""Beside the score: cut off, refused, unparsed, lengths, repetition, in both runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evalsuite import reported
from evalsuite.language import LANGUAGES
from evalsuite.pairing import FloatArray, Groups, IntArray, TaskPairs
from evalsuite.types import Interval

# A row's status says these even where its health columns do not.
FIDELITY = "language_fidelity"  # share of the answers in the language of their sample's tag
_BY_STATUS = {"cut_off": "truncated", "refused": "refused", "unparsed": "parse_error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthChange:
    """A health figure in both runs, with the paired difference.

    Attributes:
        bucket: over all samples of this bucket, every sample weighing the same.
        name: "cut_off", "refused", "unparsed", "failed" (shares in [0, 1]), "answer_tokens" ...
        baseline: mean over the paired samples, in the figure's own unit.
        candidate: as `baseline`.
        delta: candidate - baseline at 95 %, in the same unit.
    """

    bucket: str
    name: str
    baseline: float
    candidate: float
    delta: Interval


def health_changes(bucket: str, tasks: Sequence[TaskPairs]) -> list[HealthChange]:
    """Compare every health figure that both runs recorded for a bucket, by name."""
    if not tasks:
        return []
    names = {"failed", FIDELITY, *_BY_STATUS}
    for pairs in tasks:
        names.update(pairs.before.rows.table.health_names, pairs.now.rows.table.health_names)
    found = []
    for name in sorted(names):
        columns = [_column(pairs, name) for pairs in tasks]
        before, now = (np.concatenate([column[at] for column in columns]) for at in (0, 1))
        clusters: IntArray = np.concatenate([column[2] for column in columns])
        change = change_of(bucket, name, (before, now, clusters))
        if change:
            found.append(change)
    return found


_Columns = tuple[FloatArray, FloatArray, IntArray]  # both sides, and clusters


def change_of(bucket: str, name: str, columns: _Columns) -> HealthChange | None:
    """Compare one figure of the samples that have it in both runs; None where none does."""
    before, now, clusters = columns
    if not before.size:
        return None
    return HealthChange(
        bucket=bucket,
        name=name,
        baseline=float(before.mean()),
        candidate=float(now.mean()),
        delta=_delta(before, now, clusters),
    )


def _column(pairs: TaskPairs, name: str) -> _Columns:
    """Values of both sides, and clusters, of the samples that have the figure in both."""
    if name == "failed":
        both = (pairs.before.rows.sizes > 0) & (pairs.now.rows.sizes > 0)
        return pairs.before.lost[both], pairs.now.lost[both], pairs.clusters[both]
    before, now = (values(side.rows, name) for side in (pairs.before, pairs.now))
    both = ~(np.isnan(before) | np.isnan(now))
    return before[both], now[both], pairs.clusters[both]


def values(rows: Groups, name: str) -> FloatArray:
    """One figure, a value a sample, averaged over repeats; NaN where no repeat has it."""
    value = _faithful(rows) if name == FIDELITY else rows.table.health(name)[rows.rows]
    if name in _BY_STATUS:
        codes, words = rows.table.codes("status")
        said = {"failed": np.nan, _BY_STATUS[name]: 1.0}
        known = np.array([said.get(word, 0.0) for word in words])
        value = np.where(np.isnan(value), known[codes[rows.rows]], value)
    unknown, samples = np.isnan(value), rows.samples
    known, total = (
        np.bincount(samples, weights=weights, minlength=len(rows))
        for weights in (~unknown, np.where(unknown, 0.0, value))
    )
    with np.errstate(invalid="ignore"):
        mean: FloatArray = total / known
    return mean


def _faithful(rows: Groups) -> FloatArray:
    """Whether an answer is in the language that its sample is tagged with, a value a row.

    NaN where the answer's language was not recognised, or the tag is none that could be.
    """
    spoken, spoken_names = rows.table.health_words("answer_language")
    tagged, tags = rows.table.codes("tags")
    asked = [str(tag.get("language", "")) for tag in tags]
    names = [*spoken_names, ""]
    known = np.array([name in LANGUAGES for name in names])
    wanted = np.array([name in LANGUAGES for name in asked] or [False])
    same = np.array([[name == other for other in names] for name in asked] or [[False]])
    said, of = spoken[rows.rows], tagged[rows.rows]
    value: FloatArray = np.where(known[said] & wanted[of], same[of, said], np.nan)
    return value


def _delta(before: FloatArray, now: FloatArray, clusters: IntArray) -> Interval:
    """The paired difference; figures beyond 1 are scaled into [0, 1] and back."""
    from evalsuite.stats import difference_interval, differences

    low = min(0.0, float(before.min()), float(now.min()))
    scale = max(1.0, float(before.max()) - low, float(now.max()) - low)
    change = differences((before - low) / scale, (now - low) / scale, clusters=clusters)
    found = reported.interval(difference_interval(change))
    assert found is not None  # there are pairs
    return replace(
        found,
        value=found.value * scale,
        low=None if found.low is None else found.low * scale,
        high=None if found.high is None else found.high * scale,
        stderr=None if found.stderr is None else found.stderr * scale,
    )
