"""The journal of a run: facts, appended. One line a response, one segment a process.

A record is written with one `write`, so a killed process tears at most its last line. A torn
line is skipped and reported, never cut. The first success of a key wins; a failure is
superseded by any later record. Resuming opens a new segment and never touches an old one.
"""

import errno
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from evalsuite.errors import IncompleteError, StoreError
from evalsuite.packing import pack
from evalsuite.syncing import Syncing, force_names
from evalsuite.types import JSON, Request, Response

FSYNC_RECORDS = 256
FSYNC_SECONDS = 1.0


class Key(NamedTuple):
    """What a record answers: one part of one step of one repeat of a sample."""

    task: str
    id: str
    repeat: int
    step: int
    part: int
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of the journal. `digest` is of the request body, seed included."""

    task: str
    id: str
    repeat: int
    step: int
    part: int
    role: str
    digest: str
    response: Response
    request: Request | None = None
    time: float = 0.0  # seconds since the epoch, at the answer's arrival

    @property
    def key(self) -> Key:
        """The record's key."""
        return _key(self)


class Place(NamedTuple):
    """Where a record is: segment number, byte offset, and whether it is a failure."""

    segment: int
    offset: int
    digest: str
    failed: bool


_PLACE = struct.Struct(">IQB")  # segment, offset, flags; the digest follows
_FAILED, _IN_HEX = 1, 2


class Index(Mapping[Key, Place]):
    """Where the record that counts for a key is, about 160 bytes a key.

    Keys are kept as digests of 16 bytes: a run of a million answers holds no million of
    tuples. Going through the keys reads them from the segments.

    Args:
        journal: whose records these are.
    """

    def __init__(self, journal: "Journal") -> None:
        self._journal = journal
        self._places: dict[bytes, bytes] = {}

    def note(self, key: Key, place: Place) -> bytes:
        """Take a record in, unless the key has a success already; the place that counts.

        Returns:
            It as the bytes that are kept anyway; `unpack` reads them.
        """
        digest = _digest(key)
        known = self._places.get(digest)
        if known is not None and not known[_PLACE.size - 1] & _FAILED:
            return known
        packed = self._places[digest] = _pack_place(place)
        return packed

    def __getitem__(self, key: Key) -> Place:
        return unpack(self._places[_digest(key)])

    def get(self, key: Key, default: Any = None) -> Any:  # noqa: ANN401
        """The place of a key; without an exception inside, for it is asked of every request."""
        packed = self._places.get(_digest(key))
        return default if packed is None else unpack(packed)

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Key]:
        return (self._journal.key(place) for place in self.places())

    def packed(self, key: Key) -> bytes:
        """The place of a key, as `note` gives it."""
        return self._places[_digest(key)]

    def places(self) -> Iterator[Place]:
        """The places in the order in which their keys first appeared."""
        return map(unpack, self._places.values())


@lru_cache(maxsize=4096)  # asked for before a request is sent, and when its answer is kept
def _digest(key: Key) -> bytes:
    task, sample, repeat, step, part, role = key
    text = f"{task}\0{sample}\0{repeat}\0{step}\0{part}\0{role}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _pack_place(place: Place) -> bytes:
    """A place in 29 bytes, where its digest is 32 hex digits as `client.encode` gives."""
    short = _from_hex(place.digest)
    flags = _FAILED * place.failed | _IN_HEX * (short is not None)
    kept = place.digest.encode() if short is None else short
    return _PLACE.pack(place.segment, place.offset, flags) + kept


def _from_hex(digest: str) -> bytes | None:
    """The 16 bytes that are written as these 32 digits; None where it is no such thing."""
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        return None
    return found if len(found) == 16 and found.hex() == digest else None


def unpack(packed: bytes) -> Place:
    """The place that `Index.note` or `Index.packed` gave."""
    segment, offset, flags = _PLACE.unpack_from(packed)
    digest = packed[_PLACE.size :]
    text = digest.hex() if flags & _IN_HEX else digest.decode()
    return Place(segment, offset, text, bool(flags & _FAILED))


class _Head(msgspec.Struct):
    """The part of a record that the index needs; decoding skips the rest."""

    task: str
    id: str
    repeat: int
    step: int
    part: int
    role: str
    digest: str
    response: "_HeadResponse"


class _HeadResponse(msgspec.Struct):
    failure: Any = None


_HEAD = msgspec.json.Decoder(_Head)
_RECORD = msgspec.json.Decoder(Record)
_ENCODE = msgspec.json.Encoder().encode


def _key(head: "_Head | Record") -> Key:
    return Key(head.task, head.id, head.repeat, head.step, head.part, head.role)


class Journal:
    """The journal of one run directory; reading needs no lock, writing needs the run's.

    Args:
        folder: `<run>/journal`, made where it is not there and `write` is true.
        write: open a new segment for appending.
        sync_every: force the records to the disk after so many; 1: each of them.

    Raises:
        StoreError: a line that is not the last of its segment cannot be read.
    """

    def __init__(
        self, folder: Path, *, write: bool = False, sync_every: int = FSYNC_RECORDS
    ) -> None:
        self.folder = folder
        self._sync_every = sync_every
        self.torn: list[str] = []  # "0001.jsonl: last line torn at byte 5120"
        self.index = Index(self)
        self._files: dict[int, int] = {}  # segment -> descriptor for reading
        self._out = -1
        self._broken = 0  # the errno of a write that failed
        self._syncing: Syncing | None = None
        for path in self.segments():
            self._scan(path)
        if write:
            self._open_segment()

    def segments(self) -> list[Path]:
        """The segment files, oldest first."""
        return sorted(self.folder.glob("[0-9]*.jsonl")) if self.folder.is_dir() else []

    def _open_segment(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.segment = 1 + max((int(path.stem) for path in self.segments()), default=0)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND
        self._out = os.open(self.folder / f"{self.segment:04d}.jsonl", flags, 0o644)
        force_names(self.folder)
        force_names(self.folder.parent)
        self._syncing = Syncing(self._out, most=self._sync_every, seconds=FSYNC_SECONDS)
        self._offset = 0

    def _scan(self, path: Path) -> None:
        segment, offset = int(path.stem), 0
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                start, offset = offset, offset + len(line)
                if not line.endswith(b"\n"):
                    self.torn.append(f"{path.name}: last line torn at byte {start}")
                    return
                try:
                    head = _HEAD.decode(line)
                except msgspec.DecodeError as error:
                    raise StoreError(
                        f"{path}:{number}: not a journal record ({error}). "
                        "Restore the file, or start anew with --fresh."
                    ) from None
                failed = head.response.failure is not None
                self.index.note(_key(head), Place(segment, start, head.digest, failed))

    def append(self, record: Record) -> bytes:
        """Write a record and note it; see `write`."""
        return self.write(
            record.key, record.digest, record.response, record.request, record.time
        )

    def write(
        self,
        key: Key,
        digest: str,
        response: Response,
        request: Request | None = None,
        at: float = 0.0,
    ) -> bytes:
        """Write a record, of which these are the parts, and note it.

        It is on the disk within a second or 256 records.

        Returns:
            The place that counts for its key, as `Index.note`.

        Raises:
            IncompleteError: the disk is full; what was written before is intact.
            RuntimeError: the journal is open for reading (a fault of the caller).
        """
        if self._syncing is None:
            raise RuntimeError(f"{self.folder} is open for reading")
        said: JSON = dict(zip(Key._fields, key, strict=True))
        said |= {"digest": digest, "response": pack(response)}
        if request is not None:
            said["request"] = pack(request)
        if at:
            said["time"] = at
        line = _ENCODE(said) + b"\n"
        try:
            if self._broken:  # a line after half a line would spoil the segment
                raise OSError(self._broken, "")
            written = os.write(self._out, line)
            if written != len(line):  # a full disk may take half a line: it reads as torn
                raise OSError(errno.ENOSPC, "short write")
            self._syncing.wrote()
        except OSError as error:
            raise self._full(error) from None
        offset, self._offset = self._offset, self._offset + len(line)
        failed = response.failure is not None
        return self.index.note(key, Place(self.segment, offset, digest, failed))

    def _full(self, error: OSError) -> IncompleteError:
        self._broken = error.errno or errno.EIO
        return IncompleteError(
            f"cannot write {self.folder} ({os.strerror(self._broken)}). "
            "Nothing finished is lost: make room and run the same command to go on."
        )

    def sync_if_due(self) -> None:
        """Begin to force what was written to the disk where it is a second behind.

        Raises:
            IncompleteError: the disk is full or broken.
        """
        if self._syncing is not None:
            try:
                self._syncing.if_due()
            except OSError as error:
                raise self._full(error) from None

    def get(self, key: Key) -> Record | None:
        """The record that counts for a key (perhaps a failure), or None."""
        place = self.index.get(key)
        return None if place is None else self.read(place)

    def read(self, place: Place) -> Record:
        """The record at a place.

        Raises:
            StoreError: what is there is no record.
        """
        found: Record = self._decoded(place, _RECORD)
        return found

    def key(self, place: Place) -> Key:
        """The key of the record at a place.

        Raises:
            StoreError: what is there is no record.
        """
        return _key(self._decoded(place, _HEAD))

    def _decoded(self, place: Place, decoder: msgspec.json.Decoder[Any]) -> Any:  # noqa: ANN401
        descriptor = self._files.get(place.segment)
        if descriptor is None:
            path = self.folder / f"{place.segment:04d}.jsonl"
            descriptor = self._files[place.segment] = os.open(path, os.O_RDONLY)
        try:
            return decoder.decode(_line_at(descriptor, place.offset))
        except msgspec.DecodeError as error:
            at = f"{self.folder / f'{place.segment:04d}.jsonl'}: byte {place.offset}"
            raise StoreError(f"{at}: not a journal record ({error}). Restore it.") from None

    def records(self) -> Iterator[Record]:
        """The records that count, in the order in which their keys first appeared."""
        return map(self.read, self.index.places())

    def close(self) -> None:
        """Sync and close every file.

        Raises:
            IncompleteError: the disk is full or broken.
        """
        for descriptor in self._files.values():
            os.close(descriptor)
        self._files.clear()
        syncing, self._syncing = self._syncing, None
        if syncing is None:
            return
        try:
            syncing.close()
            if not self._broken:
                syncing.now()
        except OSError as error:
            raise self._full(error) from None
        finally:
            os.close(self._out)


def _line_at(descriptor: int, offset: int) -> bytes:
    """The line that starts at a byte offset, its newline left out."""
    chunks, size = [], 16_384
    while True:
        chunk = os.pread(descriptor, size, offset)
        end = chunk.find(b"\n")
        chunks.append(chunk if end < 0 else chunk[:end])
        if end >= 0 or not chunk:
            return b"".join(chunks)
        offset, size = offset + len(chunk), size * 4
