"""The looks at a run that a gate followed: how much was used, what it saved, z and boundary."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evalsuite import words
from evalsuite.report.views import LooksPlot
from evalsuite.store import Run
from evalsuite.types import JSON

if TYPE_CHECKING:
    from evalsuite.diff import Diff
    from evalsuite.looks import Course

WIDTH, HEIGHT = 320, 132  # pixels
_LEFT, _RIGHT, _EDGE = 30, 10, 12
_MOST = 5.0  # z beyond which a boundary leaves the plot
_TICKS = (-4, -2, 0, 2, 4)


def used(courses: Mapping[str, "Course"]) -> str:
    """How much of each bucket counts, in a line; "" without looks."""
    said = [
        f"{course.track.title.lower()} {words.count(course.used)} of "
        f"{words.count(course.track.planned)}"
        for course in courses.values()
    ]
    return f"samples used: {' · '.join(said)}" if said else ""


def saved(run: Run) -> str:
    """What stopping early saved, in requests, in a line; "" for a run without looks."""
    told = run.manifest.get("requests")
    if not isinstance(told, Mapping) or not told.get("planned"):
        return ""
    asked, planned = int(told["asked"]), int(told["planned"])
    share = words.percent(max(0.0, 1 - asked / planned), digits=0)
    by = "the server counted" if told["by"] == "server" else "our journal holds"
    late = int((run.manifest.get("counts") or {}).get("late") or 0)
    return (
        f"{share} of the requests saved: {by} {words.count(asked)} of {words.count(planned)}"
        + (f" ({words.count(late)} in flight when a bucket stopped)" if late else "")
    )


def number(run: Run) -> str:
    """That there were looks at the same candidate before; "" where there were none."""
    count: JSON = run.manifest.get("look_number")
    return f"this is look number {count} at this candidate" if count else ""


def partial(diff: "Diff") -> list[str]:
    """That a candidate was only asked in part, in lines; none without looks."""
    if not diff.courses:
        return []
    return [used(diff.courses), "its plan stopped it there: intervals hold over all its looks"]


def told(course: "Course") -> str:
    """What the last look saw against its boundary, in a sentence."""
    if not course.stages:
        return "the run ended before the first look at this bucket"
    at, track = len(course.stages) - 1, course.track
    stage = course.stages[at]
    place = (
        f"{words.count(course.used)} of {words.counted(track.planned, 'sample')} used, look "
        f"{at + 1} of {len(track.sizes)}"
    )
    good = f"z {_z(stage.z_pass)} where a PASS needs more than {_z(track.bounds.passing[at])}"
    bad = f"z {_z(stage.z_fail)} where a FAIL needs more than {_z(track.bounds.failing[at])}"
    if course.outcome == "PASS":
        return f"{place}: {good}"
    if course.outcome == "FAIL":
        return f"{place}: {bad}"
    return f"{place}: {good}, and {bad}"


def _z(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.2f}".replace("-", words.MINUS)


def plot(course: "Course") -> LooksPlot:
    """The path of z against both boundaries, look by look.

    Above is the evidence against a loss of the margin, and the boundary of a PASS; below the
    evidence of a loss, drawn downwards, and the boundary of a FAIL.
    """
    bounds = course.track.bounds
    stages = course.stages
    info = bounds.info[: len(stages)]
    return LooksPlot(
        width=WIDTH,
        height=HEIGHT,
        zero=_y(0.0),
        left=_LEFT,
        right=WIDTH - _RIGHT,
        ticks=tuple((_y(float(z)), str(z).replace("-", words.MINUS)) for z in _TICKS),
        passing=_points(bounds.info, bounds.passing),
        failing=_points(bounds.info, [-z for z in bounds.failing]),
        good=_points(info, [stage.z_pass for stage in stages]),
        bad=_points(info, [-stage.z_fail for stage in stages]),
        end=_x(info[-1]) if info else None,
        tone={"PASS": "good", "FAIL": "bad"}.get(course.outcome, "open"),  # type: ignore[arg-type]
        first=words.count(course.used),
        last=words.count(course.track.planned),
        said=told(course),
    )


def _points(info: Sequence[float], values: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Points of a path; a look without a statistic, or off the plot's height, has none."""
    return tuple(
        (_x(f), _y(z))
        for f, z in zip(info, values, strict=True)
        if not math.isnan(z) and abs(z) <= _MOST * 3
    )


def _x(info: float) -> float:
    return round(_LEFT + info * (WIDTH - _LEFT - _RIGHT), 1)


def _y(z: float) -> float:
    shown = max(-_MOST, min(_MOST, z))
    return round(_EDGE + (_MOST - shown) / (2 * _MOST) * (HEIGHT - 2 * _EDGE), 1)
