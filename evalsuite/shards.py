"""One of n parts of a run's work, drawn by hash: `--shard 2/4` on four machines.

The same on every machine and in every process. A cluster (samples of one document, say) and
all repeats of a sample are in one part, so a part is a valid run of its own; `merge` makes
one run of all parts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evalsuite import task
from evalsuite.errors import UsageError
from evalsuite.types import JSON, Plan, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Part `index` (from 1) of `of`."""

    index: int
    of: int

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"

    def holds(self, sample: Sample) -> bool:
        """Whether a sample is in this part; its whole cluster is, or is not."""
        name = sample.cluster.encode("utf-8", "surrogatepass")
        drawn = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big")
        return drawn % self.of == self.index - 1


def cut(plan: Plan, shard: Shard) -> Plan:
    """The part of a plan, and where its items stand in the whole one.

    Raises:
        UsageError: the part is empty, or the plan has looks: one needs its whole block.
    """
    blocks, places = {}, {}
    for name, whole in plan.blocks.items():
        if plan.looks is not None or len(whole) > 1:
            raise UsageError(f"--shard {shard}: a run that may stop early is asked whole")
        kept = [
            (place, item)
            for block in whole
            for place, item in enumerate(block)
            if shard.holds(item.sample)
        ]
        blocks[name] = (tuple(item for _, item in kept),)
        places[name] = tuple(place for place, _ in kept)
    if not any(places.values()):
        raise UsageError(f"--shard {shard}: no sample falls into this part: use fewer parts")
    return replace(plan, blocks=blocks, places=places)


def facts(samples: Mapping[str, Sequence[Sample]], shard: Shard) -> dict[str, JSON]:
    """What the manifest of a part says of it and of the whole.

    Args:
        samples: by task, of the whole run.
        shard: the part.
    """
    whole = {name: described(found) for name, found in samples.items()}
    return {"index": shard.index, "of": shard.of, "whole": whole}


def described(samples: Sequence[Sample]) -> dict[str, JSON]:
    """What a manifest says of a task's samples, and what differs from part to part."""
    return {
        "rows_hash": task.rows_hash(samples),
        "samples": len(samples),
        "clusters": len({sample.cluster for sample in samples}),
    }
