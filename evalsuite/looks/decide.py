"""What the looks at a growing run decide: pure functions over arrays of statistics.

    boundary = bounds(info, alpha, alpha_fail)
    outcome, look = decide(z_pass, z_fail, beyond, boundary)

`z_pass` is z against -margin with the missing answers at their worst; `z_fail` the evidence of
a loss with them at their best: minus z against 0 under the rule `regression`, minus z against
-margin under `inferior`; `beyond` whether the estimate at its best lies below -margin (always
true under `inferior`). All are of shape (..., looks); the leading axes are runs. PASS and FAIL
have boundaries of their own and neither uses the other's stop, so that both errors hold
whatever else ends a run.

Source: STATISTICS of the project, after Lan and DeMets 1983; conditional power under the
current trend after Lan and Wittes 1988 (Biometrics 44).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

OPEN, PASSED, FAILED, FUTILE = 0, 1, -1, 2
FUTILE_POWER = 0.05  # conditional power of both verdicts below which going on is futile
FUTILE_FROM = 0.30  # information before which nothing is called futile

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The boundaries of one bucket, fixed before its first result.

    Attributes:
        info: information fraction of each look, rising to 1.
        passing: critical z of a PASS at each look.
        failing: critical z of a FAIL at each look.
    """

    info: tuple[float, ...]
    passing: tuple[float, ...]
    failing: tuple[float, ...]


def bounds(
    info: Sequence[float], alpha: float, alpha_fail: float, *, gamma: float = -2.0
) -> Bounds:
    """Boundaries that spend `alpha` on a PASS and `alpha_fail` on a FAIL, independently.

    Args:
        info: strictly rising information fractions, the last one 1.
        alpha: one-sided error of a PASS.
        alpha_fail: of a FAIL: the release's alpha over the number of its buckets.
        gamma: of the Hwang-Shih-DeCani spending; the smaller, the less is spent early.

    Raises:
        StatsError: the fractions do not rise within (0, 1].
    """
    from evalsuite.stats import boundaries

    passing = boundaries(info, alpha, gamma=gamma)
    failing = boundaries(info, alpha_fail, gamma=gamma)
    return Bounds(info=tuple(info), passing=passing.z, failing=failing.z)


def decide(
    z_pass: ArrayLike,
    z_fail: ArrayLike,
    beyond: ArrayLike,
    boundary: Bounds,
    *,
    futility: bool = False,
) -> tuple[IntArray, IntArray]:
    """The first look that decides, run by run.

    Args:
        z_pass: shape (..., k), for the first k looks; NaN where there is no statistic.
        z_fail: shape (..., k).
        beyond: shape (..., k), bool.
        boundary: of at least k looks.
        futility: also stop where neither verdict can be expected any more (`futile`).

    Returns:
        What was decided, shape (...): PASSED, FAILED, FUTILE or OPEN; and at which look,
        counted from 0, the last one where nothing was.
    """
    good, bad = (np.asarray(z, dtype=np.float64) for z in (z_pass, z_fail))
    k = good.shape[-1]
    with np.errstate(invalid="ignore"):
        passed = good > np.array(boundary.passing[:k])
        failed = (bad > np.array(boundary.failing[:k])) & np.asarray(beyond, dtype=bool)
    each = np.where(passed, PASSED, np.where(failed, FAILED, OPEN))
    if futility:
        each = np.where((each == OPEN) & futile(good, bad, boundary), FUTILE, each)
    stopped = each != OPEN
    look = np.where(stopped.any(axis=-1), stopped.argmax(axis=-1), k - 1)
    outcome = np.take_along_axis(each, look[..., None], axis=-1)[..., 0]
    return outcome.astype(np.int64), look.astype(np.int64)


def futile(z_pass: FloatArray, z_fail: FloatArray, boundary: Bounds) -> NDArray[np.bool_]:
    """Whether neither a PASS nor a FAIL can be expected at the end, as things go.

    Conditional power under the current trend, against the boundaries of the last look. It is
    not binding: going on all the same costs no error.

    Args:
        z_pass: shape (..., k), as in `decide`.
        z_fail: shape (..., k).
        boundary: of all planned looks.
    """
    k = z_pass.shape[-1]
    info = np.array(boundary.info[:k])
    passing = _conditional_power(z_pass, info, boundary.passing[-1])
    failing = _conditional_power(z_fail, info, boundary.failing[-1])
    ahead = (info >= FUTILE_FROM) & (info < 1 - 1e-9)
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = ahead & (passing < FUTILE_POWER) & (failing < FUTILE_POWER)
    return found


def _conditional_power(z: FloatArray, info: FloatArray, last: float) -> FloatArray:
    """P(z at the end exceeds `last`) if the drift so far continues."""
    from scipy.special import ndtr

    left = np.sqrt(np.maximum(1 - info, 1e-12))
    expected = z / np.sqrt(info)  # B(f) + drift (1 - f) = B(f) / f
    found: FloatArray = ndtr((expected - last) / left)
    return found
