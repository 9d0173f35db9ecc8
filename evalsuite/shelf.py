"""Samples of a run: the first megabyte in memory, the rest on disk until they are asked.

A plan of a hundred thousand samples holds what orders and names them; a prompt of 400 bytes,
as the dictionary of a row, would take 1.4 KB each.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from evalsuite.spool import Spool
from evalsuite.types import JSON, Item, Sample

_ROOM = 2**20  # bytes of JSON that stay in memory, three to four times as many there


class Shelved(Sample):
    """A sample whose inputs, target and tags are read from disk each time they are looked at.

    Whoever looks more than once takes the `whole` sample first.
    """

    __slots__ = ("_at", "_spool")
    _at: int
    _spool: Spool[bytes]

    def __init__(self, sample: Sample, spool: Spool[bytes], at: int) -> None:
        for name, value in (("id", sample.id), ("key", sample.key), ("_at", at)):
            object.__setattr__(self, name, value)
        # One text for both where a sample is its own cluster.
        cluster = sample.id if sample.cluster == sample.id else sample.cluster
        object.__setattr__(self, "cluster", cluster)
        object.__setattr__(self, "_spool", spool)

    @property
    def inputs(self) -> Mapping[str, JSON]:
        """The row."""
        return self.whole().inputs

    @property
    def target(self) -> JSON:
        """What is right."""
        return self.whole().target

    @property
    def tags(self) -> Mapping[str, str]:
        """What it is counted by."""
        return self.whole().tags

    def whole(self) -> Sample:
        """The sample, in memory."""
        inputs, target, tags = orjson.loads(self._spool[self._at])
        return Sample(
            id=self.id,
            key=self.key,
            cluster=self.cluster,
            inputs=inputs,
            target=target,
            tags=tags,
        )

    def __eq__(self, other: object) -> bool:
        found = whole_sample(other) if isinstance(other, Sample) else other
        return self.whole() == found

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:  # in another process there is no spool
        return self.whole().__reduce__()  # type: ignore[return-value]


class Shelf:
    """Takes in the samples of a run; see the module.

    Args:
        room: bytes of JSON that may stay in memory.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._spool: Spool[bytes] | None = None

    def put(self, sample: Sample) -> Sample:
        """The sample to work with instead of the one that is given.

        Raises:
            TypeError: it holds what JSON does not (half a surrogate pair, a number of more
                than 64 bits).
            IncompleteError: the disk is full.
        """
        data = orjson.dumps([dict(sample.inputs), sample.target, dict(sample.tags)])
        self._room -= len(data)
        if self._room >= 0:
            return sample
        if self._spool is None:
            self._spool = Spool(bytes, bytes)
        self._spool.append(data)
        return Shelved(sample, self._spool, len(self._spool) - 1)


def whole_sample(sample: Sample) -> Sample:
    """A sample in memory."""
    return sample.whole() if isinstance(sample, Shelved) else sample


def whole(item: Item) -> Item:
    """An item with its sample in memory."""
    if isinstance(item.sample, Shelved):
        return replace(item, sample=item.sample.whole())
    return item
