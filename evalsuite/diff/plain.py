"""A diff as plain JSON data, for `--json` and for other programs."""

from evalsuite.diff.comparison import Comparison
from evalsuite.flips import Flip
from evalsuite.types import JSON, Interval, ScoreRow


def comparison(item: Comparison) -> dict[str, JSON]:
    """One bucket, task or slice: n, both scores, the difference and what it rests on."""
    delta = item.delta
    return {
        "bucket": item.bucket,
        "task": item.task,
        "slice": item.slice,
        "n": delta.n if delta else 0,
        "baseline": item.baseline.value if item.baseline else None,
        "candidate": item.candidate.value if item.candidate else None,
        "baseline_interval": interval(item.baseline),
        "candidate_interval": interval(item.candidate),
        "delta": delta.value if delta else None,
        "low": delta.low if delta else None,
        "high": delta.high if delta else None,
        "level": delta.level if delta else None,
        "method": delta.method if delta else "",
        "p": item.p_value,
        "p_noninferior": item.p_noninferior,
        "p_regression": item.p_regression,
        "p_adjusted": item.p_adjusted,
        "gains": item.gains,
        "losses": item.losses,
        "missing": item.counts.missing,
        "counts": {name: getattr(item.counts, name) for name in item.counts.__slots__},
        "margin": item.margin,
        "verdict": item.verdict,
    }


def interval(found: Interval | None) -> dict[str, JSON] | None:
    """Value, ends, level and sample size of an interval."""
    if found is None:
        return None
    names = ("value", "low", "high", "level", "stderr", "n", "clusters", "method")
    return {name: getattr(found, name) for name in names}


def flip(item: Flip) -> dict[str, JSON]:
    """One flipped answer: which sample, why, and what either side extracted."""
    names = ("bucket", "task", "id", "key", "repeat", "kind", "cause")
    return {
        **{name: getattr(item, name) for name in names},
        "baseline": _row(item.baseline),
        "candidate": _row(item.candidate),
    }


def _row(row: ScoreRow) -> dict[str, JSON]:
    names = ("repeat", "status", "score", "answer", "reason")
    return {name: getattr(row, name) for name in names}
