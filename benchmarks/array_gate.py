"""The gate's statistic and its decisions for many simulated runs at once.

The same formulas as `evalsuite.stats`, over arrays of shape (trials, looks) instead of one run:
a grid of some million runs takes minutes instead of days. Tests hold every one of them against
the product's own function on random tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr

from evalsuite.stats.tables import restricted_variances
from evalsuite.stats.tilted import COARSE, MOSTLY_SAME, TIED, UNSEEN

Floats = NDArray[np.float64]

_STEPS = 60
_CLOSE = 1e-9
_LIMIT = 37.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """What the clusters of one task add up to, on the prefix of every look.

    Attributes:
        groups: shape (looks,), clusters so far.
        sizes: shape (looks,), sum of their squared sizes.
        squares: shape (trials, looks), sum of their squared total differences.
        crossed: shape (trials, looks), sum of size times total difference.
        together: shape (trials, looks), over those of two or more: products of the differences
            of two pairs of a cluster, each pair's mean over the others, added up.
        own: shape (trials, looks), over the same: squared differences, added up.
        totals: shape (trials, looks), over the same: differences, added up.
        many: shape (looks,), over the same: pairs.
        typical: shape (looks,), over the same: the size that a pair finds itself in.
    """

    groups: Floats
    sizes: Floats
    squares: Floats
    crossed: Floats
    together: Floats
    own: Floats
    totals: Floats
    many: Floats
    typical: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One task of many simulated runs, on the prefix of every look.

    Attributes:
        values: shape (k,), differences that a pair can have, rising, in [-1, 1].
        counts: shape (trials, looks, k), pairs at each of them.
        clusters: None where every pair is its own.
        weight: share of the task in the bucket.
    """

    values: Floats
    counts: Floats
    clusters: Clusters | None = None
    weight: float = 1.0

    @property
    def n(self) -> Floats:
        """Pairs so far, shape (looks,)."""
        found: Floats = self.counts[0].sum(axis=-1)
        return found

    @property
    def right_or_wrong(self) -> bool:
        """Every difference is -1, 0 or 1."""
        return self.values.size == 3

    @property
    def binary(self) -> bool:
        """Independent right/wrong pairs."""
        return self.clusters is None and self.right_or_wrong

    @property
    def effective(self) -> Floats:
        """Clusters of one size worth as much, shape (looks,)."""
        found: Floats = self.n if self.clusters is None else self.n**2 / self.clusters.sizes
        return found

    @property
    def estimate(self) -> Floats:
        """Mean difference, shape (trials, looks)."""
        found: Floats = self.counts @ self.values / self.n
        return found

    def variance(self) -> Floats:
        """Of one pair's difference, about the mean, shape (trials, looks)."""
        found: Floats = self.counts @ np.square(self.values) / self.n - self.estimate**2
        return np.maximum(found, 0.0)

    def square_error(self) -> Floats:
        """Squared clustered standard error, shape (trials, looks)."""
        n, found = self.n, self.clusters
        if found is None:
            return np.asarray(self.variance() / (n - 1))
        mean = self.estimate
        total = found.squares - 2 * mean * found.crossed + mean**2 * found.sizes
        scale = found.groups / (found.groups - 1) / n**2
        return np.asarray(scale * np.maximum(total, 0.0))

    def variance_at(self, null: float) -> Floats:
        """Variance of the estimate if the true difference is `null`, shape (trials, looks)."""
        n = self.n
        if self.right_or_wrong:
            one = restricted_variances(self.counts[..., 0], self.counts[..., 2], n, null)
            return np.asarray(one / self.trials())
        own = self.square_error()
        share = self.counts / n[:, None]
        sparse = self._sparse()
        tied = ~sparse & ~self.plain()
        found, trials = own.copy(), self.trials()
        if sparse.any():
            found[sparse] = tilted_variance(self.values, share[sparse], null) / trials[sparse]
        if tied.any():
            ends = _ends(self.values, share[tied], null)
            tilted = tilted_variance(self.values, share[tied], null, ends)
            wide = np.broadcast_to(n / (n - 1), own.shape)[tied]
            found[tied] = np.maximum(own[tied], tilted * wide / trials[tied])
        return found

    def _sparse(self) -> NDArray[np.bool_]:
        """Runs in which most pairs have one difference, or all are right or wrong."""
        partly = self.counts[..., ~np.isin(self.values, (-1, 0, 1))].sum(axis=-1)
        same = self.counts.max(axis=-1) / self.n > MOSTLY_SAME
        return np.asarray(same | (partly == 0))

    def plain(self) -> NDArray[np.bool_]:
        """Runs that Student's t is enough for."""
        many = (self.counts > 0).sum(axis=-1)
        return np.asarray(~self._sparse() & ((self.n < TIED) | (many * COARSE > self.n)))

    def trials(self) -> Floats:
        """Independent differences worth as much: n / deff, shape (trials, looks)."""
        n, variance = self.n, self.variance()
        if self.clusters is None:
            return np.broadcast_to(n, variance.shape)
        whole = n / self.effective
        flat = variance <= 0
        independent = np.where(flat, 1.0, variance / (n - 1))
        seen = np.maximum(1.0, self.square_error() / independent)
        deff = np.maximum(seen, 1 + self._together() * (whole - 1))
        return np.asarray(n / np.where(flat, whole, deff))

    def _together(self) -> Floats:
        """`evalsuite.stats.tilted.flip_together` over arrays."""
        found, mean = self.clusters, self.estimate
        assert found is not None
        centre = -2 * mean * found.totals + mean**2 * found.many
        changed = self.counts[..., self.values != 0].sum(axis=-1)
        squared = self.counts @ np.square(self.values)
        scale = np.where(changed > 0, squared / np.maximum(changed, 1), 1.0)
        unseen = UNSEEN * found.typical * scale
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (found.together + centre + unseen) / (found.own + centre + unseen)
        return np.where(found.many > 0, np.clip(np.nan_to_num(share), 0.0, 1.0), 0.0)


def _ends(values: Floats, mass: Floats, null: float) -> tuple[Floats, Floats]:
    """The lowest and the highest difference seen; of the range where `null` is not between."""
    low = np.where(mass > 0, values, np.inf).min(axis=1)
    high = np.where(mass > 0, values, -np.inf).max(axis=1)
    inside = (low < null) & (null < high)
    return np.where(inside, low, -1.0), np.where(inside, high, 1.0)


def tilted_variance(
    values: Floats,
    mass: Floats,
    null: float,
    ends: tuple[Floats, Floats] | None = None,
) -> Floats:
    """`evalsuite.stats.tilted.tilted_variance` over arrays.

    Args:
        values: shape (k,), rising, in [-1, 1].
        mass: shape (runs, k), shares; a value that was not seen has 0.
        null: hypothesised mean.
        ends: shape (runs,) each, range that unseen values may have; None: [-1, 1].
    """
    below = mass @ values < null
    low, high = ends or (np.full(len(mass), -1.0), np.full(len(mass), 1.0))
    sign = np.where(below, -1.0, 1.0)[:, None]
    x = sign * (values - null)
    room = np.where(below, high - null, null - low)
    weakest = 1 + x / room[:, None]
    # A value at the far end leaves the likelihood no unseen mass to add there.
    seen = (mass > 0) & (weakest <= _CLOSE)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(mass > 0, mass / weakest, 0.0)
        unseen = ~seen.any(axis=1) & ((share * x).sum(axis=1) >= 0)
        left = 1 - share.sum(axis=1)
        outside = (share * np.square(x)).sum(axis=1) + left * room**2
    t = _tilt(x, mass, 1 / room)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(mass > 0, mass / (1 + t[:, None] * x), 0.0)
        inside = (share * np.square(x)).sum(axis=1) / share.sum(axis=1)
    return np.where(unseen, outside, inside)


def _tilt(x: Floats, mass: Floats, strongest: Floats) -> Floats:
    """Newton inside a bracket for the tilt at which the mean is the hypothesised one."""
    low, high, t = np.zeros_like(strongest), strongest.copy(), np.zeros_like(strongest)
    open_ = np.arange(strongest.size)
    for _ in range(_STEPS):
        here, m = x[open_], mass[open_]
        at, below, above = t[open_], low[open_], high[open_]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(m > 0, here / (1 + at[:, None] * here), 0.0)
            excess = (m * ratio).sum(axis=1)
            slope = (m * np.square(ratio)).sum(axis=1)
            below = np.where(excess > 0, at, below)
            above = np.where(excess > 0, above, at)
            step = np.where(slope > 0, at + excess / slope, above)
        step = np.where((below < step) & (step < above), step, (below + above) / 2)
        going = np.abs(step - at) > _CLOSE * (1 + at)
        low[open_], high[open_] = below, above
        t[open_[going]] = step[going]
        open_ = open_[going]
        if not open_.size:
            break
    return t


def estimate(parts: Sequence[Part]) -> Floats:
    """Weighted difference of a bucket, shape (trials, looks)."""
    return np.asarray(sum(part.weight * part.estimate for part in parts))


def z_against(parts: Sequence[Part], null: float) -> Floats:
    """`evalsuite.stats.z_against` over arrays, shape (trials, looks)."""
    return both(parts, null)[0]


def z_below(parts: Sequence[Part], null: float = 0.0) -> Floats:
    """`evalsuite.stats.z_below` over arrays, shape (trials, looks)."""
    return both(parts, null)[1]


def both(parts: Sequence[Part], null: float) -> tuple[Floats, Floats]:
    """`z_against` and `z_below`, which rest on one variance."""
    variance = np.asarray(sum(part.weight**2 * part.variance_at(null) for part in parts))
    excess = estimate(parts) - null
    above = _z(parts, excess, variance)
    if not null:
        return above, -above
    half = np.asarray(sum(part.weight**2 / _worth(part) for part in parts)) / 2
    granted = np.minimum(half, np.maximum(0.0, -excess))
    return above, -_z(parts, excess + granted, variance)


def _worth(part: Part) -> Floats:
    """Independent pairs that a part is worth."""
    trials = part.trials()
    return trials if part.right_or_wrong else np.where(part.plain(), part.effective, trials)


def _z(parts: Sequence[Part], excess: Floats, variance: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(np.abs(excess) < 1e-14, 0.0, excess / np.sqrt(variance))
    if not all(part.binary for part in parts):
        z = _normal(z, _freedom(parts))
    clipped: Floats = np.clip(z, -_LIMIT, _LIMIT)
    return clipped


def _freedom(parts: Sequence[Part]) -> Floats:
    """Satterthwaite's degrees of freedom, shape (trials, looks)."""
    squares = [part.weight**2 * part.square_error() for part in parts]
    below = sum(
        square**2 / np.maximum(1.0, part.effective - 1)
        for part, square in zip(parts, squares, strict=True)
        if not part.binary
    )
    total = sum(squares)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(below) > 0, np.asarray(total) ** 2 / below, np.inf)


def _normal(t: Floats, df: Floats) -> Floats:
    """Student's t on the normal scale."""
    tail = np.where(np.isinf(df), ndtr(-np.abs(t)), stdtr(df, -np.abs(t)))
    found: Floats = np.copysign(-ndtri(tail), t)
    return found
