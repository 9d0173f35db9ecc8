"""Variance of bounded differences if their mean were something else.

Tango's idea for graded, repeated and clustered differences: the variance that belongs to the
hypothesis, not the one that the sample happens to show. Where few items changed, the sample
variance is far too small (Student's t: 26 % false PASS at a nominal 5 % with 60 prompts of 8
repeats, 5 % of them uncertain, margin 1 point; this one: 0-6 % over the same grid).

The distribution is the nonparametric maximum likelihood estimate with the hypothesised mean
(Owen 1988), which may put mass on the unseen end of the range that pulls towards it. On values
-1, 0, 1 it is Tango's restricted estimate exactly.
"""

from dataclasses import dataclass

import numpy as np

from evalsuite.stats._checks import SIGNED, Bounds, FloatArray, IntArray
from evalsuite.stats.clusters import add_up
from evalsuite.stats.tango import restricted_variance

MOSTLY_SAME = 0.66667  # share of pairs at one difference beyond which score variances are used
COARSE = 3  # pairs a distinct difference from which on differences count as tied
TIED = 20  # pairs below which they never do
UNSEEN = 0.5  # of a cluster that flips whole, counted beside what was seen
_STEPS = 60
_CLOSE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How differences are distributed, and how many independent ones they are worth.

    Attributes:
        values: shape (k,), distinct differences in [-1, 1], rising.
        mass: shape (k,), share of weight at each; sums to 1.
        trials: n / deff, independent differences worth as much.
        dense: many different ones were seen, so that none lies beyond their ends.
    """

    values: FloatArray
    mass: FloatArray
    trials: float
    dense: bool = False

    def variance_at(self, null: float) -> float:
        """Variance of the mean if the true mean is `null`, in (-1, 1)."""
        if self.dense:
            low, high = float(self.values[0]), float(self.values[-1])
            if not low < null < high:
                low, high = SIGNED
            one = tilted_variance(self.values, self.mass, null, bounds=(low, high))
        elif bool(np.isin(self.values, (-1.0, 0.0, 1.0)).all()):
            shares = dict(zip(self.values.tolist(), self.mass.tolist(), strict=True))
            one = restricted_variance(shares.get(-1.0, 0.0), shares.get(1.0, 0.0), 1.0, null)
        else:
            one = tilted_variance(self.values, self.mass, null)
        return one / self.trials


def spread_of(
    change: FloatArray, weights: FloatArray, codes: IntArray, stderr: float
) -> Spread | None:
    """The distribution for score variances, where the sample's own cannot be trusted.

    Args:
        change: shape (n,), paired differences.
        weights: shape (n,), summing to one.
        codes: shape (n,), cluster of each pair.
        stderr: clustered standard error of the weighted mean.

    Returns:
        None where Student's t will do: differences without many ties.
    """
    values, index = np.unique(change, return_inverse=True)
    mass = add_up(weights, index)
    right_or_wrong = bool(np.isin(values, (-1.0, 0.0, 1.0)).all())
    dense = not right_or_wrong and float(mass.max()) <= MOSTLY_SAME
    if dense and (change.size < TIED or values.size * COARSE > change.size):
        return None
    size = 1 / float(np.square(weights).sum())
    mean = float(mass @ values)
    variance = float(mass @ np.square(values - mean))
    whole = size * float(np.square(add_up(weights, codes)).sum())  # if clusters were copies
    deff = whole
    if variance > 0:
        independent = variance / size * change.size / (change.size - 1)
        together = flip_together(change, mean, codes)
        deff = max(1.0, stderr**2 / independent, 1 + together * (whole - 1))
    return Spread(values=values, mass=mass, trials=size / deff, dense=dense)


def flip_together(change: FloatArray, mean: float, codes: IntArray) -> float:
    """Correlation of the differences of two pairs of one cluster, in [0, 1].

    Every pair is compared with the rest of its cluster, so that a large cluster that did not
    flip is no evidence that it would not flip whole; `UNSEEN` of one that did is added.

    Args:
        change: shape (n,), paired differences.
        mean: of them.
        codes: shape (n,), cluster of each pair.
    """
    sizes = np.bincount(codes)
    if sizes.max() < 2:
        return 0.0
    many = sizes > 1
    own = change - mean
    totals, squares = add_up(own, codes)[many], add_up(np.square(own), codes)[many]
    m = sizes[many].astype(np.float64)
    typical = float(np.square(m).sum() / m.sum())
    changed = change[change != 0]
    unseen = UNSEEN * typical * (float(np.square(changed).mean()) if changed.size else 1.0)
    shared = float(((np.square(totals) - squares) / (m - 1)).sum())
    return min(1.0, max(0.0, (shared + unseen) / (float(squares.sum()) + unseen)))


def tilted_variance(
    values: FloatArray, mass: FloatArray, null: float, *, bounds: Bounds = SIGNED
) -> float:
    """Variance of one value under the likeliest distribution with mean `null`.

    Args:
        values: shape (k,), distinct values seen, within `bounds`.
        mass: shape (k,), their shares, positive, summing to 1.
        null: hypothesised mean, strictly inside `bounds`.
        bounds: range that unseen values may have.
    """
    low, high = bounds
    if float(mass @ values) < null:  # mirror: below, the mean is to be pulled down
        values, null, low = -values, -null, -high
    x, room = values - null, null - low
    strongest = 1 / room
    weakest = 1 + strongest * x
    if weakest.min() > _CLOSE and float(mass @ (x / weakest)) >= 0:
        # Even the strongest tilt of what was seen leaves the mean above: the rest of the
        # mass lies unseen at the low end.
        share = mass / weakest
        return float(share @ np.square(x) + (1 - share.sum()) * room**2)
    share = mass / (1 + _tilt(x, mass, strongest) * x)
    return float(share @ np.square(x) / share.sum())


def _tilt(x: FloatArray, mass: FloatArray, strongest: float) -> float:
    """The tilt t >= 0 at which sum of mass x / (1 + t x) = 0: Newton inside a bracket."""
    low, high, t = 0.0, strongest, 0.0
    for _ in range(_STEPS):
        ratio = x / (1 + t * x)
        excess, slope = float(mass @ ratio), float(mass @ np.square(ratio))
        if excess > 0:
            low = t
        else:
            high = t
        step = t + excess / slope if slope > 0 else high
        if not low < step < high:
            step = (low + high) / 2
        if abs(step - t) <= _CLOSE * (1 + t):
            break
        t = step
    return t
