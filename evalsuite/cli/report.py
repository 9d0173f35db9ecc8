"""`evalsuite report`: a page to read, of one run or of two."""

from pathlib import Path

from evalsuite.cli import Arguments
from evalsuite.errors import UsageError


def main(arguments: Arguments) -> int:
    """Write the files that `-o` names (report.html in the run where there is none)."""
    from evalsuite.cli import opening, show

    names = arguments.positionals["RUN"]
    if len(names) > 2:
        raise UsageError(f"evalsuite report: one run or two, found {len(names)}")
    show.check_out(arguments.out)
    runs = [opening.found(name, arguments.runs) for name in names]
    beside = Path() if runs[-1].url else runs[-1].path
    paths = [Path(path) for path in arguments.out] or [beside / "report.html"]
    value = runs[0] if len(runs) == 1 else show.judged(runs[0], runs[1], arguments)
    for path in paths:
        show.write_one(path, value)
    if arguments.json:
        show.as_json([str(path) for path in paths])
    else:
        print(*paths, sep="\n")
    return 0
