"""What a run holds: its plan, samples, score rows and journal."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from evalsuite.columns import column
from evalsuite.errors import IncompleteError, StoreError
from evalsuite.journal import Journal, Key, Place
from evalsuite.shelf import Shelf
from evalsuite.store.remote import fetch_journal
from evalsuite.store.run import SCHEMA, Run, json_bytes, replacing, write_json
from evalsuite.types import JSON, Plan, Sample, ScoreRow, Task

if TYPE_CHECKING:  # numpy and Arrow come with these: not while requests run
    import pyarrow as pa
    from pyarrow import parquet

    from evalsuite.score_table import ScoreTable


def write_plan(run: Run, plan: Plan) -> None:
    """Write plan.json: seed, blocks, the looks of a gate that stops early, a shard's places."""
    more = {"looks": plan.looks, "places": plan.places}
    given = {key: value for key, value in more.items() if value is not None}
    write_json(run.path / "plan.json", {"seed": plan.seed, "blocks": blocks_of(plan), **given})


def blocks_of(plan: Plan) -> dict[str, list[list[list[JSON]]]]:
    """A plan as its file holds it: per bucket, blocks of [task, sample id, repeat]."""
    return {
        name: [[[i.task.name, i.sample.id, i.repeat] for i in block] for block in blocks]
        for name, blocks in plan.blocks.items()
    }


def note_samples(run: Run, items: Iterable[tuple[Task, Sample]]) -> None:
    """Write samples.jsonl; a task with `keep_inputs: false` leaves inputs and target out.

    That needs no Arrow and a tenth of the time: it is there before the first request, and
    `pack_samples` makes the table of it once everything is asked.

    Raises:
        IncompleteError: the disk is full or the folder cannot be written.
    """
    with replacing(run.path / _NOTED) as temporary, temporary.open("wb") as file:
        for task, sample in items:
            line: dict[str, JSON] = {
                "bucket": task.bucket,
                "task": task.name,
                "id": sample.id,
                "key": sample.key,
                "cluster": sample.cluster,
                "tags": sample.tags,
            }
            if task.keep_inputs:
                line |= {"inputs": sample.inputs, "target": sample.target}
            file.write(json_bytes(line, orjson.OPT_APPEND_NEWLINE))


def pack_samples(run: Run) -> None:
    """Make samples.parquet of samples.jsonl, where that is there, and remove it."""
    if (run.path / _NOTED).is_file():
        _write_tables(run.path / _SAMPLES, _sample_tables(run))
        (run.path / _NOTED).unlink()


def _sample_tables(run: Run) -> "Iterator[pa.Table]":
    with (run.path / _NOTED).open("rb") as file:
        while table := _sample_table(islice(file, _GROUP)):
            yield table


def _sample_table(lines: Iterable[bytes]) -> "pa.Table | None":
    """Some lines of samples.jsonl as a table; None where there are none."""
    import pyarrow as pa

    rows = list(map(_LINE.decode, lines))
    if not rows:
        return None
    cells: dict[str, Sequence[Any]] = dict(
        zip(_SAMPLE_COLUMNS, zip(*map(_CELLS, rows), strict=True), strict=True)
    )
    for name in _JSON_COLUMNS:  # nothing, which is no JSON, is what a task did not keep
        cells[name] = [text or None for text in cells[name]]
    return pa.table({n: column(values, pa.string()) for n, values in cells.items()})


def _noted(run: Run) -> Iterator[dict[str, Any]]:
    with (run.path / _NOTED).open("rb") as file:
        yield from map(orjson.loads, file)


class _Line(msgspec.Struct):
    """A line of samples.jsonl, its JSON left as it is."""

    bucket: str
    task: str
    id: str
    key: str
    cluster: str
    inputs: msgspec.Raw = msgspec.Raw()
    target: msgspec.Raw = msgspec.Raw()
    tags: msgspec.Raw = msgspec.Raw()


def write_samples(run: Run, items: Iterable[tuple[Task, Sample]]) -> None:
    """Write samples.parquet; a task with `keep_inputs: false` leaves inputs and target out."""
    note_samples(run, items)
    pack_samples(run)


def gather_samples(run: Run, parts: Sequence[Run], order: Sequence[tuple[str, str]]) -> None:
    """Write samples.parquet of a run from those of its parts.

    Args:
        run: the whole.
        parts: finished runs that have its samples.
        order: task and sample id of every row.

    Raises:
        StoreError: a part's table cannot be read, or lacks a sample.
    """
    import pyarrow as pa

    table = pa.concat_tables([_read_table(part.path / _SAMPLES) for part in parts])
    names = zip(table["task"].to_pylist(), table["id"].to_pylist(), strict=True)
    at = {name: row for row, name in enumerate(names)}
    lost = next((f"{key} of {task}" for task, key in order if (task, key) not in at), None)
    if lost is not None:
        raise StoreError(f"no {_SAMPLES} of the parts holds sample {lost}")
    whole = table.take(pa.array([at[name] for name in order], pa.int64()))
    groups = range(0, max(1, len(whole)), _GROUP)
    _write_tables(run.path / _SAMPLES, (whole.slice(start, _GROUP) for start in groups))


def has_samples(run: Run) -> bool:
    """Whether the samples are there, noted or packed."""
    return (run.path / _SAMPLES).is_file() or (run.path / _NOTED).is_file()


def samples(run: Run) -> dict[tuple[str, str], Sample]:
    """The samples of a run by (task, id); inputs are empty where the task kept none.

    What is more than a megabyte of them stays on disk until it is looked at.

    Raises:
        StoreError: they are not there, or cannot be read.
    """
    kept = Shelf()
    rows = _noted(run) if (run.path / _NOTED).is_file() else _packed(run.path / _SAMPLES)
    return {(row["task"], row["id"]): kept.put(_sample(row)) for row in rows}


def _packed(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a group of them in memory at once."""
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            for row in file.read_row_group(group).to_pylist():
                yield row | {name: _load(row[name]) for name in _JSON_COLUMNS}


def _sample(row: Mapping[str, Any]) -> Sample:
    return Sample(
        id=row["id"],
        key=row["key"],
        inputs=row.get("inputs") or {},
        target=row.get("target"),
        cluster=row["cluster"],
        tags=row.get("tags") or {},
    )


def write_scores(run: Run, rows: Sequence[ScoreRow], places: Mapping[Key, Place]) -> None:
    """Write scores.parquet; `segment` and `offset` lead to a row's first response.

    Args:
        run: whose scores these are.
        rows: in plan order; read a group at a time, twice where there are several groups.
        places: of the journal's records.

    Raises:
        IncompleteError: the disk is full or the folder cannot be written.
    """
    from evalsuite.score_table import health_kinds

    starts = range(0, max(1, len(rows)), _GROUP)
    health = health_kinds(rows) if len(starts) > 1 else None
    groups = (_score_table(rows[at : at + _GROUP], places, health) for at in starts)
    _write_tables(run.path / "scores.parquet", groups)


def _score_table(
    rows: Sequence[ScoreRow], places: Mapping[Key, Place], health: Mapping[str, bool] | None
) -> "pa.Table":
    import pyarrow as pa

    from evalsuite.score_table import arrow_columns

    first = [places.get(Key(row.task, row.id, row.repeat, 0, 0, "model")) for row in rows]
    packed = [{name: [m.value, m.weight] for name, m in row.metrics.items()} for row in rows]
    columns = {
        **arrow_columns(rows, health),
        "metrics": column(list(map(json_bytes, packed)), pa.string()),
        "tags": column([json_bytes(row.tags) for row in rows], pa.string()),
        "segment": column([place and place.segment for place in first], pa.int64()),
        "offset": column([place and place.offset for place in first], pa.int64()),
    }
    return pa.table(columns)


def scores(run: Run) -> "ScoreTable":
    """The rows of scores.parquet by column, in plan order; a row is made when asked for.

    Raises:
        IncompleteError: the run has not been scored yet.
        StoreError: the file cannot be read.
    """
    from evalsuite.score_table import REPEATING, ScoreTable

    path = run.path / "scores.parquet"
    if not path.exists():
        raise IncompleteError(
            f"{path} is not there: the run was interrupted. Run the same command to go on, or "
            f"score what it has: evalsuite score {run.path}"
        )
    try:
        return ScoreTable.reading(_read_table(path, repeating=REPEATING))
    except (KeyError, TypeError, ValueError) as error:  # orjson's and Arrow's are ValueErrors
        raise StoreError(
            f"{path} holds something else ({error}). evalsuite score rewrites it."
        ) from None


def rows(run: Run) -> list[ScoreRow]:
    """The rows of scores.parquet, in plan order, all of them at once.

    Raises:
        IncompleteError: the run has not been scored yet.
        StoreError: the file cannot be read.
    """
    found = scores(run)
    try:
        return list(found)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{run.path / 'scores.parquet'} holds something else ({error}). "
            "evalsuite score rewrites it."
        ) from None


def journal(run: Run) -> Journal:
    """The journal of a run, for reading; that of a run at a URL is fetched now."""
    if run.url:
        fetch_journal(run)
    return Journal(run.path / "journal")


PLAIN_COLUMNS = (
    "bucket",
    "task",
    "id",
    "key",
    "cluster",
    "repeat",
    "status",
    "score",
    "primary",
    "answer",
    "reason",
)
_LARGE = 8 << 20  # bytes of a file from which memory counts
_PLACES = ("segment", "offset")  # for people: nothing here reads them back
_SAMPLES, _NOTED = "samples.parquet", "samples.jsonl"
_GROUP = 2048  # rows of a group of a Parquet file: what is in memory at once
_SAMPLE_COLUMNS = _Line.__struct_fields__
_JSON_COLUMNS = ("inputs", "target", "tags")
_LINE, _CELLS = msgspec.json.Decoder(_Line), attrgetter(*_SAMPLE_COLUMNS)


def _load(text: str | None) -> JSON:
    return orjson.loads(text) if text else None


def _write_tables(path: Path, tables: "Iterator[pa.Table]") -> None:
    """Write tables of the same columns as the row groups of one file."""
    import pyarrow as pa
    from pyarrow import parquet

    first = next(tables)
    schema = first.schema.with_metadata({"evalsuite.schema": str(SCHEMA)})
    with (
        replacing(path) as temporary,
        parquet.ParquetWriter(temporary, schema, compression="zstd") as file,
    ):
        for table in chain((first,), tables):
            file.write_table(table)
    pa.default_memory_pool().release_unused()  # else Arrow keeps it while estimates are made


def _give_memory_back() -> None:
    """Let Arrow return freed memory at once: of a million rows it would keep 150 MB."""
    import pyarrow as pa

    if "jemalloc" in pa.supported_memory_backends():  # not every build has it
        pa.set_memory_pool(pa.jemalloc_memory_pool())
        pa.jemalloc_set_decay_ms(0)


def _read_table(path: Path, repeating: Sequence[str] = ()) -> "pa.Table":
    """A Parquet file; columns of few distinct values are read as such."""
    with _opened(path, repeating) as file:
        names = [name for name in file.schema_arrow.names if name not in _PLACES]
        return file.read(names)


@contextmanager
def _opened(path: Path, repeating: Sequence[str] = ()) -> "Iterator[parquet.ParquetFile]":
    """A Parquet file, open.

    Raises:
        StoreError: it is not there, or cannot be read.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        if path.stat().st_size >= _LARGE:
            _give_memory_back()
        # read_table would import pyarrow.dataset, and with it pandas.
        with parquet.ParquetFile(
            path, memory_map=True, read_dictionary=list(repeating)
        ) as file:
            yield file
    except FileNotFoundError:
        raise StoreError(f"{path} is not there: the run has not got that far") from None
    except (OSError, pa.ArrowInvalid) as error:
        way = ". evalsuite score rewrites it" if path.name == "scores.parquet" else ""
        raise StoreError(f"{path} cannot be read ({error}){way}.") from None
