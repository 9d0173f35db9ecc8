"""What a bucket costs to run, told by the baseline: answers, tokens, seconds.

Tokens are those that the baseline's own answers took (what the server counted, where it did).
Time is shared out by tokens: the candidate is taken to be served as the baseline was, on the
same hardware and with as many requests at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalsuite.score_table import ScoreTable
from evalsuite.store import Run
from evalsuite.types import JSON, ScoreRow

_COUNTED = ("answer_tokens", "thinking_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a bucket took in the baseline.

    Attributes:
        answers: rows, repeats included.
        tokens: of answers and thinking; None where the rows do not tell.
        seconds: its share of the run's time; None where that is not known.
    """

    answers: int
    tokens: float | None
    seconds: float | None


def costs(baseline: Run, rows: Sequence[ScoreRow]) -> dict[str, Cost]:
    """By bucket, what the baseline took.

    Args:
        baseline: a finished run; one that was not asked by us (a table, scored responses) has
            no time of its own.
        rows: its scores.
    """
    import numpy as np

    table = ScoreTable.of(rows)
    codes, names = table.codes("bucket")
    counts = np.stack([table.health(name) for name in _COUNTED])
    told = np.logical_not(np.isnan(counts).all(axis=0))
    tokens = np.nansum(counts, axis=0)
    a_token = _seconds_a_token(baseline.manifest, float(tokens.sum())) if told.all() else None
    found = {}
    for code, bucket in enumerate(names):
        own = np.equal(codes, code)
        known = float(tokens[own].sum()) if told[own].all() else None
        took = None if known is None or a_token is None else known * a_token
        found[bucket] = Cost(answers=int(own.sum()), tokens=known, seconds=took)
    return found


def at_once(manifest: Mapping[str, JSON]) -> int | None:
    """Requests that were in flight together, as the run's pace tells; None: not known."""
    pace = manifest.get("pace")
    value = pace.get("concurrency") if isinstance(pace, Mapping) else None
    return int(value) if isinstance(value, int | float) and value > 0 else None


def _seconds_a_token(manifest: Mapping[str, JSON], tokens: float) -> float | None:
    seconds = manifest.get("seconds")
    if not isinstance(seconds, int | float) or seconds <= 0 or tokens <= 0:
        return None
    return float(seconds) / tokens
