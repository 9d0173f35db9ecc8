"""The ratio of two paired means: how many times as long the answers have become."""

import math

import numpy as np
from numpy.typing import ArrayLike

from evalsuite.stats._checks import critical
from evalsuite.stats.clusters import cluster_mean
from evalsuite.stats.intervals import Interval


def ratio_interval(
    now: ArrayLike, before: ArrayLike, *, clusters: ArrayLike | None = None, level: float = 0.95
) -> Interval:
    """mean(now) / mean(before) with Fieller's interval, over clusters.

    The ends are the ratios r at which mean(now - r before) is `critical` errors away from 0
    (Fieller 1954, J. R. Stat. Soc. B 16). Where the mean of `before` is not itself shown to be
    above 0 there is no finite interval: it is then (0, inf).

    Args:
        now: shape (n,), not negative.
        before: shape (n,), not negative, pair by pair.
        clusters: shape (n,), labels; None: every pair is its own.
        level: two-sided coverage.

    Raises:
        StatsError: no pairs, shapes differ, or a value is not finite.
    """
    a, b = (cluster_mean(values, clusters=clusters) for values in (now, before))
    size = a.totals.size
    estimate = a.estimate / b.estimate if b.estimate else math.inf
    low, high, method = 0.0, math.inf, "fieller"
    if size > 1 and b.estimate > 0:
        factor = size / (size - 1)
        vaa, vab, vbb = (
            factor * float(np.dot(x, y))
            for x, y in ((a.totals, a.totals), (a.totals, b.totals), (b.totals, b.totals))
        )
        t2 = critical(level, float(size - 1)) ** 2
        square, cross = b.estimate**2 - t2 * vbb, a.estimate * b.estimate - t2 * vab
        inside = cross**2 - square * (a.estimate**2 - t2 * vaa)
        if square > 0:
            half = math.sqrt(max(0.0, inside))
            low, high = max(0.0, (cross - half) / square), (cross + half) / square
    return Interval(
        estimate=estimate,
        stderr=None,
        low=low,
        high=high,
        level=level,
        method=method,
        n=a.n,
        clusters=size,
        df=float(max(1, size - 1)),
    )
