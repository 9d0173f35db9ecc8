"""What a bucket is expected to do under an early-stopping gate, look by look.

At each look the smallest difference that would pass and the largest that would fail follow from
the boundary of that look (`chance.lowest_pass`, `chance.highest_fail`); the difference seen so
far moves as a Brownian motion with the true change as its drift. How often it crosses first
where is counted over paths that are drawn once, from a fixed seed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evalsuite.looks import bounds
from evalsuite.looks.order import FIRST, LEAST
from evalsuite.plan.chance import Stratum, error, highest_fail, lowest_pass
from evalsuite.policy import Looks, Rule

_PATHS = 20_000  # half of them mirror the other half; a chance is exact to 0.4 points


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
    seen = change + error(strata, change) * _paths(info)
    passed, failed = (np.zeros(seen.shape, dtype=bool) for _ in range(2))
    for at, share in enumerate(info):
        part = _part(strata, share)
        least = lowest_pass(part, rule.margin, boundary.passing[at])
        most = highest_fail(part, rule, boundary.failing[at])
        passed[:, at] = seen[:, at] >= (math.inf if least is None else least)
        failed[:, at] = seen[:, at] <= (-math.inf if most is None else most)
    ended = passed | failed
    look = np.where(ended.any(axis=1), ended.argmax(axis=1), len(info) - 1)[:, None]
    return Stopping(
        passes=float(np.take_along_axis(passed, look, axis=1).mean()),
        fails=float(np.take_along_axis(failed & ~passed, look, axis=1).mean()),
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


@lru_cache(maxsize=8)
def _paths(info: tuple[float, ...]) -> NDArray[np.float64]:
    """Mean so far of a standard Brownian motion, shape (paths, looks)."""
    steps = np.sqrt(np.diff(info, prepend=0.0))
    half = np.random.default_rng(0).standard_normal((_PATHS // 2, len(info))) * steps
    walked = np.cumsum(np.concatenate([half, -half]), axis=1)
    means: NDArray[np.float64] = walked / np.array(info)
    return means
