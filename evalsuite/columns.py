"""Arrow columns of Python values, made without pandas.

`pyarrow.array` of a list imports pandas where it is installed, to see whether the list is a
series: 0.2 s and 45 MB of every process that writes a table.
"""

import os
from array import array
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_BLAS_THREADS = "OPENBLAS_NUM_THREADS"
_ROWS = 4096  # of a chunk, whose text may be 2 GB at most


def import_numpy() -> None:
    """Import numpy, which Arrow comes with, without the threads of its BLAS.

    Starting those takes longer (50 ms of CPU on two cores) than all that a run computes. The
    environment, which processes started later inherit, is left as it was.
    """
    given = os.environ.get(_BLAS_THREADS)
    os.environ.setdefault(_BLAS_THREADS, "1")
    try:
        import numpy  # noqa: F401
    finally:
        if given is None:
            del os.environ[_BLAS_THREADS]


def column(values: Sequence[Any], kind: "pa.DataType") -> "pa.ChunkedArray":
    """A column; None is null.

    Args:
        values: all texts (or all their UTF-8), all whole numbers, or all numbers, by `kind`.
        kind: string, int64 or float64.

    Raises:
        TypeError: a value is of another kind.
        OverflowError: a number of more than 64 bits, or more than 2 GB of text in 4,096 rows.
    """
    import pyarrow as pa

    parts = (values[at : at + _ROWS] for at in range(0, len(values), _ROWS))
    return pa.chunked_array([_packed(part, kind) for part in parts], kind)


def _packed(values: Sequence[Any], kind: "pa.DataType") -> "pa.Array":
    """One chunk in Arrow's own layout: validity bits, then ends and text, or numbers."""
    import numpy as np
    import pyarrow as pa

    if len(values) > 1 and values[0] == values[-1] and values.count(values[0]) == len(values):
        # So are most columns: a run's task, and health figures of what is seldom wrong.
        return pa.repeat(_packed(values[:1], kind)[0], len(values))
    is_text, known = kind == pa.string(), None
    if None in values:
        there = [value is not None for value in values]
        known = pa.py_buffer(np.packbits(there, bitorder="little"))
        one = next((value for value in values if value is not None), "" if is_text else 0)
        nothing = type(one)()
        values = [nothing if value is None else value for value in values]
    parts = _text(values) if is_text else (array("d" if kind == pa.float64() else "q", values),)
    return pa.Array.from_buffers(kind, len(values), [known, *map(pa.py_buffer, parts)])


def _text(values: Sequence[Any]) -> "tuple[NDArray[np.int32], bytes]":
    """Where each text ends, and all of them, in UTF-8.

    Half a surrogate pair is no text in any encoding: it becomes a question mark.
    """
    import numpy as np

    if not isinstance(values[0], str):
        whole = b"".join(values)
    elif (text := "".join(values)).isascii():
        whole = text.encode()
    else:
        values = [value.encode(errors="replace") for value in values]
        whole = b"".join(values)
    if len(whole) >= 2**31:
        raise OverflowError(f"{len(whole):,} bytes of text in a chunk")
    ends = np.zeros(len(values) + 1, np.int32)
    np.fromiter(map(len, values), np.int32, len(values)).cumsum(out=ends[1:])
    return ends, whole


def by_key(rows: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
    """Mappings as columns, in the order in which their keys first appear; None where one lacks.

    Args:
        rows: none of whose values is None.
    """
    names: dict[str, Any] = {}
    for row in rows:
        names.update(row)
    if len(names) > 1 and set(map(len, rows)) == {len(names)}:  # each has them all
        return dict(zip(names, zip(*map(itemgetter(*names), rows), strict=True), strict=True))
    return {name: [row.get(name) for row in rows] for name in names}
