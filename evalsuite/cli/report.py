"""`evalsuite report`: a page to read, of one run or of two."""

from pathlib import Path
from typing import TYPE_CHECKING

from evalsuite.cli import Arguments
from evalsuite.errors import UsageError

if TYPE_CHECKING:
    from evalsuite.gate import Verdict
    from evalsuite.store import Run


def main(arguments: Arguments) -> int:
    """Write the files that `-o` names (report.html in the run where there is none)."""
    from evalsuite.cli import opening, show

    names = arguments.positionals["RUN"]
    if len(names) > 2:
        raise UsageError(f"evalsuite report: one run or two, found {len(names)}")
    show.check_out(arguments.out)
    runs = [opening.found(name, arguments.runs) for name in names]
    beside = runs[-1].path if runs[-1].path.is_dir() and not runs[-1].url else Path()
    paths = [Path(path) for path in arguments.out] or [beside / "report.html"]
    if len(runs) == 2:
        value: Run | Verdict = show.judged(runs[0], runs[1], arguments)
    else:
        value = opening.whole(runs[0])
    for path in paths:
        show.write_one(path, value)
    if arguments.json:
        show.as_json([str(path) for path in paths])
    else:
        print(*paths, sep="\n")
    return 0
