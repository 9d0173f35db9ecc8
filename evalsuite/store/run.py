"""A run directory as a whole: made, opened, locked, its manifest rewritten."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from evalsuite.errors import IncompleteError, SourceError, StoreError, TaskError, UsageError
from evalsuite.packing import pack
from evalsuite.syncing import force, force_names
from evalsuite.types import JSON

SCHEMA = 2  # of a run's files; a run of another schema is refused, never mixed
_PRETTY = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its files describe it; `manifest` is run.json.

    A run that was named by a URL is read through a copy of its files here, at `path`.
    """

    name: str
    path: Path
    manifest: Mapping[str, JSON]
    url: str = ""

    @property
    def where(self) -> str:
        """How a person names the place: its URL, else its folder."""
        return self.url or str(self.path)

    @property
    def model(self) -> str:
        """The served model's name."""
        return str(self.manifest.get("model", "?"))

    @property
    def status(self) -> str:
        """running, incomplete, complete or stopped_by_plan."""
        return str(self.manifest.get("status", "?"))

    @property
    def is_finished(self) -> bool:
        """Everything that its plan asks for is answered."""
        return self.status in ("complete", "stopped_by_plan")


def create(runs: Path, manifest: Mapping[str, JSON], *, path: Path | None = None) -> Run:
    """Make the directory of a new run and write its manifest.

    Args:
        runs: where runs live.
        manifest: run.json without `name`.
        path: the directory to use instead of a generated one; it must be new or empty.

    Raises:
        StoreError: the directory exists and holds something else, or cannot be made.
    """
    if path is None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S")
        salt = hashlib.blake2b(orjson.dumps([stamp, os.getpid(), manifest.get("model")]))
        model = "".join(c if c.isalnum() or c in "._-" else "-" for c in str(manifest["model"]))
        path = runs / f"{stamp}-{model}-{salt.hexdigest()[:4]}"
    if (path / "run.json").is_file():
        raise StoreError(f"{path} holds a run already: choose another -o")
    if path.is_file() or _holds_other(path):
        raise StoreError(f"{path} is not empty and is no run: choose another -o")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make {path}: {error.strerror}") from None
    force_names(path.parent)
    manifest = {**manifest, "name": path.name, "schema": SCHEMA}
    write_json(path / "run.json", manifest)
    return Run(name=path.name, path=path, manifest=manifest)


def check_place(path: Path, *, a_run: bool) -> None:
    """Refuse a place that cannot take runs, before any work is done for it.

    Args:
        path: where runs are kept, or a run's own directory.
        a_run: it is a run's own: new, empty, or a run.

    Raises:
        StoreError: it is a file, holds something else, or cannot be written.
    """
    if a_run and not (path / "run.json").is_file() and _holds_other(path):
        raise StoreError(f"{path} is not empty and is no run: choose another -o")
    near = next((one for one in (path, *path.parents) if one.exists()), path)
    if not near.is_dir():
        raise StoreError(f"{path}: {near} is a file, expected a folder")
    if not os.access(near, os.W_OK | os.X_OK):
        raise StoreError(f"{path}: {near} cannot be written")


def _holds_other(path: Path) -> bool:
    """Whether a folder holds more than the manifest of a process that died while writing it."""
    return path.is_dir() and any(one.name != "run.json.tmp" for one in path.iterdir())


def open_run(path: Path) -> Run:
    """Read the manifest of a run directory.

    Raises:
        StoreError: there is no run, its manifest cannot be read, or another schema wrote it.
    """
    file = path / "run.json"
    try:
        manifest = orjson.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(f"{path} is no run directory: {_why_none(path)}") from None
    except (OSError, orjson.JSONDecodeError) as error:
        raise StoreError(f"{file} cannot be read: {error}") from None
    if not isinstance(manifest, dict) or "model" not in manifest:
        raise StoreError(f"{file} is not a manifest of evalsuite: it names no model")
    if manifest.get("schema") != SCHEMA:
        raise StoreError(
            f"{file}: schema {manifest.get('schema')} was written by another version of "
            f"evalsuite; this one reads schema {SCHEMA}. Run it again with this version."
        )
    return Run(name=path.name, path=path, manifest=manifest)


def _why_none(path: Path) -> str:
    if path.is_dir():
        return "it has no run.json"
    return "it is a file" if path.exists() else "there is no such folder"


@contextmanager
def lock(run: Run) -> Iterator[None]:
    """Hold a run for writing.

    Raises:
        StoreError: another process holds it, or its files here are a copy.
    """
    if run.url:
        raise StoreError(
            f"{run.url} is read only: evalsuite copy {run.url} FOLDER, and work on that"
        )
    try:
        opened = (run.path / "lock").open("a+")
    except OSError as error:
        raise StoreError(f"cannot write {run.path}: {error.strerror}") from None
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise StoreError(f"{run.path} is in use by process {owner}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def gone_if_refused(run: Run, *, new: bool) -> Iterator[None]:
    """Remove a run that was made for what is refused before anything was answered.

    A file or a flag has to be mended first: what then runs is no run like this one, and would
    find it unfinished.

    Args:
        run: whose work is done in the block.
        new: it was made for this work; one that was there before stays.
    """
    try:
        yield
    except (UsageError, TaskError, SourceError):
        if new and not any(file.stat().st_size for file in run.path.glob("journal/*.jsonl")):
            shutil.rmtree(run.path, ignore_errors=True)
        raise


def write_json(path: Path, value: object) -> None:
    """Write JSON through a temporary file, so that a reader never sees half of it.

    Raises:
        IncompleteError: the disk is full or the folder cannot be written.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(json_bytes(value, _PRETTY))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place where the block ends well.

    It is on the disk by then: after a power cut there is the old one or the new one, whole.

    Raises:
        IncompleteError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        yield temporary
        force(temporary)
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise IncompleteError(f"cannot write {path}: {error.strerror or error}") from None


def json_bytes(value: object, options: int = 0) -> bytes:
    """JSON data, or nouns in it, as text; of nouns what `pack` gives.

    Args:
        value: what JSON holds, nouns among it.
        options: of orjson.
    """
    return orjson.dumps(value, pack, options | orjson.OPT_PASSTHROUGH_DATACLASS)


def update(run: Run, **changes: JSON) -> Run:
    """Rewrite the manifest with some keys changed, the other files' names on the disk first."""
    force_names(run.path)
    manifest = {**run.manifest, **changes}
    write_json(run.path / "run.json", manifest)
    return Run(name=run.name, path=run.path, manifest=manifest)
