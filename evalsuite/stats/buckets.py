"""Tasks combined into a bucket: its score and its change, weighted as the suite declares.

S = sum w_k m_k with SE^2 = sum w_k^2 SE_k^2 and Satterthwaite's degrees of freedom, tasks
being independent. Tasks that share clusters (the same passage in two of them) are not: there
the influence of a cluster is added up over the whole bucket first.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalsuite.errors import StatsError
from evalsuite.stats._checks import (
    FloatArray,
    critical,
    fraction,
    normal_weights,
    vector,
)
from evalsuite.stats.change import Change, Part
from evalsuite.stats.clusters import ClusterMean, add_up, clustered_error
from evalsuite.stats.intervals import Interval, widened, wilson
from evalsuite.stats.tilted import MOSTLY_SAME, Spread

TINY = 100  # effective trials below which a right/wrong bucket gets a Wilson interval

Weighting = Literal["task", "sample"] | Sequence[float]


def bucket_weights(weighting: Weighting, sizes: ArrayLike) -> FloatArray:
    """Weights of the tasks of a bucket, summing to one.

    Args:
        weighting: "task" (equal), "sample" (by size), or one declared weight a task.
        sizes: shape (tasks,), samples of each task.

    Raises:
        StatsError: no tasks, or weights that are negative, all zero or too few.
    """
    n = vector(sizes, "sizes")
    if n.size == 0:
        raise StatsError("a bucket without tasks has no score")
    if isinstance(weighting, str):
        if weighting not in ("task", "sample"):
            raise StatsError(f"weighting must be task, sample or numbers, got {weighting!r}")
        return normal_weights(np.ones_like(n) if weighting == "task" else n, n.size)
    return normal_weights(weighting, n.size)


def satterthwaite(
    stderrs: ArrayLike, dfs: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Degrees of freedom of a weighted sum: SE^4 / sum(w^4 SE_k^4 / df_k).

    Args:
        stderrs: shape (k,), standard errors.
        dfs: shape (k,), positive; infinite allowed.
        weights: shape (k,); None: all 1.

    Returns:
        Infinite where no part has a finite-df error.
    """
    se = vector(stderrs, "stderrs")
    w = np.ones_like(se) if weights is None else vector(weights, "weights")
    df = np.asarray(dfs, dtype=np.float64)
    if df.shape != se.shape or w.shape != se.shape:
        raise StatsError(f"stderrs {se.shape}, dfs {df.shape} and weights {w.shape} differ")
    if not (df > 0).all():
        raise StatsError("degrees of freedom must be positive")
    squares = np.square(w * se)
    below = float((squares**2 / df).sum())
    return float(squares.sum()) ** 2 / below if below > 0 else math.inf


def bucket_interval(
    means: Sequence[ClusterMean],
    weighting: Weighting = "task",
    *,
    level: float = 0.95,
    binary: bool = False,
    shared: bool = False,
) -> Interval:
    """Score of a bucket and its interval, clipped to [0, 1].

    Student's t with Satterthwaite's df. Tiny right/wrong buckets (under 100 effective trials
    n_eff = S (1 - S) / SE^2): Wilson on n_eff. A task whose scores are all equal adds the
    width that its size allows (`intervals.widened`) in place of an error of zero. A task with
    one cluster has an unknown error: the interval is then [0, 1].

    Args:
        means: one a task, from `cluster_mean`.
        weighting: "task", "sample" or one weight a task.
        level: two-sided coverage.
        binary: every score of every task is 0 or 1.
        shared: tasks share clusters, matched by label (see `share_clusters`).

    Raises:
        StatsError: no tasks, or weights that are negative, all zero or too few.
    """
    fraction(level, "level")
    weights = bucket_weights(weighting, [mean.n for mean in means])
    used = [(mean, float(w)) for mean, w in zip(means, weights, strict=True) if w > 0]
    estimate = sum(w * mean.estimate for mean, w in used)
    error, df, clusters = _bucket_error(used, shared=shared)
    low, high, method = 0.0, 1.0, "one cluster"
    if error is not None:
        low, high, method = _bucket_ends(used, estimate, error, df, level, binary)
    return Interval(
        estimate=estimate,
        stderr=error,
        low=max(0.0, low),
        high=min(1.0, high),
        level=level,
        method=method,
        n=sum(mean.n for mean, _ in used),
        clusters=clusters,
        df=df,
    )


_Used = Sequence[tuple[ClusterMean, float]]


def _bucket_error(used: _Used, *, shared: bool) -> tuple[float | None, float, int]:
    """Standard error, degrees of freedom and clusters of a weighted mean of tasks."""
    if shared:
        totals, _ = _merge([(mean.totals, mean.labels, w) for mean, w in used])
        error = clustered_error(totals)
        return error, float(totals.size - 1) or math.inf, totals.size
    clusters = sum(mean.clusters for mean, _ in used)
    errors = [mean.stderr for mean, _ in used if mean.stderr is not None]
    if len(errors) < len(used):
        return None, math.inf, clusters
    weights = [w for _, w in used]
    df = satterthwaite(errors, [mean.df for mean, _ in used], weights)
    squares = sum((w * error) ** 2 for w, error in zip(weights, errors, strict=True))
    return math.sqrt(squares), df, clusters


def _bucket_ends(
    used: _Used, estimate: float, error: float, df: float, level: float, binary: bool
) -> tuple[float, float, str]:
    """Ends and method of the interval; the error is known."""
    flat = [(mean, w) for mean, w in used if mean.stderr == 0 or mean.stderr is None]
    spread = estimate * (1 - estimate)
    if binary and not flat and error > 0 and spread < TINY * error**2:
        size = spread / error**2
        return *wilson(estimate * size, size, level=level, df=df), "wilson n_eff"
    # A part without spread brings the distances of its own interval (Zou and Donner's MOVER).
    half = critical(level, df) * error
    below = above = half**2
    for mean, w in flat:
        low, high = widened(mean.estimate, mean.effective, level=level)
        below += (w * (mean.estimate - low)) ** 2
        above += (w * (high - mean.estimate)) ** 2
    method = "t, widened" if flat else "t"
    return estimate - math.sqrt(below), estimate + math.sqrt(above), method


def share_clusters(parts: Sequence[ClusterMean] | Sequence[Part]) -> bool:
    """Whether any cluster label occurs in more than one task."""
    labels = [part.labels for part in parts if part.labels is not None]
    if len(labels) < 2:
        return False
    together = np.concatenate(labels)
    return bool(np.unique(together).size < together.size)


def _merge(
    pieces: Sequence[tuple[FloatArray, NDArray[Any] | None, float]],
) -> tuple[FloatArray, NDArray[Any] | None]:
    """Weighted cluster influences of several tasks, added up by label."""
    own = [w * totals for totals, labels, w in pieces if labels is None]
    named = [(w * totals, labels) for totals, labels, w in pieces if labels is not None]
    if not named:
        return np.concatenate(own), None
    unique, codes = np.unique(np.concatenate([n for _, n in named]), return_inverse=True)
    merged = add_up(np.concatenate([t for t, _ in named]), codes)
    return np.concatenate([merged, *own]), unique if not own else None


def bucket_change(
    changes: Sequence[Change], weighting: Weighting = "task", *, shared: bool = False
) -> Change:
    """Combine the changes of tasks into that of their bucket, ready for `z_against`.

    Right/wrong tasks under "sample" weights are pooled into one table, so that Tango's z is
    exact; otherwise every task stays a stratum with its own restricted variance. Tasks that
    share clusters become one clustered part.

    Args:
        changes: one a task, from `differences`.
        weighting: "task", "sample" or one weight a task; a task of weight 0 is left out.
        shared: tasks share clusters, matched by label (see `share_clusters`).

    Raises:
        StatsError: no tasks, or weights that are negative, all zero or too few.
    """
    weights = bucket_weights(weighting, [change.n for change in changes])
    parts = [
        replace(part, weight=float(w) * part.weight)
        for change, w in zip(changes, weights, strict=True)
        for part in change.parts
        if w * part.weight > 0
    ]
    if len(parts) > 1 and shared:
        return Change(parts=(_joined(parts, binary=False),))
    if len(parts) > 1 and weighting == "sample" and all(part.binary for part in parts):
        return Change(parts=(_joined(parts, binary=True),))
    return Change(parts=tuple(parts))


def _joined(parts: Sequence[Part], *, binary: bool) -> Part:
    """Several tasks as one part, clusters of the same label added up."""
    if binary:  # independent pairs: every one is its own cluster, whatever its label
        totals = np.concatenate([part.weight * part.totals for part in parts])
        sums = np.concatenate([part.weight * part.sums for part in parts])
        mass = np.concatenate([part.weight * part.mass for part in parts])
        labels = None
    else:
        totals, labels = _merge([(part.totals, part.labels, part.weight) for part in parts])
        sums, _ = _merge([(part.sums, part.labels, part.weight) for part in parts])
        mass, _ = _merge([(part.mass, part.labels, part.weight) for part in parts])
    part = Part(
        estimate=sum(part.weight * part.estimate for part in parts),
        stderr=clustered_error(totals),
        n=sum(part.n for part in parts),
        clusters=totals.size,
        losses=sum(part.losses for part in parts),
        gains=sum(part.gains for part in parts),
        binary=binary,
        sums=sums,
        totals=totals,
        mass=mass,
        labels=labels,
    )
    return part if binary else replace(part, spread=_joint_spread(parts, part))


def _joint_spread(parts: Sequence[Part], joined: Part) -> Spread | None:
    """Distribution of tasks that share clusters, each weighted as in the bucket."""
    spreads = [(part.spread, part.weight) for part in parts]
    if joined.stderr is None or any(spread is None for spread, _ in spreads):
        return None
    known = [(spread, weight) for spread, weight in spreads if spread is not None]
    values = np.concatenate([spread.values for spread, _ in known])
    mass = np.concatenate([weight * spread.mass for spread, weight in known])
    unique, index = np.unique(values, return_inverse=True)
    shares = add_up(mass, index)
    variance = float(shares @ np.square(unique - shares @ unique))
    error = joined.stderr
    # Worth as many trials as the clustered error says, and no more than the tasks alone are;
    # without spread, as many as there are clusters.
    trials = variance / error**2 if error > 0 and variance > 0 else joined.effective
    alone = sum(spread.trials for spread, _ in known)
    dense = shares.max() <= MOSTLY_SAME and any(spread.dense for spread, _ in known)
    return Spread(values=unique, mass=shares, trials=min(trials, alone), dense=bool(dense))
