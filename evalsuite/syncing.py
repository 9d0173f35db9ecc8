"""What is appended to a file, forced to the disk beside the work that goes on appending."""

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

_EARLY = 0.75  # share of the records that may be behind at which forcing begins


def force(path: Path) -> None:
    """Force a file to the disk, and wait for it.

    Raises:
        OSError: the disk is full or broken.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def force_names(folder: Path) -> None:
    """Force the names of what is in a folder to the disk, on file systems that do that."""
    with suppress(OSError):
        force(folder)


class Syncing:
    """Forces a file to the disk every so many records or seconds, in a thread of its own.

    An fsync takes milliseconds, on a busy disk many; nothing waits for it unless as many
    records are behind as may be.

    Args:
        descriptor: the file's, open for writing; it stays the caller's.
        most: records that may be written and not on the disk; 1: each is forced at once.
        seconds: for which they may be.
    """

    def __init__(self, descriptor: int, *, most: int, seconds: float) -> None:
        self._descriptor, self._most, self._seconds = descriptor, most, seconds
        self._written = self._safe = self._asked = 0  # records: so far, on the disk, soon there
        self._at = time.monotonic()  # when forcing began last
        self._going: Future[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    def wrote(self) -> None:
        """Note a record, and force what is due.

        Raises:
            OSError: the disk is full or broken.
        """
        self._written += 1
        self.if_due()

    def if_due(self) -> None:
        """Begin to force what is due; wait where more is behind than may be.

        Raises:
            OSError: as `wrote`.
        """
        if self._going is not None and self._going.done():
            self._landed(self._going)
        behind = self._written - self._safe
        if behind >= self._most:
            self.now()
        elif behind and self._going is None:
            late = time.monotonic() - self._at >= self._seconds
            if late or behind >= _EARLY * self._most:
                self._begin()

    def now(self) -> None:
        """Force everything noted so far, and wait for it.

        Raises:
            OSError: as `wrote`.
        """
        if self._going is not None:
            self._landed(self._going)
        self._at = time.monotonic()
        os.fsync(self._descriptor)
        self._safe = self._written

    def close(self) -> None:
        """End the thread; what it does is waited for."""
        if self._thread is not None:
            self._thread.shutdown()

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="fsync")
        self._asked, self._at = self._written, time.monotonic()
        self._going = self._thread.submit(os.fsync, self._descriptor)

    def _landed(self, going: Future[None]) -> None:
        self._going = None
        going.result()
        self._safe = self._asked
