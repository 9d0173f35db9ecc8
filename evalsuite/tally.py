"""The rows of a task by column, taken in one by one: some 150 bytes of a row are kept."""

from array import array
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evalsuite.types import ScoreRow

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
_SILENT = -1  # no answer was extracted; no text hashes to it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """One metric of one task, a value a sample.

    Attributes:
        values: shape (n,), mean over repeats, in [0, 1].
        weights: shape (n,), not negative.
        clusters: shape (n,), labels.
    """

    values: FloatArray
    weights: FloatArray
    clusters: NDArray[Any]

    @property
    def applies(self) -> bool:
        """At least one sample has a value that counts."""
        return bool((self.weights > 0).any())

    @property
    def binary(self) -> bool:
        """Every score is 0 or 1."""
        return bool(np.isin(self.values, (0.0, 1.0)).all())


class Counts:
    """Rows by status, and the sums of their numeric health columns."""

    __slots__ = ("statuses", "sums")

    def __init__(self) -> None:
        self.statuses: dict[str, int] = {}
        self.sums: dict[str, list[float]] = {}  # name -> sum and number of rows

    def add(self, row: ScoreRow) -> None:
        """Count one row."""
        self.statuses[row.status] = self.statuses.get(row.status, 0) + 1
        sums = self.sums
        for name, value in row.health.items():
            if not isinstance(value, str):
                known = sums.get(name)
                if known is None:
                    sums[name] = [value, 1]
                else:
                    known[0] += value
                    known[1] += 1

    def merge(self, other: "Counts") -> None:
        """Count the rows of another tally, too."""
        for status, n in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + n
        for name, (total, rows) in other.sums.items():
            known = self.sums.setdefault(name, [0.0, 0])
            known[0] += total
            known[1] += rows

    def health(self) -> dict[str, float]:
        """Means over the rows that have the column."""
        return {name: total / rows for name, (total, rows) in self.sums.items()}


class Column:
    """One metric, an entry a row that has it: the row's sample, value and weight."""

    __slots__ = ("samples", "values", "weights")

    def __init__(self) -> None:
        self.samples, self.values, self.weights = array("q"), array("d"), array("d")

    def add(self, sample: int, value: float, weight: float) -> None:
        """Take one entry in."""
        self.samples.append(sample)
        self.values.append(value)
        self.weights.append(weight)


class Slice:
    """The rows of one value of one tag; `entries` are positions in the primary column."""

    __slots__ = ("counts", "entries", "samples")

    def __init__(self) -> None:
        self.counts, self.entries, self.samples = Counts(), array("q"), array("q")


def _label(name: str) -> int:
    """64 bits that stand for a name, the same in every process."""
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class TaskRows:
    """Every row of one task, by column."""

    def __init__(self, bucket: str, name: str) -> None:
        self.bucket, self.name = bucket, name
        self.primary = ""  # a failed row does not know it
        self.counts = Counts()
        self.samples: dict[int, int] = {}  # label -> number
        self.clusters = array("q")  # labels
        self.scored = Column()
        self.answers = array("q")  # hashes, beside `scored`
        self.others: dict[str, Column] = {}
        self.slices: dict[str, dict[str, Slice]] = {}

    def add(self, row: ScoreRow) -> None:
        """Take one row in."""
        label = _label(row.id)
        sample = self.samples.setdefault(label, len(self.samples))
        if sample == len(self.clusters):
            self.clusters.append(label if row.cluster == row.id else _label(row.cluster))
        self.counts.add(row)
        for tag, value in row.tags.items():
            part = self.slices.setdefault(tag, {}).setdefault(value, Slice())
            part.counts.add(row)
            part.samples.append(sample)
            if row.score is not None:
                part.entries.append(len(self.answers))
        if row.score is not None:
            self._add_scored(row, sample, row.score)

    def _add_scored(self, row: ScoreRow, sample: int, score: float) -> None:
        if not self.answers:
            self.primary = row.primary
        found = row.metrics.get(row.primary)
        self.scored.add(sample, score, 1.0 if found is None else found.weight)
        self.answers.append(_SILENT if row.answer is None else hash(row.answer))
        for name, metric in row.metrics.items():
            if name != self.primary:
                column = self.others.setdefault(name, Column())
                column.add(sample, metric.value, metric.weight)

    def scores(self) -> Scores:
        """The primary metric, averaged over repeats per sample."""
        return self.averaged(self.scored)

    def averaged(self, column: Column, entries: IntArray | None = None) -> Scores:
        """A metric of the task or of some entries of it, averaged over repeats per sample."""
        chosen = slice(None) if entries is None else entries
        codes = np.array(column.samples, dtype=np.intp)[chosen]
        values, weights = (np.array(one)[chosen] for one in (column.values, column.weights))
        if not codes.size:
            nothing = np.zeros(0)
            return Scores(values=nothing, weights=nothing, clusters=nothing)
        size = np.bincount(codes)
        there = np.flatnonzero(size)
        mass = np.bincount(codes, weights=weights)[there]
        total = np.bincount(codes, weights=weights * values)[there]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.where(mass > 0, total / mass, 0.0)
        clusters = np.array(self.clusters)[there]
        return Scores(values=mean, weights=mass / size[there], clusters=clusters)

    @property
    def voted(self) -> bool:
        """At least one row has an extracted answer."""
        return any(answer != _SILENT for answer in self.answers)

    def votes(self, codes: IntArray, samples: int) -> list[list[tuple[int | None, float]]]:
        """For each sample its extracted answers (None: none) with their scores."""
        groups: list[list[tuple[int | None, float]]] = [[] for _ in range(samples)]
        for code, answer, score in zip(codes, self.answers, self.scored.values, strict=True):
            groups[code].append((None if answer == _SILENT else answer, score))
        return groups
