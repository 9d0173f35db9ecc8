"""What a bucket is expected to do under an early-stopping gate, look by look.

The difference seen so far, and the share of flips from which the test takes its variance, are
followed task by task over many simulated runs, drawn from a fixed seed; what `looks.decide`
makes of the statistics at each look is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evalsuite.looks import bounds, decide
from evalsuite.looks.decide import FAILED, PASSED
from evalsuite.looks.order import FIRST, LEAST
from evalsuite.plan.chance import (
    Stratum,
    beyond,
    differing_at,
    half_granted,
    reach,
    trials,
    untested,
)
from evalsuite.policy import Looks, Rule

FloatArray = NDArray[np.float64]

_PATHS = 10_000  # a chance is exact to half a point


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """What is expected of a bucket whose gate looks while it is run.

    Attributes:
        passes: probability of a PASS at any look.
        fails: probability of a FAIL at any look.
        used: mean share of the items that is asked until the bucket stops, in (0, 1].
    """

    passes: float
    fails: float
    used: float


def stopping(
    strata: Sequence[Stratum],
    rule: Rule,
    change: float,
    alpha: float,
    looks: Looks,
) -> Stopping:
    """Expect what looks will decide.

    Args:
        strata: tasks of the bucket; none: nothing can be shown.
        rule: margin, level of the PASS and fail rule.
        change: true difference candidate - baseline, a fraction.
        alpha: level of the FAIL, already divided by the number of buckets.
        looks: how far apart they are, and how error is spent.
    """
    if not strata:
        return Stopping(passes=0.0, fails=0.0, used=1.0)
    info = _info(strata, looks)
    boundary = bounds(info, rule.alpha, alpha, gamma=looks.gamma)
    found, flips = _walked(strata, change, info)
    null = -rule.margin if rule.fail == "inferior" else 0.0
    good, bad, deep = (np.empty((_PATHS, len(info))) for _ in range(3))
    weights = np.array([one.weight for one in strata])
    for at, share in enumerate(info):
        part = _part(strata, share)
        seen = found[:, at] @ weights
        error = _errors(part, found[:, at], flips[:, at], (-rule.margin, null))
        # A t is held against a boundary of its own: the z is scaled instead.
        good[:, at] = (seen + rule.margin) / error[0] * _scale(part, boundary.passing[at])
        granted = half_granted(part) if null else 0.0
        bad[:, at] = (null - seen - granted) / error[1] * _scale(part, boundary.failing[at])
        deep[:, at] = bool(null) | (seen < -_beyond(part, rule.margin))
    outcome, look = decide(good, bad, deep, boundary)
    return Stopping(
        passes=float((outcome == PASSED).mean()),
        fails=float((outcome == FAILED).mean()),
        used=float(np.array(info)[look].mean()),
    )


def _info(strata: Sequence[Stratum], looks: Looks) -> tuple[float, ...]:
    """Shares of the bucket at which it is looked at; clusters are the unit of order."""
    from evalsuite.stats import look_sizes

    clusters = round(sum(min(one.items, one.df + 1) for one in strata))
    sizes = look_sizes(max(1, clusters), step=looks.step, first=FIRST, least=LEAST)
    return tuple(size / max(1, clusters) for size in sizes)


def _part(strata: Sequence[Stratum], share: float) -> list[Stratum]:
    """The tasks with a share of their items."""
    return [
        replace(one, effective=max(1.0, one.effective * share), df=max(1.0, one.df * share))
        for one in strata
    ]


def _scale(strata: Sequence[Stratum], z: float) -> float:
    return z / reach(strata, z)


def _beyond(strata: Sequence[Stratum], margin: float) -> float:
    """How large a loss must be; where it was counted answer by answer, the margin itself."""
    return margin + 1e-12 if all(one.binary for one in strata) else beyond(strata, margin)


def _walked(
    strata: Sequence[Stratum], change: float, info: Sequence[float]
) -> tuple[FloatArray, FloatArray]:
    """Differences and shares of flips so far, shape (paths, looks, tasks) each."""
    rng = np.random.default_rng(0)
    walks = [(_counted if one.binary else _moved)(one, change, info, rng) for one in strata]
    found, flips = (np.stack(each, axis=-1) for each in zip(*walks, strict=True))
    return found, flips


def _counted(
    one: Stratum, change: float, info: Sequence[float], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Of right/wrong items, counted one by one: with few flips their steps matter."""
    n = np.maximum(1, np.round(np.array(info) * one.effective)).astype(np.int64)
    wide = differing_at(one, change)
    flips = rng.binomial(np.diff(n, prepend=0), wide, size=(_PATHS, len(info)))
    gains = rng.binomial(flips, (wide + change) / 2 / wide)
    share, better = (np.cumsum(each, axis=1) / n for each in (flips, gains))
    return 2 * better - share, share


def _moved(
    one: Stratum, change: float, info: Sequence[float], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Of clusters and graded answers, as Brownian motions of the same drift and variance."""
    share = np.array(info)
    steps = np.sqrt(np.diff(share, prepend=0.0))

    def motion() -> FloatArray:
        half = np.cumsum(rng.standard_normal((_PATHS // 2, share.size)) * steps, axis=1) / share
        return np.concatenate([half, -half])

    wide = differing_at(one, change)
    found = change + np.sqrt(max(0.0, wide - change**2) / one.effective) * motion()
    apart = np.sqrt(max(0.0, wide * (1 - wide)) / one.effective)
    return found, np.clip(wide + apart * motion(), np.minimum(1.0, np.abs(found)), 1.0)


def _errors(
    strata: Sequence[Stratum],
    found: FloatArray,
    flips: FloatArray,
    nulls: tuple[float, float],
) -> list[FloatArray]:
    """Standard errors that the tests against two hypotheses see, shape (paths,) each."""
    from evalsuite.stats.tables import restricted_variances

    errors = []
    for null in nulls:
        total = np.zeros(len(found))
        for at, one in enumerate(strata):
            n, variance = trials(one), untested(one, found[:, at] - null)
            if one.scored:
                losses = n * (flips[:, at] - found[:, at]) / 2
                gains = n * (flips[:, at] + found[:, at]) / 2
                variance = restricted_variances(losses, gains, n, null)
            total += one.weight**2 * variance / n
        errors.append(np.sqrt(np.maximum(total, 1e-300)))
    return errors
