"""Buckets of a run that a gate followed while it ran: judged by the plan's boundary, always.

What was looked at several times cannot be tested again as if it had been looked at once. The
looks are retraced from the plan and the rows (`evalsuite.looks`), so that a gate afterwards
says what the gate at run time said. The decision itself is `evalsuite.looks.decide`:

    bounds(info, alpha, alpha_fail, gamma=-2.0) -> Bounds
    decide(z_pass, z_fail, beyond, Bounds, futility=False) -> (outcome, look)

a pure function over arrays of shape (..., looks); `looks.see` gives a look's statistics.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from evalsuite import looks, words
from evalsuite.errors import UsageError
from evalsuite.gate.evidence import Evidence, bounded
from evalsuite.gate.sentences import reason
from evalsuite.gate.verdict import BucketVerdict
from evalsuite.looks import Course
from evalsuite.noise import Noise
from evalsuite.policy import Looks, Policy, Rule
from evalsuite.types import JSON, Interval


def check(
    policy: Policy,
    courses: Mapping[str, Course],
    declared: Mapping[str, Mapping[str, JSON]],
    run: str,
) -> None:
    """Refuse a policy under which the looks were not planned.

    Another margin or level would be a test at looks that were chosen by the planned ones.

    Args:
        policy: that a run is to be judged by.
        courses: of its buckets.
        declared: the buckets as the runs declare them, by name.
        run: its name.

    Raises:
        UsageError: names the first thing that is not as planned.
    """
    for name, course in courses.items():
        rule = policy.rule(name, declared[name])
        asked = looks.rule_track(name, course.track.title, rule, policy, len(courses))
        planned, now = looks.rule_facts(course.track), looks.rule_facts(asked)
        for key, value in planned.items():
            if now[key] != value:
                shown = "its share of alpha" if key == "alpha_fail" else key
                raise UsageError(
                    f"{policy.path or 'the default policy'}: [buckets.{name}] {shown} is "
                    f"{_short(now[key])}, but {run} was looked at, while it ran, under a plan "
                    f"with {_short(value)}. Leave --policy out to judge it by its plan, or run "
                    "it whole, without --against"
                )


def _short(value: JSON) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def planned_policy(run: looks.Schedule) -> Policy:
    """The rules that a run's looks were planned with."""
    rules = {
        name: Rule(
            margin=track.margin,
            alpha=track.alpha,
            fail=track.fail,  # type: ignore[arg-type]
            weights=track.weights,
            blocking=track.blocking,
            max_missing=track.max_missing,
        )
        for name, track in run.tracks.items()
    }
    first = next(iter(run.tracks.values()))
    variance, df = first.noise
    return Policy(
        buckets=rules,
        alpha=max(track.alpha_fail for track in run.tracks.values()) * len(rules),
        looks=Looks(gamma=first.gamma),
        noise=_noise(variance, math.inf if df is None else df) if variance else None,
    )


def _noise(variance: float, df: float) -> Noise:
    """The run-to-run noise that a plan has counted in."""
    return Noise(
        model="",
        runs=(),
        exact=False,
        variance=variance / 2,
        upper=variance / 2,
        extra_variance=variance,
        df=df,
        buckets={},
    )


def judged(found: BucketVerdict, evidence: Evidence, course: Course) -> BucketVerdict:
    """A bucket's verdict by its looks.

    Args:
        found: the verdict as a single look at the same samples would give it.
        evidence: on the samples up to the last look.
        course: the looks.
    """
    delta = interval(evidence, course)
    share = course.used / course.track.planned if course.used else 1.0
    said = reason(evidence, course.outcome, delta, used=share)
    return replace(
        found,
        verdict=course.outcome,
        delta=delta,
        p_noninferior=None,
        p_regression=None,
        reason=f"{said}; {_used(course)}",
        advice=_advice(found, course),
        course=course,
    )


def interval(evidence: Evidence, course: Course) -> Interval | None:
    """The repeated interval that decides: its lower end is above -margin where a PASS is."""
    alpha = evidence.rule.alpha
    if not course.stages:
        return None
    found = bounded(evidence.found, 1 - 2 * nominal(course), evidence.extra)
    if found is None:
        return None
    return replace(found, level=1 - 2 * alpha, method=f"{found.method}, repeated")


def nominal(course: Course) -> float:
    """One-sided level that a single look's test has where the PASS boundary is now."""
    z = course.track.bounds.passing[len(course.stages) - 1]
    return max(1e-12, math.erfc(z / math.sqrt(2)) / 2)


def strict(rule: Rule, course: Course | None) -> Rule:
    """A rule for what else is tested on the same samples: at the level of their last look."""
    if course is None or not course.stages:
        return rule
    return replace(rule, alpha=min(rule.alpha, nominal(course)))


def _used(course: Course) -> str:
    """How much of the bucket it took."""
    track = course.track
    looked = f"look {len(course.stages)} of {len(track.sizes)}"
    if course.used == track.planned:
        return f"all {words.counted(track.planned, 'sample')} used ({looked})"
    of = f"{words.count(course.used)} of {words.counted(track.planned, 'sample')} used"
    return f"{of} ({looked})"


def _advice(found: BucketVerdict, course: Course) -> str:
    """What would decide an undecided bucket, where more of the plan does not."""
    if course.outcome != "UNDECIDED":
        return ""
    if course.ending == "cut":
        return "the run ended at another bucket's FAIL (--fail-fast)"
    if course.ending == "futile":
        return f"it was stopped as hardly decidable (--fast); {found.advice}".rstrip("; ")
    return found.advice


def plain(course: Course) -> dict[str, JSON]:
    """The looks of a bucket as JSON data; a z is None where there was nothing to test."""
    track = course.track
    shown = len(course.stages)
    return {
        "used": course.used,
        "planned": track.planned,
        "look": shown,
        "looks": len(track.sizes),
        "ending": course.ending,
        "sizes": list(track.sizes),
        "information": list(track.bounds.info),
        "passing": list(track.bounds.passing),
        "failing": list(track.bounds.failing),
        "z_pass": [_number(stage.z_pass) for stage in course.stages],
        "z_fail": [_number(stage.z_fail) for stage in course.stages],
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
