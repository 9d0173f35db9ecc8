"""Planned tasks -> how likely a gate passes an equal model, and catches a drop.

The gate's statistic is worked out on the table that is expected, and turned into the smallest
difference that would pass; how often the observed difference lies above it is then normal. The
variance under test is the restricted one (STATISTICS 2c), that of the estimate is not: with a
margin that is wide against the share of pairs that differ they are far apart, and one figure
for both would promise up to 4 points too much.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from evalsuite.policy import WIDEST, Rule

POWER = 0.80  # chance of a PASS that a margin, a size or a policy is planned for
_NORMAL = NormalDist()
_HALVINGS = 24  # of ranges no longer than 1: exact to 1e-7
_MOST = 100.0  # beyond this many times the items, more of them is no advice
_ANSWERS = 64  # answers an item beyond which more of them is no advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One task as it will be compared.

    Attributes:
        task: its name; "" for tasks pooled into one table.
        items: samples.
        weight: share of the task in its bucket, in (0, 1].
        differing: variance of one item's difference if nothing changed: for right/wrong
            answers the share of pairs that differ, in (0, 1].
        effective: independent items worth as much, at most `items`.
        alike: correlation of the differences of two items of one cluster, in [0, 1].
        whole: design effect if every cluster were copies of one item, at least 1.
        unseen: items that flip together which the test counts beside those that it sees.
        inner: the part of `differing` that comes from answering anew, in [0, differing];
            None where no item was answered twice.
        repeats: answers an item.
        df: degrees of freedom of its error; infinite where no cluster is involved.
        scored: tested with a variance restricted to the hypothesis; else by Student's t.
        binary: independent right/wrong items of one weight.
        assumed: `differing` is the default, no earlier pair of runs told it.
    """

    task: str
    items: int
    weight: float
    differing: float
    effective: float
    alike: float = 0.0
    whole: float = 1.0
    unseen: float = 0.0
    inner: float | None = None
    repeats: float = 1.0
    df: float = math.inf
    scored: bool = True
    binary: bool = True
    assumed: bool = True


def pooled(strata: Sequence[Stratum]) -> tuple[Stratum, ...]:
    """Right/wrong tasks weighted by size as the one table that the gate makes of them."""
    items = sum(one.items for one in strata)
    whole = Stratum(
        task="",
        items=items,
        weight=1.0,
        differing=sum(one.items * one.differing for one in strata) / items,
        effective=items,
        assumed=any(one.assumed for one in strata),
    )
    return (whole,)


def error(strata: Sequence[Stratum], change: float = 0.0) -> float:
    """Standard error of the bucket's difference if the true one is `change`."""
    return math.sqrt(sum(_square(one, differing_at(one, change) - change**2) for one in strata))


def passes(strata: Sequence[Stratum], rule: Rule, change: float = 0.0) -> float:
    """Probability that the bucket passes.

    Args:
        strata: its tasks; none: nothing can be shown.
        rule: margin and level.
        change: true difference candidate - baseline, a fraction.
    """
    chance = 0.0
    for share, table in _tables(strata):
        least = _lowest_pass(table, rule.margin, _z(rule.alpha))
        if least is not None:
            chance += share * _NORMAL.cdf((change - least) / error(strata, change))
    return chance


def fails(strata: Sequence[Stratum], rule: Rule, change: float, alpha: float) -> float:
    """Probability that the bucket fails.

    Args:
        strata: its tasks; none: nothing can be shown.
        rule: margin and fail rule.
        change: true difference candidate - baseline, a fraction.
        alpha: level of the FAIL, already divided by the number of buckets.
    """
    chance = 0.0
    for share, table in _tables(strata):
        most = _highest_fail(table, rule, _z(alpha))
        if most is not None:
            chance += share * _NORMAL.cdf((most - change) / error(strata, change))
    return chance


def _tables(strata: Sequence[Stratum]) -> list[tuple[float, list[Stratum]]]:
    """Shares of the flips that may be seen, and how likely: three nodes of Gauss and Hermite.

    The test takes its variance from the flips that it sees: with few of them expected, how
    often it passes is not how often it passes at the expected number.
    """
    if not strata:
        return []
    spread = [trials(one) * one.differing * max(0.0, 1 - one.differing) for one in strata]
    errors = [math.sqrt(each) / trials(one) for each, one in zip(spread, strata, strict=True)]
    pull = [one.weight**2 * e / trials(one) for one, e in zip(strata, errors, strict=True)]
    size = math.hypot(*pull) or 1.0
    found = []
    for share, z in ((1 / 6, -math.sqrt(3)), (2 / 3, 0.0), (1 / 6, math.sqrt(3))):
        moved = [
            replace(one, differing=min(1.0, max(1e-9, one.differing + z * e * p / size)))
            if one.scored
            else one
            for one, e, p in zip(strata, errors, pull, strict=True)
        ]
        found.append((share, moved))
    return found


def _lowest_pass(strata: Sequence[Stratum], margin: float, z: float) -> float | None:
    """Smallest observed difference that passes; None where none does.

    Args:
        strata: tasks of the bucket, at least one.
        margin: tolerated loss.
        z: critical value on the normal scale.
    """
    away = reach(strata, z)

    def shown(found: float) -> bool:
        return found + margin >= away * _tested(strata, found, -margin)

    return _first(shown, -margin, 1.0) if shown(1.0) else None


def _highest_fail(strata: Sequence[Stratum], rule: Rule, z: float) -> float | None:
    """Largest observed difference (the smallest loss) that fails; None where none does.

    Args:
        strata: tasks of the bucket, at least one.
        rule: margin and fail rule.
        z: critical value on the normal scale.
    """
    inferior = rule.fail == "inferior"
    away, null = reach(strata, z), -rule.margin if inferior else 0.0
    granted = half_granted(strata) if inferior else 0.0

    def shown(found: float) -> bool:
        return null - found - granted >= away * _tested(strata, found, null)

    if not shown(-1.0):
        return None
    most = -_first(lambda depth: shown(-depth), -null, 1.0)  # how deep a loss must look
    return most if inferior else min(most, -beyond(strata, rule.margin))


def half_granted(strata: Sequence[Stratum]) -> float:
    """Half a pair, which `stats.z_below` grants before a loss exceeds the margin."""
    return sum(one.weight**2 / trials(one) for one in strata) / 2


def beyond(strata: Sequence[Stratum], margin: float) -> float:
    """How large a loss must be to look larger than the margin.

    Of one task the observed difference has steps of one answer: the first step beyond the
    margin counts from half of it on (continuity correction).
    """
    if len(strata) > 1:
        return margin
    answers = max(1.0, round(_pairs(strata[0]) * strata[0].repeats))
    return (math.floor(margin * answers + 1e-9) + 0.5) / answers


def _pairs(one: Stratum) -> float:
    """Items, whatever they are worth."""
    return one.effective * (1 + one.alike * (one.whole - 1))


def reach(strata: Sequence[Stratum], z: float) -> float:
    """How many errors away from the hypothesis z is: itself, or t at Satterthwaite's df."""
    squares = [_square(one, one.differing) for one in strata]
    below = sum(square**2 / one.df for square, one in zip(squares, strata, strict=True))
    if below <= 0:
        return z
    from scipy.special import ndtr, stdtrit

    return -float(stdtrit(sum(squares) ** 2 / below, float(ndtr(-z))))


def provable(strata: Sequence[Stratum], alpha: float, power: float = POWER) -> float | None:
    """Smallest margin that an equal model passes with probability `power`.

    Returns:
        The margin, a fraction; None where no margin that a policy may have is enough.
    """
    if not strata or not _enough(strata, WIDEST, alpha, power):
        return None
    return _first(lambda margin: _enough(strata, margin, alpha, power), 0.0, WIDEST)


def items_needed(strata: Sequence[Stratum], rule: Rule) -> int | None:
    """Items for which an equal model passes in `POWER` of all cases; None: out of reach."""

    def there(times: float) -> bool:
        grown = [replace(one, effective=one.effective * times) for one in strata]
        return _enough(grown, rule.margin, rule.alpha, POWER)

    if not strata or not there(_MOST):
        return None
    exponent = _first(lambda share: there(math.pow(_MOST, share)), 0.0, 1.0)
    return math.ceil(sum(one.items for one in strata) * math.pow(_MOST, exponent))


def answers_needed(strata: Sequence[Stratum], rule: Rule) -> int | None:
    """Answers an item in place of more items; None where unknown or out of reach."""
    if not strata or any(one.inner is None for one in strata):
        return None
    now = max(one.repeats for one in strata)
    for answers in range(math.floor(now) + 1, _ANSWERS + 1):
        more = [
            replace(
                one,
                differing=one.differing
                - (one.inner or 0.0) * (1 - min(1.0, one.repeats / answers)),
            )
            for one in strata
        ]
        if all(one.differing > 0 for one in more) and _enough(
            more, rule.margin, rule.alpha, POWER
        ):
            return answers
    return None


# --- the expected table ------------------------------------------------------------------


def differing_at(one: Stratum, change: float) -> float:
    """What differs where the mean difference is `change`.

    Losses grow by the factor that gains shrink by (exponential tilting): with a share p of
    flips among equals their sum is sqrt(p^2 + change^2). Graded answers move by less than 1.
    """
    flips = one.scored and one.repeats == 1
    least = math.hypot(one.differing, change) if flips else max(one.differing, change**2)
    return min(1.0, least)


def untested(one: Stratum, excess: Any) -> Any:  # noqa: ANN401
    """Variance that the test of a graded task sees, `excess` (or an array) from its null.

    Means of repeats are held against a distribution that is tilted to the hypothesis, which is
    wider by about the square of the distance (`stats.tilted`); other grades are not.
    """
    return one.differing + (excess**2 if one.repeats > 1 else 0.0 * excess)


def _square(one: Stratum, variance: float) -> float:
    return one.weight**2 * variance / one.effective


def trials(one: Stratum) -> float:
    """Independent items that the test takes a task for (`stats.tilted.flip_together`)."""
    n = _pairs(one)
    flips = max(n * one.differing, 1e-9)
    alike = (one.alike * flips + one.unseen) / (flips + one.unseen)
    return n / (1 + alike * (one.whole - 1))


def _tested(strata: Sequence[Stratum], found: float, null: float) -> float:
    """Standard error that the gate's test against `null` sees where it finds `found`."""
    from evalsuite.stats.tango import restricted_variance

    total = 0.0
    for one in strata:
        differing, n = differing_at(one, found), trials(one)
        variance = untested(one, found - null)
        if one.scored:
            losses, gains = n * (differing - found) / 2, n * (differing + found) / 2
            variance = restricted_variance(losses, gains, n, null)
        total += one.weight**2 * variance / n
    return math.sqrt(total)


def _z(alpha: float) -> float:
    return _NORMAL.inv_cdf(1 - alpha)


def _enough(strata: Sequence[Stratum], margin: float, alpha: float, power: float) -> bool:
    """Whether an equal model passes with probability `power`."""
    return passes(strata, Rule(margin=margin, alpha=alpha)) >= power


def _first(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Smallest value at which `holds` turns true; it holds at `high`."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high
