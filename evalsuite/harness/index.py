"""Names of lm-eval's tasks -> their files, without reading 14,000 files for every run.

lm-eval's own index parses every YAML file, which takes seconds. This one looks for the few
lines that name things, once a version, and keeps what it found in the user's cache.
"""

import importlib.util
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from evalsuite.errors import TaskError, nearest

Kind = Literal["task", "group", "tag"]
_KEY = re.compile(
    r"^[\"']?(task|group|tag|include|class)[\"']?:[ \t]*(.*?)[ \t]*(?:#.*)?$", re.MULTILINE
)
_ITEM = re.compile(r"\s*-[ \t]+([^\n#]+?)[ \t]*(?:#.*)?(?:\n|$)")
_FORMAT = 1  # of the cached file


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A task, group or tag of lm-eval's corpus."""

    name: str
    kind: Kind
    file: str = ""  # below lm-eval's folder of tasks; "" for a tag
    members: tuple[str, ...] = ()  # of a tag: the tasks that carry it, sorted


def version() -> str:
    """The installed version of lm-eval.

    Raises:
        TaskError: it is not installed.
    """
    from importlib import metadata  # a run without harness tasks pays nothing for it

    try:
        return metadata.version("lm_eval")
    except metadata.PackageNotFoundError:
        raise TaskError("a harness task needs lm-eval, which is not installed") from None


def folder() -> Path:
    """Where lm-eval keeps its task files (nothing of it is imported).

    Raises:
        TaskError: it is not installed.
    """
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        raise TaskError("a harness task needs lm-eval, which is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "tasks"


@cache
def entries() -> Mapping[str, Entry]:
    """Every task, group and tag of the installed lm-eval, by name.

    Raises:
        TaskError: lm-eval is not installed.
    """
    root, kept = folder(), _cache()
    with suppress(OSError, ValueError, TypeError, KeyError):
        said = json.loads(kept.read_text(encoding="utf-8"))
        if said["root"] == str(root):
            return {name: _entry(name, value) for name, value in said["entries"].items()}
    found = scan(root)
    plain = {name: [one.kind, one.file, *one.members] for name, one in found.items()}
    with suppress(OSError):  # a cache that cannot be written costs seconds, not the run
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"root": str(root), "entries": plain}), encoding="utf-8")
        fresh.replace(kept)
    return found


def find(name: str) -> Entry:
    """The entry of a name.

    Raises:
        TaskError: lm-eval has none; the nearest name is said.
    """
    known = entries()
    if name not in known:
        near = nearest(name, known)  # all 14,000 names are no help
        hint = near if near.startswith(" Did") else " See `evalsuite list --harness TEXT`."
        raise TaskError(f"lm-eval {version()} has no task '{name}'.{hint}")
    return known[name]


def scan(root: Path) -> dict[str, Entry]:
    """Find the names in a folder of task files by their top-level lines, nothing parsed.

    As in lm-eval the first file (in the order of paths) that uses a name has it.
    """
    found: dict[str, Entry] = {}
    tags: dict[str, set[str]] = {}
    for path in sorted(root.rglob("*.yaml"), key=lambda path: path.as_posix()):
        keys = _keys(path)
        name = _scalar(keys.get("group") or keys.get("task", ""))
        if not name or "class" in keys or name in found:
            continue
        kind: Kind = "group" if "group" in keys else "task"
        found[name] = Entry(name=name, kind=kind, file=path.relative_to(root).as_posix())
        for tag in _tags(path, keys) if kind == "task" else ():
            tags.setdefault(tag, set()).add(name)
    for tag, members in tags.items():
        if tag not in found:
            found[tag] = Entry(name=tag, kind="tag", members=tuple(sorted(members)))
    return found


def _entry(name: str, value: list[str]) -> Entry:
    kind: Kind = "tag" if value[0] == "tag" else "group" if value[0] == "group" else "task"
    return Entry(name=name, kind=kind, file=value[1], members=tuple(value[2:]))


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "evalsuite" / f"harness-{version()}-{_FORMAT}.json"


@cache
def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _keys(path: Path) -> dict[str, str]:
    """The few top-level keys that matter; a list below its key is joined by line feeds."""
    text = _read(path)
    found: dict[str, str] = {}
    for match in _KEY.finditer(text):
        value = match[2]
        if not value:
            value = "\n".join(_items(text[match.end() + 1 :]))
        found[match[1]] = value
    return found


def _items(text: str) -> Iterator[str]:
    """The items of a block list that begins here."""
    match = _ITEM.match(text)
    while match:
        yield match[1]
        match = _ITEM.match(text, match.end())


def _scalar(text: str) -> str:
    """A name without its quotes; "" for a list."""
    return "" if "\n" in text or text.startswith("[") else text.strip("'\"")


def _tags(path: Path, keys: Mapping[str, str]) -> list[str]:
    """The tags of a task: its own, or else those of what it includes."""
    if "tag" in keys:
        inner = keys["tag"].strip("[]").replace(",", "\n")
        return [name for one in inner.split("\n") if (name := one.strip().strip("'\""))]
    for include in reversed(keys.get("include", "").split("\n")):
        beside = path.parent / include.strip("'\"") if include else path
        if beside != path and beside.is_file() and (found := _tags(beside, _keys(beside))):
            return found
    return []
