"""`evalsuite list`: buckets and tasks, runs, or the tasks of lm-eval."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from evalsuite import words
from evalsuite.cli import Arguments
from evalsuite.errors import UsageError, nearest
from evalsuite.packing import pack

if TYPE_CHECKING:
    from rich.console import OverflowMethod

    from evalsuite.types import Bucket

_LONG = ("scorer", "version", "roles", "weights")  # in the JSON only
_WIDE = 400  # columns where the output is no terminal
_GAP = 2  # between two columns of the table
_NAMES = 2  # columns that are names
_TEXT, _SHORT, _PART = 28, 12, 24  # least widths of a text, where room is scarce, and of others


def main(arguments: Arguments) -> int:
    """Print a table (or JSON) of what there is."""
    if arguments.harness:
        return _out(arguments, _harness(arguments.positionals["WHAT"] or ""))
    what = arguments.positionals["WHAT"] or "tasks"
    lists = {"tasks": _tasks, "buckets": _buckets, "runs": _runs}
    if what not in lists:
        raise UsageError(f"evalsuite list: no '{what}'.{nearest(what, lists)}")
    rows = lists[what](arguments)
    if what == "runs" and not rows and not arguments.json:
        print(f"no run in {arguments.runs}/ yet")
        return 0
    return _out(arguments, rows)


def _out(arguments: Arguments, rows: list[dict[str, object]]) -> int:
    """Print what was found, as a table or as JSON."""
    if arguments.json:
        print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return 0
    _print(rows)
    return 0


def _selected(arguments: Arguments) -> "tuple[Bucket, ...]":
    from evalsuite.cli.run import selected
    from evalsuite.selection import select

    return select(selected(arguments))


def _tasks(arguments: Arguments) -> list[dict[str, object]]:
    return [
        {
            "bucket": bucket.name,
            "task": task.name,
            "rows": task.source.hf or task.source.file or task.source.rows or task.source.run,
            "title": task.title,
            "scorer": task.scorer,
            "version": task.version,
            "roles": list(task.roles),
        }
        for bucket in _selected(arguments)
        for task in bucket.tasks
    ]


def _buckets(arguments: Arguments) -> list[dict[str, object]]:
    return [
        {
            "bucket": bucket.name,
            "title": bucket.title,
            "tasks": len(bucket.tasks),
            "margin": bucket.margin,
            "weights": pack(bucket.weights),
            "meaning": bucket.meaning,
        }
        for bucket in _selected(arguments)
    ]


def _harness(text: str) -> list[dict[str, object]]:
    """The tasks, groups and tags of lm-eval whose name has the text in it.

    Raises:
        UsageError: none has; the nearest name is said.
    """
    from evalsuite import harness

    known = harness.entries()
    found = [known[name] for name in sorted(known) if text.casefold() in name.casefold()]
    if not found:
        near = nearest(text, known)
        hint = near if near.startswith(" Did") else ""
        raise UsageError(f"lm-eval {harness.version()} has no name with '{text}' in it.{hint}")
    return [
        {"harness": one.name, "kind": one.kind, "file": one.file or f"{len(one.members)} tasks"}
        for one in found
    ]


def _runs(arguments: Arguments) -> list[dict[str, object]]:
    from evalsuite import store

    if Path(arguments.runs).is_file():
        raise UsageError(f"--runs: {arguments.runs} is no folder")
    return [
        {
            "run": run.name,
            "model": run.model,
            "status": run.status,
            "created": str(run.manifest.get("created", "")).removesuffix("+00:00"),
            "samples": run.manifest.get("counts", {}).get("done"),
            "failed": run.manifest.get("counts", {}).get("failed"),
        }
        for run in store.all_runs(Path(arguments.runs))
    ]


def _print(rows: list[dict[str, object]]) -> None:
    """Print a table: outside a terminal one line a row, which ends where its text does."""
    from rich.table import Table

    from evalsuite.cli import show

    if not rows:
        print("nothing yet")
        return
    cells = {
        name: ["" if row[name] is None else str(row[name]) for row in rows]
        for name in rows[0]
        if name not in _LONG
    }
    console = show.screen()
    too_long: OverflowMethod = "ellipsis"
    if not console.is_terminal:
        console.width, too_long = _WIDE, "fold"
    least = _fitting(cells, console.width)
    table = Table(box=None, pad_edge=False)
    for number, (name, width) in enumerate(least.items()):
        if number < _NAMES:
            table.add_column(name, min_width=width, no_wrap=True)
        else:
            table.add_column(name, overflow=too_long)
    for row in zip(*(cells[name] for name in least), strict=True):
        table.add_row(*row)
    # Where the names alone are wider, the terminal breaks their lines, and they are whole.
    console.width = max(console.width, _taken(least))
    show.put(console, table)
    left = [name for name in cells if name not in least]
    if left:
        print(f"no room for {words.listed(left, most=len(left))}: --json has all")


def _fitting(cells: Mapping[str, Sequence[str]], width: int) -> dict[str, int]:
    """The columns that a width has room for, and how wide each is at least.

    The first two are names, which are never cut; the last is a text, which stays longest.
    """
    from rich.cells import cell_len

    least = {}
    for number, (name, texts) in enumerate(cells.items()):
        whole = max(map(cell_len, (name, *texts)))
        most = whole if number < _NAMES else _TEXT if number == len(cells) - 1 else _PART
        least[name] = min(whole, most)
    while len(least) > _NAMES and _taken(least) > width:
        *names, last = least
        if len(names) > _NAMES:
            del least[names[-1]]
        elif least[last] > _SHORT:
            least[last] = _SHORT
        else:
            del least[last]
    return least


def _taken(least: Mapping[str, int]) -> int:
    """How wide columns are at least with the gaps between them."""
    return sum(least.values()) + _GAP * (len(least) - 1)
