"""What would decide an undecided bucket: the cheapest next step, and what it costs."""

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from evalsuite import words
from evalsuite.gate.evidence import Evidence

if TYPE_CHECKING:
    from evalsuite.stats import Change

POWER = 0.80  # "in 4 of 5 cases"
_HOPELESS = 100.0  # beyond this many times the items, more of them is no advice
_NORMAL = NormalDist()


def advice(evidence: Evidence, alpha: float, buckets: int) -> str:
    """What would decide an undecided bucket, the cheapest first; "" where nothing is known.

    Args:
        evidence: of the bucket.
        alpha: of the release, shared by its buckets on the FAIL side.
        buckets: how many are judged.
    """
    missing, change = evidence.counts.missing, evidence.found.observed
    if change is None:
        return "run it on both sides" if not missing else "answer what is missing"
    if missing and (evidence.lacking or evidence.without_missing(alpha) != "UNDECIDED"):
        return (
            f"answer the {words.counted(missing, 'missing sample')}: the ones that are there "
            f"would give a {evidence.without_missing(alpha)}"
        )
    ratio = _beyond_noise(evidence, change, _ratio(evidence, change, alpha / max(1, buckets)))
    provable = _provable(evidence, change)
    if ratio is not None and ratio > _HOPELESS:
        return f"more than {_HOPELESS:.0f} times these items would be needed; {provable}"
    if ratio is None:
        return f"the change is too close to the margin for more items to decide; {provable}"
    return f"{_ways(evidence, change, ratio)}; {provable}"


def _ways(evidence: Evidence, change: "Change", ratio: float) -> str:
    """More items or more answers an item, the one that asks for less first."""
    more = _rounded_up(change.n * (ratio - 1))
    items = f"{words.count(more)} more items"
    decides = "would decide it in 4 of 5 cases if the change is as observed"
    answers = _answers(evidence, ratio)
    if answers is None:
        return f"{items} {decides}"
    share = words.percent(evidence.within or 0.0, digits=0)
    again = f"{answers} answers per item"
    asked = change.n * (answers - evidence.repeats)
    first, second = (again, items) if asked <= more * evidence.repeats else (items, again)
    command = f"evalsuite run --bucket {evidence.bucket} --repeats {answers}"
    return (
        f"{first}, or {second}, {decides} ({share} of its squared error is between answers to "
        f"the same item): {command}"
    )


def _ratio(evidence: Evidence, change: "Change", alpha: float) -> float | None:
    """Items needed over items there; None where the change sits on the margin."""
    margin, power = evidence.rule.margin, _NORMAL.inv_cdf(POWER)
    room = change.estimate + margin
    if abs(room) < 1e-9:
        return None
    error = _error(evidence, change, -margin)
    if room > 0:
        return ((_NORMAL.inv_cdf(1 - evidence.rule.alpha) + power) * error / room) ** 2
    reach = (_NORMAL.inv_cdf(1 - alpha) + power) * error
    if evidence.rule.fail == "inferior":
        return (reach / room) ** 2
    return max((reach / change.estimate) ** 2, (power * error / room) ** 2)


def _beyond_noise(evidence: Evidence, change: "Change", ratio: float | None) -> float | None:
    """The ratio where a whole run's noise is part of the error, which items do not shrink."""
    extra = evidence.extra[0]
    if ratio is None or not extra:
        return ratio
    error = _error(evidence, change, -evidence.rule.margin) ** 2
    left = error / ratio - extra
    return max(0.0, error - extra) / left if left > 0 else None


def _error(evidence: Evidence, change: "Change", null: float) -> float:
    """Standard error of a change as the test against `null` sees it."""
    from evalsuite.stats import z_against

    variance, df = evidence.extra
    z = z_against(change, null, extra_variance=variance, extra_df=df)
    return abs((change.estimate - null) / z) if z else float(change.stderr or 0.0)


def _answers(evidence: Evidence, ratio: float) -> int | None:
    """Answers an item that shrink the error as much; None where unknown or out of reach."""
    if evidence.within is None:
        return None
    left = 1 / ratio - (1 - evidence.within)  # what the repeats' share may still contribute
    if left <= 0:
        return None
    answers = math.ceil(evidence.repeats * evidence.within / left)
    return answers if answers <= _HOPELESS else None


def _provable(evidence: Evidence, change: "Change") -> str:
    from evalsuite.stats import provable_margin

    error = _error(evidence, change, -evidence.rule.margin)
    if error <= 0:
        return "answer more items"
    margin = provable_margin(1, error**2, alpha=evidence.rule.alpha, power=POWER)
    these = f"these {words.count(change.n)} items" if change.n > 1 else "this item"
    return f"an equal model can be passed with {these} at a margin of {words.points(margin)}"


def _rounded_up(items: float) -> int:
    """A whole number of items, rounded up to two figures: it is an estimate."""
    if items < 1:
        return 1
    step = 10 ** int(max(0, math.floor(math.log10(items)) - 1))
    return int(math.ceil(items / step) * step)
