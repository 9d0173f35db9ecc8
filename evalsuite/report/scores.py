"""The scores of one run: what `run` and `score` print at their end.

What is zero or not shown anywhere takes no column and no line. Only a terminal needs rich,
whose import takes as long as asking a hundred questions.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from evalsuite import words
from evalsuite.report.untrusted import terminal as safe
from evalsuite.store import Run
from evalsuite.types import Estimate
from evalsuite.words import EMPTY

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

Cells = tuple[str, ...]  # of a line, a name first

_STATUSES = (
    ("failed", "failed"),
    ("cut off", "truncated"),
    ("refused", "refused"),
    ("no parse", "parse_error"),
)
_INDENT = "  "  # of a task; no title begins with a space


def bucket_title(run: Run, bucket: str) -> str:
    """A bucket as the lines of a terminal name it."""
    described = run.manifest.get("buckets", {}).get(bucket, {})
    return safe(str(described.get("title", bucket)).lower())


def score_lines(run: Run, estimates: Sequence[Estimate]) -> list[Cells]:
    """The titles, then a line a bucket with its interval, and under it a line a task."""
    primaries = _primaries(estimates)
    statuses = {status for one in primaries for status, n in one.statuses.items() if n}
    shown = [pair for pair in _STATUSES if pair[1] in statuses]
    lines: list[Cells] = [
        ("bucket", "score", "95 %", "samples", *(title for title, _ in shown), "tokens/answer")
    ]
    for one in primaries:
        tokens = one.health.get("answer_tokens")
        line = (
            f"{_INDENT}{safe(one.task)}" if one.task else bucket_title(run, one.bucket),
            words.points(one.interval.value) if one.interval else EMPTY,
            words.interval(one.interval.low, one.interval.high) if one.interval else EMPTY,
            words.part(one.samples, one.expected),
            *(_share(one, status) for _, status in shown),
            EMPTY if tokens is None else words.count(tokens),
        )
        lines.append(line)
    return lines


def aligned(lines: Sequence[Cells]) -> list[str]:
    """Lines as plain text: names to the left, figures to the right."""
    columns = enumerate(zip(*lines, strict=True))
    padded = [_padded(cells, to_the_left=not number) for number, cells in columns]
    return list(map("  ".join, zip(*padded, strict=True)))


def _padded(cells: Cells, *, to_the_left: bool) -> list[str]:
    width: Callable[[str], int] = len  # of figures, too: each of their signs takes one cell
    if to_the_left and not "".join(cells).isascii():
        from rich.cells import cell_len

        width = cell_len
    wide = max(map(width, cells))
    pads = [" " * (wide - width(cell)) for cell in cells]
    pairs = zip(cells, pads, strict=True)
    return [cell + pad if to_the_left else pad + cell for cell, pad in pairs]


def frameless(*columns: tuple[str, str]) -> "Table":
    """A table of (title, justify) columns, without frames."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for title, side in columns:
        right = side == "right"
        table.add_column(title, justify="right" if right else "left", no_wrap=right)
    return table


def score_table(lines: Sequence[Cells]) -> "Table":
    """The same lines for a terminal, buckets bold and tasks dim."""
    from rich.text import Text

    titles, *rows = lines
    table = frameless((titles[0], "left"), *((title, "right") for title in titles[1:]))
    for name, *figures in rows:
        style = "dim" if name.startswith(_INDENT) else "bold"
        table.add_row(Text(name, style=style), *figures)
    return table


def tool_lines(run: Run, estimates: Sequence[Estimate]) -> "list[Text]":
    """How calls of each bucket break their schemas, and who lost the lost ones."""
    if not any("schema_invalid" in one.health for one in estimates):
        return []  # no answer was to a request with tools
    from rich.text import Text

    from evalsuite.report import lost_calls

    lines = []
    for one in estimates:
        if not one.task:
            title, schema = bucket_title(run, one.bucket), lost_calls.schema_line(one)
            parser = "bold red" if lost_calls.is_parser(run, one.bucket) else ""
            told = [(schema, "")] if schema else []
            told += [(text, parser) for text in lost_calls.sentences(run, one.bucket)]
            lines += [Text(safe(f"{title}: {text}", 1_000), style=s) for text, s in told]
    return [Text(""), *lines] if lines else []


def _primaries(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Buckets and tasks; of a task's metrics the first, which is its primary one."""
    found: dict[tuple[str, str], Estimate] = {}
    for one in estimates:
        if not one.slice:
            found.setdefault((one.bucket, one.task), one)
    return list(found.values())


def _share(one: Estimate, status: str) -> str:
    """A count of failures, a share of anything else."""
    number, total = one.statuses.get(status, 0), sum(one.statuses.values())
    if not number:
        return EMPTY
    return words.count(number) if status == "failed" else words.percent(number / total)
