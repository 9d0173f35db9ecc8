"""Paired differences between two runs, and the statistics that a gate reads off them.

    differences(before, now) -> Change ── z_against(change, null)       non-inferiority, change
                                       ├─ difference_interval(change)
                                       └─ p_value, sign_flip

A Change holds one part a task. Independent right/wrong pairs are tested by Tango's score
statistic. Everything else (repeats, graded scores, clusters) is tested by Student's t over
clusters, turned to the normal scale so that one boundary serves both; where most pairs did not
change, its variance is the one that belongs to the hypothesis, as in Tango's test, times the
design effect. Differences are now - before, in [-1, 1].

The design effect counts half a cluster more, all of whose pairs flip together, than was seen
(`tilted.flip_together`): a few flips that were not together say little of what is. Plain t
has up to 26 % false PASS at a nominal 5 % where few flip, and a design effect as it was seen
up to 24 % where large clusters flip rarely and whole. docs/operating-characteristics.md has
the error of what is used, over a grid.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evalsuite.errors import StatsError
from evalsuite.stats._checks import (
    SIGNED,
    UNIT,
    FloatArray,
    count,
    critical,
    same_length,
    vector,
    within,
)
from evalsuite.stats.change import Change, Part, freedom, half_a_pair, variance_at
from evalsuite.stats.clusters import add_up, cluster_codes, clustered_error
from evalsuite.stats.discordant import mcnemar
from evalsuite.stats.intervals import Interval
from evalsuite.stats.tango import invert
from evalsuite.stats.tilted import Spread, spread_of

_LIMIT = 37.0  # a normal score beyond which the tail probability underflows


def differences(
    before: ArrayLike,
    now: ArrayLike,
    *,
    clusters: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    now_weights: ArrayLike | None = None,
) -> Change:
    """Reduce one task's paired scores to a Change.

    The estimate is sum(w' now)/sum(w') - sum(w before)/sum(w); a pair of weight 0 on both
    sides does not count. Missing pairs are the caller's: fill them with their worst for a
    PASS, with their best for a FAIL, and call once for each.

    Args:
        before: shape (n,), in [0, 1]; for repeats, one mean a prompt.
        now: shape (n,), in [0, 1], pair by pair.
        clusters: shape (n,), labels; None: every pair is its own.
        weights: shape (n,), not negative; None: all 1.
        now_weights: shape (n,), where they differ from `weights`.

    Raises:
        StatsError: no pairs, shapes differ, or a value is not finite or outside [0, 1].
    """
    a, b = vector(before, "before"), vector(now, "now")
    same_length("before", "now", a, b)
    within(a, UNIT, "before")
    within(b, UNIT, "now")
    wa = np.ones_like(a) if weights is None else vector(weights, "weights")
    wb = wa if now_weights is None else vector(now_weights, "now_weights")
    same_length("before", "weights", a, wa)
    same_length("before", "now_weights", a, wb)
    if (wa < 0).any() or (wb < 0).any():
        raise StatsError("weights must not be negative")
    labels = None if clusters is None else np.asarray(clusters)
    if labels is not None and labels.shape != a.shape:
        raise StatsError(f"clusters {labels.shape} and before {a.shape} differ in shape")
    keep = (wa > 0) | (wb > 0)
    if not keep.all():
        a, b, wa, wb = a[keep], b[keep], wa[keep], wb[keep]
        labels = None if labels is None else labels[keep]
    if a.size == 0 or not wa.any() or not wb.any():
        raise StatsError("no pairs to compare: n = 0")
    return Change(parts=(_part(a, b, wa / wa.sum(), wb / wb.sum(), labels),))


def _part(
    a: FloatArray, b: FloatArray, wa: FloatArray, wb: FloatArray, labels: NDArray[Any] | None
) -> Part:
    """One task's Part; the weights of each side sum to one."""
    codes, names = cluster_codes(labels, a.size)
    sums = add_up(wb * b - wa * a, codes)
    estimate = float((wb * b).sum() - (wa * a).sum())
    change = b - a
    flat = bool((wa == wa[0]).all() and (wb == wb[0]).all())
    if flat and bool((change == change[0]).all()):
        # One difference throughout has no spread: rounding must not invent one.
        estimate, effects = float(change[0]), np.zeros_like(a)
    else:
        effects = wb * (b - (wb * b).sum()) - wa * (a - (wa * a).sum())
    totals = add_up(effects, codes)
    right_or_wrong = bool((((a == 0) | (a == 1)) & ((b == 0) | (b == 1))).all())
    part = Part(
        estimate=estimate,
        stderr=clustered_error(totals),
        n=a.size,
        clusters=totals.size,
        losses=int(((change < 0) & (wa > 0) & (wb > 0)).sum()),
        gains=int(((change > 0) & (wa > 0) & (wb > 0)).sum()),
        binary=right_or_wrong and flat and totals.size == a.size,
        sums=sums,
        totals=totals,
        mass=add_up((wa + wb) / 2, codes),
        labels=names,
    )
    if part.stderr is None:
        return part
    if bool((wa == wb).all()):
        return replace(part, spread=spread_of(change, wa, codes, part.stderr))
    # Two sets of weights: no one distribution of differences, unless there is no spread.
    point = Spread(values=np.array([estimate]), mass=np.ones(1), trials=part.clusters)
    return replace(part, spread=None if part.stderr else point)


def _statistic(
    change: Change, null: float, extra_variance: float, granted: float = 0.0
) -> float:
    """(estimate + granted - null) / its standard error at `null`."""
    variance = extra_variance + variance_at(change, null)
    excess = change.estimate + granted - null
    # Rounding of the mean is no evidence: an excess of some ulp at zero variance is 0.
    if abs(excess) < 1e-14:
        return 0.0
    if variance <= 0:
        return math.copysign(math.inf, excess)
    return excess / math.sqrt(variance)


def z_against(
    change: Change,
    null: float = 0.0,
    *,
    extra_variance: float = 0.0,
    extra_df: float = math.inf,
) -> float:
    """Evidence on the normal scale that the true difference lies above `null`.

    z_P of a gate is `z_against(change, -margin)`, z_0 is `z_against(change)`. Clustered and
    graded parts are tested by t with Satterthwaite's df and mapped by Phi^-1(T_df(t)).

    Args:
        change: what changed.
        null: hypothesised difference, in (-1, 1).
        extra_variance: added to the variance of the estimate: `RunNoise.extra_variance`.
        extra_df: degrees of freedom that it rests on, positive: `RunNoise.df`.

    Returns:
        z, at most 37 in size.
    """
    df = _extended(change, extra_variance, extra_df)
    return _normal(_statistic(change, null, extra_variance), df)


def z_below(
    change: Change,
    null: float = 0.0,
    *,
    extra_variance: float = 0.0,
    extra_df: float = math.inf,
) -> float:
    """Evidence on the normal scale that the true difference lies below `null`.

    -z_against(change) at 0. Elsewhere losses and gains are not equally likely under the
    hypothesis, their difference is skewed towards the loss, and -z_against would find one at
    the margin in up to 9 % of samples at a nominal 5 %; half a pair is granted (continuity
    correction), with which it is at most 5.0 % there.

    Args:
        change: what changed.
        null: hypothesised difference, in (-1, 1): 0 for a FAIL by `regression`, -margin for
            one by `inferior`.
        extra_variance: as in `z_against`.
        extra_df: as in `z_against`.
    """
    df = _extended(change, extra_variance, extra_df)
    short = null - change.estimate
    granted = min(half_a_pair(change), max(0.0, short)) if null else 0.0
    return -_normal(_statistic(change, null, extra_variance, granted), df)


def _normal(statistic: float, df: float) -> float:
    """Student's t on the normal scale, at most 37 in size."""
    if not math.isinf(df):
        from scipy.special import ndtri, stdtr  # slow to import; scores need neither

        tail = float(stdtr(df, -abs(statistic)))
        statistic = math.copysign(-float(ndtri(tail)), statistic) if statistic else 0.0
    return max(-_LIMIT, min(_LIMIT, statistic))


def _extended(change: Change, extra_variance: float, extra_df: float) -> float:
    """Degrees of freedom with the extra variance, which is checked."""
    count(extra_variance, "extra_variance")
    if not extra_df > 0:
        raise StatsError(f"extra_df must be positive, got {extra_df}")
    return freedom(change, extra_variance, extra_df)


def difference_interval(
    change: Change,
    *,
    level: float = 0.95,
    extra_variance: float = 0.0,
    extra_df: float = math.inf,
) -> Interval:
    """Two-sided interval of the difference now - before, from the same statistic as z.

    The lower end at level 1 - 2 alpha lies above -margin exactly when
    `z_against(change, -margin)` exceeds z_{1 - alpha}.

    Args:
        change: what changed.
        level: two-sided coverage.
        extra_variance: as in `z_against`.
        extra_df: as in `z_against`.
    """
    df = _extended(change, extra_variance, extra_df)
    threshold = critical(level, df)
    low, high = invert(
        lambda null: _statistic(change, null, extra_variance),
        change.estimate,
        threshold,
        SIGNED,
    )
    return Interval(
        estimate=change.estimate,
        stderr=change.stderr,
        low=low,
        high=high,
        level=level,
        method=change.method,
        n=change.n,
        clusters=change.clusters,
        df=df,
    )


def p_value(change: Change) -> float:
    """Two-sided p that nothing changed: McNemar mid-p for one task of right/wrong pairs.

    Otherwise from `z_against(change)`: Student's t over clusters, or the score statistic.
    """
    if len(change.parts) == 1 and change.parts[0].binary:
        return mcnemar(change.losses, change.gains).mid
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(z_against(change))))
