"""What a run holds: its plan, samples, score rows and journal."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from evalsuite.columns import column
from evalsuite.errors import IncompleteError, StoreError
from evalsuite.journal import Journal, Key, Place, pack
from evalsuite.store.run import SCHEMA, Run, write_json
from evalsuite.types import JSON, Metric, Plan, Sample, ScoreRow, Task

if TYPE_CHECKING:
    import pyarrow as pa


def write_plan(run: Run, plan: Plan) -> None:
    """Write plan.json: per bucket, blocks of [task, sample id, repeat]."""
    blocks = {
        name: [[[i.task.name, i.sample.id, i.repeat] for i in block] for block in blocks]
        for name, blocks in plan.blocks.items()
    }
    write_json(run.path / "plan.json", {"seed": plan.seed, "blocks": blocks})


def write_samples(run: Run, items: Iterable[tuple[Task, Sample]]) -> None:
    """Write samples.parquet; a task with `keep_inputs: false` leaves inputs and target out."""
    columns: dict[str, list[Any]] = {name: [] for name in _SAMPLE_COLUMNS}
    for task, sample in items:
        keep = task.keep_inputs
        row = (
            task.bucket,
            task.name,
            sample.id,
            sample.key,
            sample.cluster,
            _json(sample.inputs) if keep else None,
            _json(sample.target) if keep else None,
            _json(sample.tags),
        )
        for name, value in zip(_SAMPLE_COLUMNS, row, strict=True):
            columns[name].append(value)
    _write_table(run.path / "samples.parquet", columns)


def samples(run: Run) -> dict[tuple[str, str], Sample]:
    """The samples of a run by (task, id); inputs are empty where the task kept none."""
    found = {}
    for row in _read_table(run.path / "samples.parquet").to_pylist():
        found[row["task"], row["id"]] = Sample(
            id=row["id"],
            key=row["key"],
            inputs=_load(row["inputs"], {}),
            target=_load(row["target"], None),
            cluster=row["cluster"],
            tags=_load(row["tags"], {}),
        )
    return found


def write_scores(run: Run, rows: Sequence[ScoreRow], places: Mapping[Key, Place]) -> None:
    """Write scores.parquet; `segment` and `offset` lead to a row's first response."""
    columns: dict[str, list[Any]] = {name: [] for name in _SCORE_COLUMNS}
    for row in rows:
        place = places.get(Key(row.task, row.id, row.repeat, 0, 0, "model"))
        for name in PLAIN_COLUMNS:
            columns[name].append(getattr(row, name))
        packed = {name: [m.value, m.weight] for name, m in row.metrics.items()}
        columns["metrics"].append(_json(packed))
        columns["health"].append(_json(row.health))
        columns["tags"].append(_json(row.tags))
        columns["segment"].append(place.segment if place else None)
        columns["offset"].append(place.offset if place else None)
    _write_table(run.path / "scores.parquet", columns)


def rows(run: Run) -> list[ScoreRow]:
    """The rows of scores.parquet, in plan order.

    Raises:
        IncompleteError: the run has not been scored yet.
        StoreError: the file cannot be read.
    """
    path = run.path / "scores.parquet"
    if not path.exists():
        raise IncompleteError(
            f"{path} is not there: the run was interrupted. Run the same command to go on, or "
            f"score what it has: evalsuite score {run.path}"
        )
    table = _read_table(path)
    try:
        columns = [table.column(n).to_pylist() for n in (*PLAIN_COLUMNS, *_PACKED_COLUMNS)]
        return [_row(*cells) for cells in zip(*columns, strict=True)]
    except (KeyError, TypeError, ValueError) as error:  # orjson's error is a ValueError
        raise StoreError(
            f"{path} holds something else ({error}). evalsuite score rewrites it."
        ) from None


def _row(*cells: Any) -> ScoreRow:  # noqa: ANN401
    *plain, packed, health, tags = cells
    values = dict(zip(PLAIN_COLUMNS, plain, strict=True))
    values["metrics"] = {
        k: Metric(value=v, weight=w) for k, (v, w) in _load(packed, {}).items()
    }
    return ScoreRow(health=_load(health, {}), tags=_load(tags, {}), **values)


def journal(run: Run) -> Journal:
    """The journal of a run, for reading."""
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
_PACKED_COLUMNS = ("metrics", "health", "tags")
_SCORE_COLUMNS = (*PLAIN_COLUMNS, *_PACKED_COLUMNS, "segment", "offset")
_SAMPLE_COLUMNS = ("bucket", "task", "id", "key", "cluster", "inputs", "target", "tags")
_INTEGERS = {"repeat", "segment", "offset"}


def _json(value: JSON) -> str:
    return orjson.dumps(pack(value)).decode()


def _load(text: str | None, empty: JSON) -> JSON:
    return orjson.loads(text) if text else empty


def _write_table(path: Path, columns: Mapping[str, list[Any]]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    fields = []
    for name in columns:
        kind = pa.int64() if name in _INTEGERS else pa.string()
        fields.append(pa.field(name, pa.float64() if name == "score" else kind))
    schema = pa.schema(fields, metadata={"evalsuite.schema": str(SCHEMA)})
    temporary = path.with_name(path.name + ".tmp")
    try:
        table = pa.table([column(columns[one.name], one.type) for one in fields], schema)
        parquet.write_table(table, temporary, compression="zstd")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise IncompleteError(f"cannot write {path}: {error.strerror or error}") from None


def _read_table(path: Path) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # read_table would import pyarrow.dataset, and with it pandas.
        with parquet.ParquetFile(path, memory_map=True) as file:
            return file.read()
    except FileNotFoundError:
        raise StoreError(f"{path} is not there: the run has not got that far") from None
    except (OSError, pa.ArrowInvalid) as error:
        way = ". evalsuite score rewrites it" if path.name == "scores.parquet" else ""
        raise StoreError(f"{path} cannot be read ({error}){way}.") from None
