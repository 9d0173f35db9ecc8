"""What is known before a gate, for a terminal: its forecast, and the noise it allows for."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from evalsuite import words
from evalsuite.plan.chance import POWER
from evalsuite.report.untrusted import terminal as safe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from evalsuite.noise import Noise
    from evalsuite.plan import BucketForecast, Forecast

EMPTY = "\N{EN DASH}"


def plan_lines(found: "Forecast") -> list["RenderableType"]:
    """The table, where its figures come from, and how often an equal model passes."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("bucket")
    for title in (
        "items",
        "margin",
        "provable at\nthis size",
        "answers\nthat flip",
        "an equal\nmodel passes",
        f"a {words.figure(-found.change * 100)}-point\ndrop is caught",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("")
    for one in found.buckets:
        table.add_row(*_cells(one))
    lines: list[RenderableType] = [Text(f"baseline  {safe(found.baseline.name)}"), table]
    lines += [Text(line) for line in _footnotes(found)]
    return [*lines, Text(_release(found), style="bold red" if found.refused else "green")]


def _cells(one: "BucketForecast") -> list[Text]:
    flips = EMPTY if one.differing is None else words.percent(one.differing)
    remark = one.remedy
    if one.floor is not None and one.rule.least is not None and one.floor.passes < POWER:
        chance = words.percent(one.floor.passes, digits=0)
        least = words.points(one.rule.least)
        floor = f"an equal model is shown to reach the floor of {least} {chance} of the time"
        remark = f"{remark}; {floor}" if remark else floor
    if not one.rule.blocking:
        remark = "warns only" + (f"; {remark}" if remark else "")
    return [
        Text(safe(one.title).lower(), style="bold"),
        Text(words.count(one.items)),
        Text(words.margin(one.rule.margin)),
        Text(EMPTY if one.provable is None else words.points(one.provable)),
        Text(f"{flips}{'*' if one.assumed else ''}"),
        Text(words.percent(one.passes, digits=0)),
        Text(words.percent(one.caught, digits=0)),
        Text(f"← {remark}" if remark else "", style="yellow"),
    ]


def _footnotes(found: "Forecast") -> list[str]:
    """Where the shares of answers that flip come from."""
    lines = []
    if any(one.assumed for one in found.buckets):
        lines.append(
            "* assumed: no earlier run tells how many answers flip between equal models; "
            "--earlier RUN does"
        )
    if found.earlier and not all(one.assumed for one in found.buckets if one.strata):
        lines.append(f"answers that flip: as between {safe(found.earlier)} and the baseline")
    if found.policy.guards or any(one.rule.guards for one in found.buckets):
        lines.append("guards are no part of these chances")
    return lines


def _release(found: "Forecast") -> str:
    """How often an equal model passes the gate as a whole."""
    chance = words.percent(found.passes, digits=0)
    said = f"an equal model passes all that blocks {chance} of the time"
    if found.policy.undecided == "warn":
        through = words.percent(found.let_through, digits=0)
        said += f", and is let through (the policy only warns of undecided) {through}"
    return said


# --- run-to-run noise --------------------------------------------------------------------


def noise_lines(found: "Noise") -> list["RenderableType"]:
    """How far runs of one checkpoint differ, bucket by bucket, and what a gate adds."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column("bucket")
    for title in ("items", "answers\nthat flip", "Δ", "standard\nerror"):
        table.add_column(title, justify="right", no_wrap=True)
    for bucket, one in found.buckets.items():
        table.add_row(
            Text(safe(bucket).replace("_", " "), style="bold"),
            Text(words.count(one.items)),
            Text(words.percent(one.flip_rate)),
            Text(" ".join(words.points(d, sign=True, digits=2) for d in one.differences)),
            Text(" ".join(words.points(e, digits=2) for e in one.stderrs)),
        )
    runs = words.counted(len(found.runs), "run")
    return [Text(f"{runs} of {safe(found.model)}"), table, Text(_added(found))]


def _added(found: "Noise") -> str:
    """What the gate adds to its error, in words."""
    if found.exact:
        return "every answer is the same in every run: a gate adds nothing"
    if not found.extra_variance:
        return (
            "the runs differ no more than their items explain: a gate adds nothing to its error"
        )
    shift = words.points(found.extra_variance**0.5, digits=2)
    few = (
        " (an upper limit: few pairs tell it)"
        if found.upper * 2 == found.extra_variance
        else ""
    )
    return (
        f"beyond what the items explain two runs differ by {shift} points (standard deviation)"
        f"{few}: a gate adds that to its error"
    )
