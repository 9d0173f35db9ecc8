"""Values of which only the first stay in memory: put in one by one, read back one by one."""

import errno
import os
import tempfile
from array import array
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

from evalsuite.errors import IncompleteError

T = TypeVar("T")


class Spool(Sequence[T], Generic[T]):
    """A sequence in a file without a name, gone with the process; 8 bytes of memory a value.

    One thread puts values in; any thread may read those that are in.

    Args:
        encode: a value as bytes.
        decode: the bytes as a value again.
        keep: how many values stay in memory, the first ones; the file is for those after them.
    """

    def __init__(
        self, encode: Callable[[T], bytes], decode: Callable[[bytes], T], *, keep: int = 0
    ) -> None:
        self._encode, self._decode = encode, decode
        self._keep, self._kept = keep, list[T]()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the spool is
        self._ends = array("Q", (0,))
        self._written = 0  # values that reached the file; the others are in its buffer

    def append(self, value: T) -> None:
        """Put a value at the end.

        Raises:
            IncompleteError: the disk is full.
        """
        if len(self._kept) < self._keep:
            self._kept.append(value)
            return
        data = self._encode(value)
        try:
            self._file.write(data)
        except OSError as error:
            raise _full(error) from None
        self._ends.append(self._ends[-1] + len(data))

    def __len__(self) -> int:
        return len(self._kept) + len(self._ends) - 1

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> list[T]: ...

    def __getitem__(self, at: int | slice) -> T | list[T]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        kept = len(self._kept)
        if 0 <= at < kept:
            return self._kept[at]
        at = range(len(self))[at]
        return self._kept[at] if at < kept else self._decode(self._read(at - kept))

    def _read(self, at: int) -> bytes:
        """The bytes of one value of the file."""
        if at >= self._written:
            try:
                self._file.flush()
            except OSError as error:
                raise _full(error) from None
            self._written = len(self._ends) - 1
        first = self._ends[at]
        return os.pread(self._file.fileno(), self._ends[at + 1] - first, first)


class Picked(Sequence[T], Generic[T]):
    """The values of a spool at some places, in the order of these.

    Args:
        spool: whose values.
        places: their numbers, an `array("Q")`.
    """

    def __init__(self, spool: Spool[T], places: "array[int]") -> None:
        self._spool, self._places = spool, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> list[T]: ...

    def __getitem__(self, at: int | slice) -> T | list[T]:
        if isinstance(at, slice):
            return [self._spool[place] for place in self._places[at]]
        return self._spool[self._places[at]]


def _full(error: OSError) -> IncompleteError:
    why = os.strerror(error.errno or errno.EIO)
    return IncompleteError(
        f"cannot write to {tempfile.gettempdir()} ({why}). Nothing finished is lost: make "
        "room, or name another place by TMPDIR, and run the same command to go on."
    )
