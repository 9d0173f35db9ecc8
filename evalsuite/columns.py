"""Arrow columns of Python values, made without pandas.

`pyarrow.array` of a list imports pandas where it is installed, to see whether the list is a
series: 0.2 s and 45 MB of every process that writes a table.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 4096  # of a chunk, whose text may be 2 GB at most


def column(values: Sequence[Any], kind: "pa.DataType") -> "pa.ChunkedArray":
    """A column; None is null.

    Args:
        values: all texts, all whole numbers, or all numbers, by `kind`.
        kind: string, int64 or float64.

    Raises:
        TypeError, AttributeError: a value is of another kind.
        OverflowError: a number of more than 64 bits, or more than 2 GB of text in 4,096 rows.
    """
    import pyarrow as pa

    parts = (values[at : at + _ROWS] for at in range(0, len(values), _ROWS))
    return pa.chunked_array([_packed(part, kind) for part in parts], kind)


def _packed(values: Sequence[Any], kind: "pa.DataType") -> "pa.Array":
    """One chunk in Arrow's own layout: validity bits, then ends and text, or numbers."""
    import pyarrow as pa

    known = sum((value is not None) << at for at, value in enumerate(values))
    parts: list[Any] = [known.to_bytes(len(values) // 8 + 1, "little")]
    if kind == pa.string():
        # Half a surrogate pair is no text in any encoding: it becomes a question mark.
        texts = [b"" if value is None else value.encode(errors="replace") for value in values]
        parts += [array("i", accumulate(map(len, texts), initial=0)), b"".join(texts)]
    else:
        code = "d" if kind == pa.float64() else "q"
        parts.append(array(code, [0 if value is None else value for value in values]))
    return pa.Array.from_buffers(kind, len(values), [pa.py_buffer(part) for part in parts])
