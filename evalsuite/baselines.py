"""`baselines.json` of the working folder: names that stand for runs, as `@name`.

    {"release": "runs/2026-11-20T181000-step-1000-9f3a"}

The file is small and is committed, so that who changed a baseline and when is in its history.
A path below the working folder is kept relative to it. A URL (`s3://team/release`) holds on
every machine.
"""

import re
from pathlib import Path

from evalsuite import parse, store
from evalsuite.errors import IncompleteError, UsageError
from evalsuite.store import Run

FILE = Path("baselines.json")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read(file: Path = FILE) -> dict[str, str]:
    """The registered paths by name; empty where there is no file.

    Raises:
        UsageError: the file is something else.
        TaskError: it is no JSON.
    """
    if not file.exists():
        return {}
    found = parse.json(file).value
    if not isinstance(found, dict):
        raise UsageError(f"{file}: expected {{name: path of a run}}, found {found!r}")
    for name, path in found.items():
        if not isinstance(path, str):
            raise UsageError(f"{file}: {name}: expected the path of a run, found {path!r}")
    return found


def register(name: str, run: Run, *, replace: bool = False, file: Path = FILE) -> str | None:
    """Give a complete run a name.

    Args:
        name: letters, digits, `.`, `_` and `-`.
        run: what it stands for from now on.
        replace: the name may stand for another run already.
        file: where names are kept.

    Returns:
        The path that the name stood for before; None where it is new.

    Raises:
        UsageError: no such name can be, it stands for another run and `replace` is false, or
            the run is a shard.
        IncompleteError: the run is not complete, or the file cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' is no name: expected letters, digits, '.', '_' and '-', e.g. release"
        )
    if run.status == "stopped_by_plan":
        raise IncompleteError(
            f"{run.where} was stopped by its plan before all items were asked: only a complete "
            "run can be a baseline. Run it whole, without --against"
        )
    if run.status != "complete":
        raise IncompleteError(
            f"{run.where} is {run.status}: only a complete run can be a baseline. Run the same "
            "command to go on."
        )
    if "shard" in run.manifest:
        raise UsageError(
            f"{run.where} is one shard of a run: evalsuite merge makes one run of all shards"
        )
    known = read(file)
    before = known.get(name)
    path = _path(run)
    if before is not None and not _same(before, path) and not replace:
        raise UsageError(
            f"@{name} is {before} already. --replace makes it {path}; every later gate then "
            "judges against that run."
        )
    if before != path:
        store.write_json(file, {**known, name: path})
    return before


def _path(run: Run) -> str:
    if run.url:
        return run.url
    path = run.path.absolute()
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _same(registered: str, path: str) -> bool:
    return registered == path or Path(registered).resolve() == Path(path).resolve()
