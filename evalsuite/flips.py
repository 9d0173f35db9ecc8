"""Answers that changed between two runs, and why, by rule.

The cause is read off the worse of the two answers, and is something that the better one does
not show. The first rule that holds wins, from what keeps an answer from being given to what
merely makes it another one:

    1. truncated                    cut off before it ended, as the server said
    2. refused                      declined to answer
    3. tool call leaked into text   call syntax stands in the text instead of a call
    4. repetition                   the same passage over and over
    5. language switched            another language than the better answer's, or its first
                                    line in another one than the rest
    6. truncated                    nobody said so, but it ends inside a sentence or a formula
    7. format                       an answer is there but was not parsed, or the same answer
                                    was scored differently
    8. different answer             none of these: it says something else

So an answer that loops until the server cuts it off counts as truncated, a refusal in another
language as refused, and an answer that is not parsed because it loops, or because it is in
another language, as that: what explains a format comes before it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evalsuite import words
from evalsuite.pairs import Groups, TaskPairs
from evalsuite.score_table import FloatArray, IntArray, ScoreTable
from evalsuite.types import ScoreRow

REPETITION = 0.5  # share of an answer that repeats itself from which it counts as a loop
DIFFERENT = "different answer"
_ROWS = 4096  # made at a time
_SHOWN = 0.0005  # of a score, from which a share is told: 0.05 points
_LEAST_WEIGHT = 1e-300  # where no sample has any, no share is asked for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flip:
    """A sample whose answer got worse (loss) or better (gain).

    A million samples may have a hundred thousand of them: the rows are made when asked for.

    Attributes:
        bucket: its bucket.
        task: its task.
        kind: "loss" or "gain".
        cause: one of `CAUSES`, or "different answer".
        share: what it adds to the change of its task's score, a fraction; over all flips of a
            task these add up to that change.
        before: the baseline's rows, and the position of the one that shows the change best.
        now: the same of the candidate.
    """

    bucket: str
    task: str
    kind: Literal["loss", "gain"]
    cause: str
    share: float
    before: tuple[ScoreTable, int]
    now: tuple[ScoreTable, int]

    @property
    def baseline(self) -> ScoreRow:
        """The baseline's row; of several repeats the one that shows the change best."""
        table, at = self.before
        return table[at]

    @property
    def candidate(self) -> ScoreRow:
        """The candidate's row."""
        table, at = self.now
        return table[at]

    @property
    def id(self) -> str:
        """The sample's content hash."""
        return self.candidate.id

    @property
    def key(self) -> str:
        """The source's own name for the sample."""
        return self.candidate.key

    @property
    def repeat(self) -> int:
        """Of the candidate's row."""
        return self.candidate.repeat


def _on(row: ScoreRow, name: str, least: float = 0.5) -> bool:
    """Whether a health column is at or above `least`; a word or nothing is not."""
    value = row.health.get(name, 0.0)
    return type(value) is not str and value >= least  # type: ignore[operator]


def _truncated(row: ScoreRow) -> bool:
    return row.status == "truncated" or _on(row, "cut_off")


def _refused(row: ScoreRow) -> bool:
    return row.status == "refused" or _on(row, "refused")


def _leaked(row: ScoreRow) -> bool:
    return _on(row, "leaked_call") or "leaked" in (row.reason or "")


def _broken_off(row: ScoreRow) -> bool:
    return _on(row, "broken_off")


def _unparsed(row: ScoreRow) -> bool:
    return row.status == "parse_error" or _on(row, "unparsed")


def _repetitive(row: ScoreRow) -> bool:
    return _on(row, "repetition", REPETITION)


def _only_worse(shows: Callable[[ScoreRow], bool]) -> Callable[[ScoreRow, ScoreRow], bool]:
    return lambda worse, better: shows(worse) and not shows(better)


def _misread(worse: ScoreRow, better: ScoreRow) -> bool:
    """Not parsed, or the same extracted answer with another score."""
    if _unparsed(worse) and not _unparsed(better):
        return True
    return worse.answer is not None and worse.answer == better.answer


def _switched(worse: ScoreRow, better: ScoreRow) -> bool:
    """Another language than the better answer's, and not the one that the sample asks for.

    Or two languages in one answer: "Here is the story in Turkish:", and then the story.
    """
    if "opening_language" in worse.health and "opening_language" not in better.health:
        return True
    language, other = (str(row.health.get("answer_language") or "") for row in (worse, better))
    if not language or not other or "unknown" in (language, other):
        return False
    return language != other and language != worse.tags.get("language")


_RULES: tuple[tuple[str, Callable[[ScoreRow, ScoreRow], bool]], ...] = (
    ("truncated", _only_worse(_truncated)),
    ("refused", _only_worse(_refused)),
    ("tool call leaked into text", _only_worse(_leaked)),
    ("repetition", _only_worse(_repetitive)),
    ("language switched", _switched),
    ("truncated", _only_worse(_broken_off)),
    ("format", _misread),
)
#: Every cause, the one whose rule comes first first.
CAUSES = (*dict.fromkeys(cause for cause, _ in _RULES), DIFFERENT)


def cause(worse: ScoreRow, better: ScoreRow) -> str:
    """Why the worse of two answers to a sample is worse: the first rule that holds."""
    for name, holds in _RULES:
        if holds(worse, better):
            return name
    return DIFFERENT


def flips(pairs: TaskPairs) -> list[Flip]:
    """The samples of a task whose score changed, losses first, the largest change first.

    Of a sample with repeats the pair of answers furthest apart in the direction of the change
    is shown.
    """
    with np.errstate(invalid="ignore"):
        change = np.nan_to_num(pairs.now.score - pairs.before.score)
        applies = np.nan_to_num(pairs.before.weight * pairs.now.weight) > 0
    moved = np.flatnonzero((change != 0) & applies)
    order = moved[np.lexsort((moved, -np.abs(change[moved]), change[moved] > 0))]
    loss = change[order] < 0
    before = _extremes(pairs.before.rows.take(order), high=loss)
    now = _extremes(pairs.now.rows.take(order), high=~loss)
    sides = pairs.before.rows.table, pairs.now.rows.table
    causes = _causes(sides, (before, now), loss)
    shares = _shares(pairs, order)
    return [
        Flip(
            bucket=pairs.bucket,
            task=pairs.task,
            kind="loss" if worse else "gain",
            cause=why,
            share=share,
            before=(sides[0], old),
            now=(sides[1], new),
        )
        for worse, why, share, old, new in zip(
            loss.tolist(), causes, shares.tolist(), before.tolist(), now.tolist(), strict=True
        )
    ]


def _shares(pairs: TaskPairs, samples: IntArray) -> FloatArray:
    """What each of these samples adds to the change of the task's score."""
    seen = pairs.observed
    before, now = (
        side.score[samples] * side.weight[samples] / max(side.weight[seen].sum(), _LEAST_WEIGHT)
        for side in (pairs.before, pairs.now)
    )
    share: FloatArray = now - before
    return share


def _causes(
    sides: tuple[ScoreTable, ScoreTable],
    rows: tuple[IntArray, IntArray],
    loss: NDArray[np.bool_],
) -> Iterator[str]:
    """The cause of each flip, a few thousand rows at a time."""
    for start in range(0, loss.size, _ROWS):
        part = slice(start, start + _ROWS)
        before, now = (table.take(at[part]) for table, at in zip(sides, rows, strict=True))
        for old, new, lost in zip(before, now, loss[part].tolist(), strict=True):
            yield cause(new, old) if lost else cause(old, new)


def _extremes(rows: Groups, *, high: NDArray[np.bool_]) -> IntArray:
    """Of each sample the row of its highest or lowest score; the first repeat of several."""
    scores, samples = rows.table.score[rows.rows], rows.samples
    rank = np.where(high[samples], -scores, scores)  # NaN, no value, sorts last
    order = np.lexsort((np.arange(rank.size), rank, samples))
    found: IntArray = rows.rows[order[rows.ends[:-1]]]
    return found


def tally(found: Iterable[Flip], kind: Literal["loss", "gain"]) -> Mapping[str, int]:
    """How many flips of a kind have which cause, the most frequent first."""
    counts: dict[str, int] = {}
    for flip in found:
        if flip.kind == kind:
            counts[flip.cause] = counts.get(flip.cause, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How much of a task's change is due to one cause, gains and losses taken together.

    Attributes:
        bucket: the task's bucket.
        task: the task.
        cause: one of `CAUSES`.
        change: of the task's score, a fraction; over all causes these add up to its change.
        losses: answers that got worse for it.
        gains: answers that got better because they no longer do.
    """

    bucket: str
    task: str
    cause: str
    change: float
    losses: int
    gains: int


def due(found: Iterable[Flip]) -> tuple[Due, ...]:
    """How much of each task's change is due to which cause, the largest share first."""
    sums: dict[tuple[str, str, str], list[float]] = {}
    tasks: dict[tuple[str, str], int] = {}
    for flip in found:
        tasks.setdefault((flip.bucket, flip.task), len(tasks))
        own = sums.setdefault((flip.bucket, flip.task, flip.cause), [0.0, 0, 0])
        own[0] += flip.share
        own[1 if flip.kind == "loss" else 2] += 1
    parts = [
        Due(
            bucket=bucket,
            task=task,
            cause=cause,
            change=change,
            losses=int(losses),
            gains=int(gains),
        )
        for (bucket, task, cause), (change, losses, gains) in sums.items()
    ]
    return tuple(sorted(parts, key=lambda one: (tasks[one.bucket, one.task], -abs(one.change))))


def told(parts: Iterable[Due]) -> str:
    """The causes of a task's change in points: "-1.0 format, -0.3 truncated".

    What rounds to nothing is left out; "" where all of it does.
    """
    shown = [part for part in parts if abs(part.change) >= _SHOWN]
    return ", ".join(f"{words.points(one.change, sign=True)} {one.cause}" for one in shown)
