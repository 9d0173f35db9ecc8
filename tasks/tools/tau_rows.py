"""tau-bench's published files as rows: a clone of the repository, or the same as JSON.

    tau-bench/tau_bench/envs/airline/    tasks_test.py  wiki.md  data/{users,...}.json
    tau-bench/airline/                   tasks_test.json  wiki.md  db_{users,...}.json

The repository's Python is read, never executed. A row names the database by its hash and does
not hold it: that is some 5 MB, kept here once for all conversations.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from tau_world import Domain, Tables

from evalsuite import parse
from evalsuite.errors import SourceError
from evalsuite.source import staged
from evalsuite.types import JSON

REPOSITORY = "https://github.com/sierra-research/tau-bench"
_FIELDS = {"instruction": str, "actions": list, "outputs": list}
_LOADED: dict[str, Tables] = {}  # by their hash
Row = dict[str, Any]


def rows(domain: Domain, data: Path | None) -> list[Row]:
    """The tasks of a domain's test set, in their order.

    Raises:
        SourceError: their files are not there, or are not what they should be.
    """
    folder = _folder(domain, data)
    tables = {name: _table(folder, name) for name in domain.tables}
    digest = hashlib.blake2b(
        orjson.dumps(tables, option=orjson.OPT_SORT_KEYS), digest_size=8
    ).hexdigest()
    _LOADED[digest] = tables
    policy = parse.read(folder / "wiki.md", SourceError)
    return [
        {**{name: row[name] for name in _FIELDS}, "policy": policy, "database": digest}
        for row in _tasks(folder)
    ]


def database(digest: str) -> Tables:
    """The database that rows were loaded with.

    Raises:
        SourceError: they were not loaded in this process.
    """
    if digest not in _LOADED:
        raise SourceError(f"tau-bench's database {digest} is not loaded: name it by --data")
    return _LOADED[digest]


def _folder(domain: Domain, data: Path | None) -> Path:
    """The folder of a domain's files below `data`."""
    if data is not None and not data.is_dir():
        raise SourceError(f"--data {data}: no such folder")
    for place in _places(data) if data is not None else ():
        for folder in (place / "tau_bench" / "envs" / domain.name, place / domain.name):
            if any(folder.glob("tasks_test.*")):
                return folder
    looked = f" (none in {data} or its folder tau-bench)" if data is not None else ""
    raise SourceError(
        f"tau_{domain.name}: its rows are in a clone of {REPOSITORY}: name that, or the folder "
        f"that holds it, with --data{looked}; --tag fresh runs tasks that need no download"
    )


def _places(data: Path) -> Iterator[Path]:
    yield data
    yield from staged.folders(data, ("tau-bench",))


def _table(folder: Path, name: str) -> dict[str, Row]:
    """A table: an object of objects."""
    paths = (folder / f"db_{name}.json", folder / "data" / f"{name}.json")
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise SourceError(f"{folder}: expected {' or '.join(map(str, paths))}, found neither")
    found = parse.json_text(parse.read(path, SourceError), path, error=SourceError)
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise SourceError(f"{path}: expected an object of objects")
    return found


def _tasks(folder: Path) -> list[Row]:
    """The tasks, from JSON where that is there, else from the repository's Python."""
    path = folder / "tasks_test.json"
    if path.is_file():
        found = parse.json_text(parse.read(path, SourceError), path, error=SourceError)
    else:
        path = folder / "tasks_test.py"
        found = _literals(path)
    if not isinstance(found, list):
        raise SourceError(f"{path}: expected a list of tasks")
    for number, row in enumerate(found):
        for name, kind in _FIELDS.items():
            if not isinstance(row, dict) or not isinstance(row.get(name), kind):
                expected = {str: "a text", list: "a list"}[kind]
                raise SourceError(f"{path}: task {number}: {name}: expected {expected}")
        _check_actions(path, number, row["actions"])
    return found


def _check_actions(path: Path, number: int, actions: list[JSON]) -> None:
    for action in actions:
        named = isinstance(action, dict) and isinstance(action.get("name"), str)
        if not named or not isinstance(action.get("kwargs"), dict):
            raise SourceError(f"{path}: task {number}: actions: expected name and kwargs each")


def _literals(path: Path) -> JSON:
    """What `TASKS` or `TASKS_TEST` is set to in a Python file.

    Raises:
        SourceError: there is neither, or it is more than literals (file and line named).
    """
    try:
        tree = ast.parse(parse.read(path, SourceError))
    except SyntaxError as failure:
        raise SourceError(f"{path}:{failure.lineno}: not Python: {failure.msg}") from None
    for node in tree.body:
        name = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(name, ast.Name) and name.id in ("TASKS", "TASKS_TEST"):
            return _literal(node.value, path)
    raise SourceError(f"{path}: expected TASKS = [...], found none")


def _literal(node: ast.expr, path: Path) -> JSON:
    """A list of `Task(field=...)` and `Action(field=...)` as objects of their fields."""
    if isinstance(node, ast.List):
        return [_literal(one, path) for one in node.elts]
    if isinstance(node, ast.Call) and not node.args:
        return {str(one.arg): _literal(one.value, path) for one in node.keywords}
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise SourceError(f"{path}:{node.lineno}: expected a literal") from None
