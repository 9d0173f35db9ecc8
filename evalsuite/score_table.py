"""Score rows by column: a million fit into memory, and a row is made when it is asked for.

Texts stay in Arrow's buffers, numbers in numpy, and what repeats (status, metrics, health,
tags) is decoded once for each distinct value.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import orjson
from numpy.typing import ArrayLike, NDArray

from evalsuite.columns import by_key, column
from evalsuite.types import JSON, Metric, ScoreRow

if TYPE_CHECKING:
    import pyarrow as pa

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

TEXTS = ("bucket", "task", "id", "key", "cluster", "status", "primary", "answer", "reason")
PACKED = ("metrics", "tags")  # JSON texts in the file
NUMBERS = ("repeat", "score", "weight")
REPEATING = ("bucket", "task", "status", "primary", "reason", *PACKED)  # few distinct values
HEALTH = "health."  # prefix of the columns of health figures


class ScoreTable(Sequence[ScoreRow]):
    """Rows of one run; a sequence of `ScoreRow`, and their columns.

    Args:
        columns: by name, each an Arrow array of n values in one chunk, the packed ones as JSON
            texts; `reading` and `of` make them.
        rows: the rows themselves, where they exist already.

    Raises:
        KeyError: a column is not there.
        ValueError: a packed column holds something else than JSON.
    """

    def __init__(
        self, columns: Mapping[str, "pa.Array"], rows: Sequence[ScoreRow] | None = None
    ) -> None:
        self._columns = columns
        self._rows = rows
        self.score = _numbers(columns["score"], np.float64, np.nan)  # NaN: none
        self.repeat: IntArray = _numbers(columns["repeat"], np.int64, 0)
        #: Weight of each row's primary metric, shape (n,); 1 where it has none.
        self.weight = _numbers(columns["weight"], np.float64, 1.0)
        #: Rows whose score is NaN, which no scorer may give; shape (n,).
        self.not_a_number = np.isnan(self.score) & _valid(columns["score"])
        self._codes: dict[str, tuple[IntArray, list[Any]]] = {}

    @classmethod
    def of(cls, rows: Sequence[ScoreRow]) -> "ScoreTable":
        """The columns of rows that exist; a table is returned as it is."""
        if isinstance(rows, ScoreTable):
            return rows
        return cls(_whole(arrow_columns(rows)), rows)

    @classmethod
    def reading(cls, table: "pa.Table") -> "ScoreTable":
        """The rows of a scores table as it is on disk.

        Raises:
            KeyError: a column is not there.
        """
        health = [name for name in table.column_names if name.startswith(HEALTH)]
        names = (*TEXTS, *NUMBERS, *PACKED, *health)
        return cls(_whole({name: table.column(name) for name in names}))

    # ------------------------------------------------------------------ as a sequence

    def __len__(self) -> int:
        return int(self.score.size)

    @overload
    def __getitem__(self, at: int) -> ScoreRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[ScoreRow]: ...
    def __getitem__(self, at: int | slice) -> ScoreRow | list[ScoreRow]:
        if isinstance(at, slice):
            return self.take(np.arange(len(self))[at])
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        return self.take([at % len(self)])[0]

    def __iter__(self) -> Iterator[ScoreRow]:
        step = 4096
        for start in range(0, len(self), step):
            yield from self.take(np.arange(start, min(start + step, len(self))))

    def take(self, positions: ArrayLike) -> list[ScoreRow]:
        """The rows at these positions, shape (k,)."""
        where = np.asarray(positions, dtype=np.intp)
        if self._rows is not None:
            return [self._rows[at] for at in where.tolist()]
        cells = [self._cells(name, where) for name in _ORDER]
        return [_row(*cell) for cell in zip(*cells, self._health(where), strict=True)]

    def _health(self, where: IntArray) -> list[dict[str, float | str]]:
        columns = {}
        for name in self.health_names:
            values = self._columns[HEALTH + name]
            columns[name] = values.take(positions(where)).to_pylist()
        rows = zip(*columns.values(), strict=True) if columns else ((),) * where.size
        return [
            {n: value for n, value in zip(columns, row, strict=True) if value is not None}
            for row in rows
        ]

    def _cells(self, name: str, where: IntArray) -> list[Any]:
        if name == "score":
            return [None if x != x else x for x in self.score[where].tolist()]
        if name == "repeat":
            repeats: list[Any] = self.repeat[where].tolist()
            return repeats
        if name in REPEATING:
            codes, values = self.codes(name)
            if name == "metrics":
                values = self._metrics
            return [values[code] if code >= 0 else _NOTHING[name] for code in codes[where]]
        found: list[Any] = self.texts(name, where).to_pylist()
        return found

    # -------------------------------------------------------------------- as columns

    def texts(self, name: str, at: IntArray | None = None) -> "pa.Array":
        """A column of texts (null: none), whole or at some positions."""
        found = self._columns[name]
        return found if at is None else found.take(positions(at))

    def codes(self, name: str) -> tuple[IntArray, list[Any]]:
        """A column as codes, shape (n,), into its distinct values; -1 is none.

        Packed columns come as mappings, in which equal ones may stand more than once.
        """
        if name not in self._codes:
            if self._rows is None or name not in PACKED:
                self._codes[name] = _coded(self._columns[name], packed=name in PACKED)
            else:
                self._codes[name] = _distinct([getattr(row, name) for row in self._rows])
        return self._codes[name]

    @cached_property
    def _metrics(self) -> list[Mapping[str, Metric]]:
        """The distinct values of `metrics`, as nouns."""
        return [
            {name: Metric(value=v, weight=w) for name, (v, w) in packed.items()}
            for packed in self.codes("metrics")[1]
        ]

    @cached_property
    def health_names(self) -> tuple[str, ...]:
        """Every health column that some row has."""
        names = self._columns
        return tuple(name.removeprefix(HEALTH) for name in names if name.startswith(HEALTH))

    def health(self, name: str) -> FloatArray:
        """A health figure, shape (n,); NaN where a row has none, or a word."""
        values = self._columns.get(HEALTH + name)
        if values is None or _is_words(values):
            return np.full(len(self), np.nan)
        return _numbers(values, np.float64, np.nan)

    def health_words(self, name: str) -> tuple[IntArray, list[str]]:
        """A health column of words as codes, shape (n,), into distinct words; -1 is none."""
        values = self._columns.get(HEALTH + name)
        if values is None or not _is_words(values):
            return np.full(len(self), -1, dtype=np.intp), []
        return self.codes(HEALTH + name)


_ORDER = (*TEXTS[:5], "repeat", "status", "score", "primary", "answer", "reason", *PACKED)
_FIELDS = (*_ORDER, "health")
_NOTHING: Mapping[str, Any] = {
    "bucket": "",
    "task": "",
    "status": "failed",
    "primary": "",
    "reason": None,
    **{name: {} for name in PACKED},
}


def _row(*cells: Any) -> ScoreRow:  # noqa: ANN401
    return ScoreRow(**dict(zip(_FIELDS, cells, strict=True)))


def health_kinds(rows: Iterable[ScoreRow]) -> dict[str, bool]:
    """The health columns of rows by name, and whether they hold words."""
    found: dict[str, bool] = {}
    rows = iter(rows)
    while block := list(islice(rows, 4096)):
        for name, words in _kinds(by_key([row.health for row in block])).items():
            found[name] = found.get(name, False) or words
    return found


def arrow_columns(
    rows: Sequence[ScoreRow], health: Mapping[str, bool] | None = None
) -> dict[str, "pa.ChunkedArray"]:
    """Rows as the columns of scores.parquet, the packed ones left to whoever writes them.

    Args:
        rows: in the order of the file.
        health: from `health_kinds` of all rows, where these are only some of them.
    """
    import pyarrow as pa

    def cells(name: str) -> list[Any]:
        return list(map(attrgetter(name), rows))

    found = {name: column(cells(name), pa.string()) for name in TEXTS}
    found["repeat"] = column(cells("repeat"), pa.int64())
    found["score"] = column(cells("score"), pa.float64())
    primary = [row.metrics.get(row.primary) for row in rows]
    found["weight"] = column([m and m.weight for m in primary], pa.float64())
    figures = by_key([row.health for row in rows])
    for name, words in (_kinds(figures) if health is None else health).items():
        values = figures.get(name) or [None] * len(rows)
        if words:
            texts = [None if value is None else str(value) for value in values]
            found[HEALTH + name] = column(texts, pa.string())
        else:
            found[HEALTH + name] = column(values, pa.float64())
    return found


def _kinds(figures: Mapping[str, Sequence[Any]]) -> dict[str, bool]:
    return {name: str in set(map(type, values)) for name, values in figures.items()}


def _is_words(values: "pa.Array") -> bool:
    return hasattr(values, "dictionary") or str(values.type).endswith("string")


def _distinct(values: Iterable[Mapping[str, JSON]]) -> tuple[IntArray, list[Any]]:
    """Codes of mappings that exist already, told apart by what they hold."""
    places: dict[str, int] = {}
    found: list[Any] = []
    codes = []
    for value in values:
        text = repr(sorted(value.items())) if value else ""
        code = places.setdefault(text, len(found))
        if code == len(found):
            found.append(value)
        codes.append(code)
    return np.array(codes, dtype=np.intp), found


def _coded(values: "pa.Array", *, packed: bool) -> tuple[IntArray, list[Any]]:
    encoded = values if hasattr(values, "dictionary") else values.dictionary_encode()
    codes = indices(encoded.indices)
    distinct = encoded.dictionary.to_pylist()
    if not packed:
        return codes, distinct
    return codes, [orjson.loads(text) if text else {} for text in distinct]


def _whole(columns: Mapping[str, "pa.ChunkedArray"]) -> dict[str, "pa.Array"]:
    """Columns in one chunk each; `answer` stays in as many as its text needs."""
    import pyarrow as pa

    found: dict[str, pa.Array] = {}
    for name, values in columns.items():
        if name == "answer":
            found[name] = values
        elif values.num_chunks == 1:
            found[name] = values.chunk(0)
        elif values.num_chunks:
            found[name] = pa.concat_arrays(values.unify_dictionaries().chunks)
        else:
            found[name] = values.combine_chunks()
    return found


def positions(values: IntArray) -> "pa.Array":
    """Positions as Arrow takes them; -1 is null."""
    import pyarrow as pa

    whole = np.ascontiguousarray(values, dtype=np.int64)
    known = None if not (whole < 0).any() else np.packbits(whole >= 0, bitorder="little")
    valid = None if known is None else pa.py_buffer(known)
    return pa.Array.from_buffers(pa.int64(), whole.size, [valid, pa.py_buffer(whole)])


def indices(values: "pa.Array") -> IntArray:
    """Arrow's 32-bit positions as numpy's; null is -1."""
    return _numbers(values, np.int32, -1).astype(np.intp)


def _valid(values: "pa.Array") -> NDArray[np.bool_]:
    """Where a column is not null, shape (n,)."""
    nulls = values.is_null(nan_is_null=False)
    bits = np.frombuffer(nulls.buffers()[1], dtype=np.uint8)
    found = np.unpackbits(bits, bitorder="little")[nulls.offset : nulls.offset + len(nulls)]
    valid: NDArray[np.bool_] = found == 0
    return valid


def _numbers(values: "pa.Array", kind: type, nothing: float) -> NDArray[Any]:
    """Numbers out of Arrow's buffer: its own `to_numpy` would import pandas."""
    filled = values.fill_null(nothing)
    size = np.dtype(kind).itemsize
    found: NDArray[Any] = np.frombuffer(
        filled.buffers()[1], dtype=kind, count=len(filled), offset=filled.offset * size
    )
    return found
