"""Local files of rows: JSONL, JSON, CSV, TSV and Parquet."""

import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from evalsuite import parse
from evalsuite.errors import SourceError, nearest
from evalsuite.types import JSON

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
_PLAIN = (str, bool, int)  # what is JSON as it is
_COLUMN = re.compile(r"[A-Za-z_][\w .\-/]{0,63}")  # what a column is called in a header


def read(path: Path) -> list[Any]:
    """Read every row of a file; see `stream`."""
    return list(stream(path))


def stream(path: Path) -> Iterator[Any]:
    """Read a file's rows one by one; its suffix says how.

    - `.jsonl`: an object a line. `.json`: a list of objects, or an object with one list of
      objects in it; a `.json` file with an object a line is read as `.jsonl`.
    - `.csv`: quoted as usual, with a header. `.tsv`: never quoted; where the first line is no
      header (a cell is no name) its columns are called `column_1`, `column_2` and so on.
    - `.parquet`: one row group after the other.

    Raises:
        SourceError: unreadable or malformed (line named), or another suffix.
    """
    readers = {
        ".jsonl": _jsonl,
        ".json": _json,
        ".csv": _csv,
        ".tsv": _tsv,
        ".parquet": _parquet,
    }
    if path.suffix.lower() not in readers:
        raise SourceError(f"{parse.place(path)}: not one of {', '.join(SUFFIXES)}")
    return readers[path.suffix.lower()](path)


def nearest_file(name: str, there: Iterable[str]) -> str:
    """Say which of the files that are there was probably meant."""
    return nearest(name, [near for near in there if near.endswith(SUFFIXES)])


def plain(value: Any) -> JSON:  # noqa: ANN401
    """Turn what a reader gave into plain JSON: dates to ISO text, tuples and arrays to lists.

    Raises:
        ValueError: bytes, images, NaN: JSON has no such thing.
    """
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no JSON number")
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise ValueError(f"{type(value).__name__} is no JSON value")


def _jsonl(path: Path) -> Iterator[Any]:
    for line, row in parse.jsonl(path, error=SourceError):
        if not isinstance(row, dict):
            raise SourceError(f"{parse.place(path, line)}: expected an object a line")
        yield row


def _json(path: Path) -> Iterator[Any]:
    text = parse.read(path, SourceError)
    first = next((line for line in text.split("\n") if line.strip()), "")
    if first.strip().startswith("{") and first.strip().endswith("}") and text.strip() != first:
        yield from _jsonl(path)  # a file of lines that is called .json
        return
    value = parse.json_text(text, path, error=SourceError)
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        value = lists[0] if len(lists) == 1 else [value]
    if not isinstance(value, list):
        raise SourceError(f"{parse.place(path)}: expected a list of objects")
    yield from value


def _table(path: Path, cells: Iterator[list[str]], header: list[str]) -> Iterator[Any]:
    twice = [name for name in header if header.count(name) > 1 or not name]
    if twice:
        raise SourceError(f"{parse.place(path, 1)}: column name '{twice[0]}' is empty or twice")
    for number, row in enumerate(cells, start=1):
        if not row:
            continue
        if len(row) != len(header):
            said = f"expected {len(header)} cells, found {len(row)}"
            raise SourceError(f"{parse.place(path)}: row {number}: {said}")
        yield dict(zip(header, row, strict=True))


def _csv(path: Path) -> Iterator[Any]:
    import csv

    csv.field_size_limit(2**31 - 1)  # a passage may be longer than csv's 128 KiB
    text = parse.read(path, SourceError)
    cells = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(cells, [])
        yield from _table(path, cells, header)
    except csv.Error as failure:
        raise SourceError(f"{parse.place(path, cells.line_num)}: {failure}") from None


def _tsv(path: Path) -> Iterator[Any]:
    lines = parse.read(path, SourceError).split("\n")
    cells = [line.rstrip("\r").split("\t") for line in lines if line.strip("\r")]
    if not cells:
        return
    if all(_COLUMN.fullmatch(cell) for cell in cells[0]):
        yield from _table(path, iter(cells[1:]), cells[0])
    else:
        header = [f"column_{number}" for number in range(1, len(cells[0]) + 1)]
        yield from _table(path, iter(cells), header)


def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as failure:
        first = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
        raise SourceError(f"{parse.place(path)}: not Parquet: {first}") from None
