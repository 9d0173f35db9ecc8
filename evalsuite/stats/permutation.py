"""Sign-flip test over clusters: would swapping the two runs at random show as much?"""

import numpy as np

from evalsuite.errors import StatsError
from evalsuite.stats._checks import FloatArray
from evalsuite.stats.change import Change

EXACT_CLUSTERS = 14  # up to here all 2^G assignments are enumerated
_CHUNK = 2_000_000  # signs drawn at a time: bounds the memory


def sign_flip(change: Change, *, draws: int = 10_000, seed: int = 0) -> float:
    """Two-sided p that the runs are exchangeable within every cluster.

    Exact where at most 14 clusters differ; otherwise (1 + hits) / (1 + draws).

    Args:
        change: what changed; weights of its tasks are respected.
        draws: random assignments, at least 1.
        seed: of the draws; the same seed gives the same p.

    Raises:
        StatsError: draws is not positive.
    """
    if draws < 1:
        raise StatsError(f"draws must be at least 1, got {draws}")
    sums = np.concatenate([part.weight * part.sums for part in change.parts])
    sizes = np.abs(sums)
    scale = sizes.sum()
    # A cluster that did not change is the same under either sign: leave it out. Rounding of
    # the sums must not decide a tie, hence the tolerance.
    slack = 1e-12 * scale
    moved = sizes[sizes > slack]
    observed = abs(float(sums.sum())) - slack
    if moved.size == 0 or observed <= 0:
        return 1.0
    if moved.size <= EXACT_CLUSTERS:
        return float((np.abs(_all_signs(moved.size) @ moved) >= observed).mean())
    totals = np.abs(_random_totals(moved, draws, np.random.default_rng(seed)))
    return float((1 + (totals >= observed).sum()) / (1 + draws))


def _all_signs(size: int) -> FloatArray:
    """Every vector of signs, shape (2^size, size)."""
    bits = (np.arange(2**size)[:, None] >> np.arange(size)) & 1
    signs: FloatArray = 1.0 - 2.0 * bits
    return signs


def _random_totals(moved: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Signed totals under random assignments, shape (draws,)."""
    values, counts = np.unique(moved, return_counts=True)
    if values.size * 8 <= moved.size:
        # Few distinct sizes (right/wrong, repeats): count the plus signs of each instead.
        plus = rng.binomial(counts, 0.5, size=(draws, values.size))
        totals: FloatArray = (2.0 * plus - counts) @ values
        return totals
    rows = max(1, _CHUNK // moved.size)
    chunks = []
    for start in range(0, draws, rows):
        take = min(rows, draws - start)
        packed = rng.integers(0, 256, size=(take, (moved.size + 7) // 8), dtype=np.uint8)
        bits = np.unpackbits(packed, axis=1, count=moved.size)
        chunks.append((1.0 - 2.0 * bits) @ moved)
    return np.concatenate(chunks)
