"""The shards of a run, made on several machines, as the one run that they are parts of.

Journals are carried over as they are, a segment each; rows and samples are put where they
stand in the whole plan, so that scores and summary are those of the run made in one piece.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import orjson

from evalsuite import conclude, manifest, parser_or_model, raw_texts, store
from evalsuite.errors import IncompleteError, StoreError
from evalsuite.packing import pack
from evalsuite.store import Run
from evalsuite.types import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """An item of the whole plan, and which shard has it."""

    place: int
    task: str
    id: str
    repeat: int
    shard: int  # from 0, in the order of the shards


def merge(
    runs: Sequence[Run],
    folder: Path,
    *,
    path: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Run:
    """Make one run of all shards of a run.

    Args:
        runs: the shards, in any order.
        folder: where runs are kept.
        path: the new run's own folder, new or empty; None: one below `folder`.
        say: told what cannot be known to be equal.

    Returns:
        The run: complete, or incomplete where a shard has answers missing.

    Raises:
        StoreError: a run is no shard, is in two pieces at once, was made differently, or
            cannot be read.
        IncompleteError: a shard is missing, or has not been run to its end.
    """
    parts = _ordered(runs)
    for note in _check_same(parts):
        say(note)
    with ExitStack() as stack:
        for part in parts:
            stack.enter_context(store.lock(part))
        plan = {bucket: _whole(bucket, parts) for bucket in parts[0].manifest["buckets"]}
        run = store.create(folder, _manifest(parts), path=path)
        with store.lock(run):
            return _fill(run, parts, plan)


def _ordered(runs: Sequence[Run]) -> list[Run]:
    """The shards from the first to the last.

    Raises:
        StoreError: a run is no shard, two are the same one, or of other divisions.
        IncompleteError: one is missing, or was stopped before its end.
    """
    for run in runs:
        _check_whole(run)
    first, of = runs[0], _of(runs[0])
    seen: dict[int, Run] = {}
    for run in runs:
        if _of(run) != of:
            raise StoreError(
                f"{run.where} is shard {_name(run)}, {first.where} is {_name(first)}: they are "
                "parts of other divisions"
            )
        twin = seen.setdefault(_index(run), run)
        if twin is not run:
            raise StoreError(f"{twin.where} and {run.where} are both shard {_name(run)}")
    missing = [f"{index}/{of}" for index in range(1, of + 1) if index not in seen]
    if missing:
        raise IncompleteError(
            f"{len(seen)} of {of} shards: {', '.join(missing)} missing. The same command with "
            f"--shard {missing[0]} makes it"
        )
    return [seen[index] for index in range(1, of + 1)]


def _check_whole(run: Run) -> None:
    """Refuse what is no shard, or was not run to its end."""
    if "shard" not in run.manifest:
        raise StoreError(f"{run.where} is no shard: evalsuite run --shard I/N makes one")
    if run.status == "stopped_by_plan":
        raise StoreError(f"{run.where} was stopped by its plan: it is no part of a run")
    if run.status == "running" or not (run.path / "scores.parquet").is_file():
        raise IncompleteError(
            f"{run.where} was not run to its end: run its command again to go on"
        )


def _check_same(parts: Sequence[Run]) -> Iterator[str]:
    """Refuse shards that were made differently.

    Yields:
        What no shard knows, and so cannot be known to be equal.

    Raises:
        StoreError: names the first difference.
    """
    first, others = parts[0], parts[1:]
    for other in others:
        changed = manifest.differing(_alike(first.manifest), _alike(other.manifest))
        if changed:
            key, one, two = changed[0]
            raise StoreError(
                f"cannot merge: {key}: {one} in {first.where}, {two} in {other.where}. "
                "All shards are to be made alike; make one of the two again"
            )
    facts = first.manifest.get("identity", {})
    unknown = [name for name, fact in facts.items() if fact.get("how") == "unknown"]
    if unknown and others:
        yield (
            f"not known in any shard, so not known to be equal: {', '.join(sorted(unknown))} "
            "(--model FOLDER of the served checkpoint tells them)"
        )


def _alike(facts: Mapping[str, JSON]) -> dict[str, JSON]:
    """A shard's manifest with the whole run in place of the shard."""
    whole = facts["shard"]["whole"]
    entries = {name: {**entry, **whole[name]} for name, entry in facts["tasks"].items()}
    rest = {key: value for key, value in facts.items() if key != "shard"}
    return {**rest, "tasks": entries}


def _whole(bucket: str, parts: Sequence[Run]) -> list[_Placed]:
    """The items of a bucket in the order of the whole plan.

    Raises:
        StoreError: an item is in two shards, or in none.
    """
    found = sorted(
        (item for number, part in enumerate(parts) for item in _placed(bucket, part, number)),
        key=lambda item: item.place,
    )
    for one, two in pairwise(found):
        if one.place == two.place:
            raise StoreError(
                f"sample {two.id} of {two.task} is in {parts[one.shard].where} and in "
                f"{parts[two.shard].where}"
            )
    facts = _alike(parts[0].manifest)["tasks"]
    names = parts[0].manifest["buckets"][bucket]["tasks"]
    expected = sum(facts[name]["samples"] * facts[name]["repeats"] for name in names)
    if len(found) != expected:
        raise StoreError(
            f"{bucket}: the shards hold {len(found):,} of {expected:,} items: one is spoilt"
        )
    return found


def _placed(bucket: str, part: Run, number: int) -> Iterator[_Placed]:
    path = part.path / "plan.json"
    try:
        plan = orjson.loads(path.read_bytes())
        items = [item for block in plan["blocks"][bucket] for item in block]
        for place, (name, key, repeat) in zip(plan["places"][bucket], items, strict=True):
            yield _Placed(place=place, task=name, id=key, repeat=int(repeat), shard=number)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None


def _manifest(parts: Sequence[Run]) -> dict[str, JSON]:
    """The whole run's manifest: what the shards share, and where each was made."""
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.manifest["counts"])
    return {
        **_alike(parts[0].manifest),
        "created": min(str(part.manifest["created"]) for part in parts),
        "status": "running",
        "seconds": round(sum(float(part.manifest.get("seconds", 0.0)) for part in parts), 1),
        "counts": dict(counts),
        "shards": [
            {
                "run": part.name,
                "host": part.manifest.get("host", {}).get("name"),
                "server": part.manifest.get("server", {}).get("base_url"),
                "seconds": part.manifest.get("seconds"),
            }
            for part in parts
        ],
    }


def _fill(run: Run, parts: Sequence[Run], plan: Mapping[str, Sequence[_Placed]]) -> Run:
    """Write everything but the manifest; what is left half made can be gone on with."""
    blocks = {
        bucket: [[[item.task, item.id, item.repeat] for item in items]]
        for bucket, items in plan.items()
    }
    store.write_json(run.path / "plan.json", {"seed": run.manifest["seed"], "blocks": blocks})
    every = [item for items in plan.values() for item in items]
    order = dict.fromkeys((item.task, item.id) for item in every)
    store.gather_samples(run, parts, list(order))
    _carry_journals(run, parts)
    scored = [
        {(row.task, row.id, row.repeat): row for row in store.rows(part)} for part in parts
    ]
    try:
        rows = [scored[item.shard][item.task, item.id, item.repeat] for item in every]
    except KeyError as error:
        raise StoreError(f"no shard has scores of {error}: score it again") from None
    journal = store.journal(run)
    try:
        lost = parser_or_model.joined(parser_or_model.stated(part.path) for part in parts)
        return conclude.conclude(run, rows, journal.index, pack(lost))
    finally:
        journal.close()


def _carry_journals(run: Run, parts: Sequence[Run]) -> None:
    folder = run.path / "journal"
    segments = [path for part in parts for path in store.journal(part).segments()]
    try:
        folder.mkdir()
        for number, path in enumerate(segments, 1):
            shutil.copyfile(path, folder / f"{number:04d}.jsonl")
        texts = [part.path / raw_texts.FILE for part in parts]
        told = [path.read_bytes() for path in texts if path.is_file()]
        if told:
            (run.path / raw_texts.FILE).write_bytes(b"\n".join(told))
    except OSError as error:
        raise IncompleteError(f"cannot write {folder}: {error.strerror}") from None


def _index(run: Run) -> int:
    return int(run.manifest["shard"]["index"])


def _of(run: Run) -> int:
    return int(run.manifest["shard"]["of"])


def _name(run: Run) -> str:
    return f"{_index(run)}/{_of(run)}"
