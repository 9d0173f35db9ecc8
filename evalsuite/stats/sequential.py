"""Group-sequential boundaries: look at a growing run several times, at one stated error.

Lan-DeMets alpha spending: after information fraction f at most a(f) of the error has been
spent; the boundary of each look follows by integrating the paths of a Brownian motion that
crossed no earlier one. PASS and FAIL are two independent one-sided boundaries; neither uses the
other's stop, which keeps both errors whatever is decided in between.

Source: Lan and DeMets 1983; Hwang, Shih and DeCani 1990 (gamma = -2, the default); Armitage,
McPherson and Rowe 1969 for the recursion. Checked against the published ldbounds tables.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from evalsuite.errors import StatsError
from evalsuite.stats._checks import SIGNED, FloatArray, fraction, vector
from evalsuite.stats.change import Change
from evalsuite.stats.intervals import Interval
from evalsuite.stats.paired import z_against
from evalsuite.stats.tango import invert

SpendingRule = Literal["hsd-2", "obf", "pocock"]

GAMMA = -2.0  # Hwang-Shih-DeCani: little is spent early, the last look loses about 2 points
POINTS = 801  # grid of the recursion: boundaries to about 1e-4
_WIDTH = 8.0  # standard deviations below zero that the grid covers
_MOST = 37.0  # a z that no sample reaches: nothing is spent at that look


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundaries:
    """One-sided boundary: stop at look k when z exceeds z[k].

    Attributes:
        info: information fraction of each look, rising to at most 1.
        z: critical value of each look.
        spent: error spent up to and including each look.
        alpha: error spent in all at information 1.
    """

    info: tuple[float, ...]
    z: tuple[float, ...]
    spent: tuple[float, ...]
    alpha: float


def spent(
    info: ArrayLike, alpha: float, *, rule: SpendingRule = "hsd-2", gamma: float = GAMMA
) -> FloatArray:
    """Cumulative one-sided error spent at each information fraction.

    hsd-2: alpha (1 - e^{-gamma f}) / (1 - e^{-gamma}), -2 unless told otherwise.
    obf: 2 - 2 Phi(z_{1-alpha/2} / sqrt(f)). pocock: alpha ln(1 + (e - 1) f).

    Args:
        info: shape (looks,), each in (0, 1].
        alpha: one-sided error in all.
        rule: spending function.
        gamma: of Hwang, Shih and DeCani's; the smaller, the less is spent early.

    Raises:
        StatsError: a fraction is outside (0, 1], or the rule is unknown.
    """
    f = vector(info, "information fractions")
    fraction(alpha, "alpha")
    if f.size and (f.min() <= 0 or f.max() > 1 + 1e-12):
        raise StatsError(f"information fractions must lie in (0, 1], got {list(f)}")
    f = np.minimum(f, 1.0)
    if rule == "hsd-2":
        # Towards gamma = 0 the error is spent in proportion.
        result = alpha * (np.expm1(-gamma * f) / math.expm1(-gamma) if gamma else f)
    elif rule == "obf":
        result = 2 * ndtr(-ndtri(1 - alpha / 2) / np.sqrt(f))
    elif rule == "pocock":
        result = alpha * np.log1p((math.e - 1) * f)
    else:
        raise StatsError(f"unknown spending rule {rule!r}; one of hsd-2, obf, pocock")
    return np.asarray(result, dtype=np.float64)


def boundaries(
    info: Sequence[float] | FloatArray,
    alpha: float,
    *,
    rule: SpendingRule = "hsd-2",
    gamma: float = GAMMA,
) -> Boundaries:
    """Boundary that spends `alpha` over the looks at `info`; cached.

    The boundary of look k depends on looks 1..k only, so that a run may be judged with the
    looks it has had, whatever comes later.

    Args:
        info: strictly rising information fractions in (0, 1], one a look so far or planned.
        alpha: one-sided error in all; alpha_F / B for a FAIL over B buckets.
        rule: spending function.
        gamma: as in `spent`.

    Raises:
        StatsError: no looks, or fractions that do not rise within (0, 1].
    """
    f = vector(np.asarray(info), "information fractions")
    if f.size == 0:
        raise StatsError("a boundary needs at least one look")
    spent(f, alpha, rule=rule, gamma=gamma)  # refuses what is out of range
    # To 9 digits: what differs less is the same plan, and floats make poor keys.
    key = tuple(round(min(x, 1.0), 9) for x in f.tolist())
    if any(later <= earlier for earlier, later in pairwise(key)):
        raise StatsError(f"information fractions must rise, got {list(key)}")
    return _boundaries(key, alpha, rule, gamma)


@lru_cache(maxsize=256)
def _boundaries(
    info: tuple[float, ...], alpha: float, rule: SpendingRule, gamma: float
) -> Boundaries:
    """The recursion of 3.7: g_k is the density of B(f_k) on paths that crossed no boundary."""
    cumulative = spent(np.array(info), alpha, rule=rule, gamma=gamma)
    steps = np.diff(cumulative, prepend=0.0)
    z = [_first(steps[0])]
    grid = _grid(z[0], info[0])
    density = np.exp(-np.square(grid) / (2 * info[0])) / math.sqrt(2 * math.pi * info[0])
    for k in range(1, len(info)):
        sd = math.sqrt(info[k] - info[k - 1])
        mass = density * _trapezoid(grid)
        z.append(_next(steps[k], mass, grid, sd, info[k]))
        if k + 1 < len(info):
            fresh = _grid(z[k], info[k])
            kernel = np.exp(-np.square((fresh[:, None] - grid) / sd) / 2)
            density = kernel @ mass / (sd * math.sqrt(2 * math.pi))
            grid = fresh
    return Boundaries(info=info, z=tuple(z), spent=tuple(cumulative.tolist()), alpha=alpha)


def _first(error: float) -> float:
    return min(_MOST, -float(ndtri(error))) if error > 0 else _MOST


def _grid(z: float, info: float) -> FloatArray:
    """Points of B(f) below the boundary z sqrt(f); far above nothing is left to integrate."""
    root = math.sqrt(info)
    return np.linspace(-_WIDTH * root, min(z, _WIDTH) * root, POINTS)


def _trapezoid(grid: FloatArray) -> FloatArray:
    weights = np.full(grid.size, grid[1] - grid[0])
    weights[[0, -1]] /= 2
    return weights


def _next(error: float, mass: FloatArray, grid: FloatArray, sd: float, info: float) -> float:
    """The z at which the paths still running cross with probability `error`."""
    root = math.sqrt(info)

    def crossing(z: float) -> float:
        return float(mass @ ndtr((grid - z * root) / sd))

    low, high = -_WIDTH, _MOST
    if crossing(_WIDTH) > error:
        return _MOST
    for _ in range(50):
        middle = (low + high) / 2
        if crossing(middle) > error:
            low = middle
        else:
            high = middle
    return high


def crossing_probability(
    bounds: Boundaries, drift: float = 0.0, *, draws: int = 100_000
) -> float:
    """Probability of crossing at any look, by simulation.

    Args:
        bounds: the boundary.
        drift: expected z at information 1; 0 gives the error actually spent.
        draws: simulated runs (seeded); the standard error is at most 0.5 / sqrt(draws).
    """
    info = np.array(bounds.info)
    rng = np.random.default_rng(0)
    steps = np.sqrt(np.diff(info, prepend=0.0))
    paths = np.cumsum(rng.standard_normal((draws, info.size)) * steps, axis=1)
    z = (paths + drift * info) / np.sqrt(info)
    return float((z > np.array(bounds.z)).any(axis=1).mean())


def look_sizes(
    size: int, *, step: float = 0.04, first: float = 0.08, least: int = 30
) -> tuple[int, ...]:
    """Prefix sizes at which a bucket of `size` items is looked at; the last is `size`.

    Args:
        size: items of the bucket.
        step: distance of looks, as a share of the items.
        first: share of the items before which there is no look.
        least: number of items before which there is none either.

    Raises:
        StatsError: size is not positive, or a share lies outside (0, 1].
    """
    if size < 1 or not 0 < step <= 1 or not 0 < first <= 1:
        raise StatsError(f"no looks for {size} items in steps of {step} from {first}")
    start = max(first * size, least)
    looks = {
        math.floor(k * step * size + 1e-9)
        for k in range(1, math.ceil(1 / step) + 1)
        if k * step * size >= start - 1e-9
    }
    return tuple(sorted({min(look, size) for look in looks} | {size}))


def repeated_interval(
    change: Change, info: Sequence[float], *, level: float = 0.95, extra_variance: float = 0.0
) -> Interval:
    """Interval at the last of several looks that covers at all of them together.

    The differences that a two-sided group-sequential test with (1 - level) / 2 on each side
    would not reject now: valid whether the run stops here or goes on, unlike the naive one.

    Args:
        change: what changed, on the prefix of the last look.
        info: information fractions of all looks so far.
        level: simultaneous two-sided coverage.
        extra_variance: as in `z_against`.
    """
    threshold = boundaries(info, (1 - fraction(level, "level")) / 2).z[-1]
    low, high = invert(
        lambda null: z_against(change, null, extra_variance=extra_variance),
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
        method=f"repeated, look {len(info)}",
        n=change.n,
        clusters=change.clusters,
        df=change.df,
    )
