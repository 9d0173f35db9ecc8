"""Rows -> samples: ids that hash the content, keys, clusters, slices and drawn examples."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import orjson

from evalsuite import parse, prompt, source
from evalsuite.errors import SourceError, TaskError
from evalsuite.source import Place, Row
from evalsuite.task.reading import field
from evalsuite.types import ASKED, JSON, Fewshot, Sample, Task

# Made once: `json.dumps` makes one for every row, which takes as long as to write a short row.
_ENCODER = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
)
_ALIKE = frozenset((str, int, bool, type(None)))  # orjson writes them as `json` does
SHOTS = "_shots"  # input that holds the examples drawn for a sample; no part of its id


def samples(
    task: Task,
    *,
    data: Path | None = None,
    offline: bool = False,
    limit: int | None = None,
    level: int | None = None,
    rows_seed: str | None = None,
) -> list[Sample]:
    """Load a task's samples, in source order; see `stream`."""
    return list(
        stream(task, data=data, offline=offline, limit=limit, level=level, rows_seed=rows_seed)
    )


def stream(
    task: Task,
    *,
    data: Path | None = None,
    offline: bool = False,
    limit: int | None = None,
    level: int | None = None,
    rows_seed: str | None = None,
) -> Iterator[Sample]:
    """Load a task's samples one by one, in source order.

    Args:
        task: the task.
        data: folder in which Hub sets are looked for first (see `source.staged`).
        offline: refuse the network.
        limit: at most so many; of a generator exactly so many, whatever its `count`.
        level: of a generator, instead of the task's; other sources have no levels.
        rows_seed: of a generator, instead of the task's.

    Raises:
        SourceError: the rows cannot be loaded, or there are none.
        TaskError: a template fails on a row (file, line and row named).
    """
    task = _with_rows(task, level=level, rows_seed=rows_seed, count=limit)
    place = Place(task=task.name, folder=task.path.parent, data=data, offline=offline)
    if task.harness is not None:
        return _numbered(_harnessed(task, place, limit))
    # With a filter the first rows may not be enough; a generator makes its count and no more.
    enough = None if task.source.select is not None else limit
    rows = _counted(task, source.stream(task.source, place, count=enough))
    if task.source.select is not None:
        rows = _chosen(task, rows)
    target = field(task, ("target",))
    found = (_sample(task, target, item) for item in islice(rows, limit))
    return _with_shots(task, _numbered(found), place)


def _chosen(task: Task, rows: Iterable["_Item"]) -> Iterator["_Item"]:
    """The rows that `source.select` keeps.

    Raises:
        SourceError: it keeps none.
    """
    found = False
    for item in rows:
        if _selected(task, item):
            found = True
            yield item
    if not found:
        raise SourceError(f"{task.name}: source.select leaves no rows")


def rows_hash(samples: Sequence[Sample]) -> str:
    """Hash (16 hex digits) of what is asked: ids in order, and the examples drawn for them."""
    found = hashlib.blake2b(digest_size=8)
    for sample in samples:
        found.update(sample.id.encode() + b"\n")
        for name in (SHOTS, ASKED):
            if name in sample.inputs:
                found.update(_canonical(sample.inputs[name]) + b"\n")
    return found.hexdigest()


def content_hash(inputs: Mapping[str, JSON], target: JSON) -> str:
    """Hash (16 hex digits) of a row and its target, whatever the order of the row's fields."""
    content = _content({"inputs": inputs, "target": target})
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _content(content: Mapping[str, JSON]) -> bytes:
    """What `_canonical` gives, in a tenth of the time for a row of texts and whole numbers."""
    inputs, target = content["inputs"], content["target"]
    if type(target) in _ALIKE and _ALIKE.issuperset(map(type, inputs.values())):
        try:
            return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # half a surrogate pair, or more than 64 bits
            return _canonical(content)
    return _canonical(content)


def _canonical(value: JSON) -> bytes:
    """The same bytes for equal JSON, however it is spelt."""
    # JSON may hold half a surrogate pair.
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


def _with_rows(
    task: Task, *, level: int | None, rows_seed: str | None, count: int | None
) -> Task:
    """The task with what the command line says about generated rows."""
    if task.source.rows is None:
        return task
    made = replace(
        task.source,
        level=task.source.level if level is None else level,
        seed=task.source.seed if rows_seed is None else rows_seed,
        count=task.source.count if count is None or task.source.select else count,
    )
    return replace(task, source=made)


class _Item(NamedTuple):
    """A row and its numbers, from 0."""

    row: Row
    number: int  # in the source
    within: int  # in its own configuration, where there are several


def _counted(task: Task, rows: Iterable[Row]) -> Iterator[_Item]:
    """Number the rows. Translations of one question have the same number in their language."""
    several = _several(task)
    seen: Counter[JSON] = Counter()
    for number, row in enumerate(rows):
        within = seen[row["config"]] if several else number
        yield _Item(row=row, number=number, within=within)
        if several:
            seen[row["config"]] += 1


def _several(task: Task) -> bool:
    """Whether rows come from several configurations, each row naming its own."""
    return "," in (task.source.config or "")


def _selected(task: Task, item: _Item) -> bool:
    try:
        return bool(prompt.value(field(task, ("source", "select")), item.row))
    except TaskError as failure:
        raise TaskError(f"{failure} (row {item.number})") from None


def _sample(task: Task, target: prompt.Field, item: _Item) -> Sample:
    """Build one sample. Key, cluster and slices may also use `target` and `number`.

    Where nothing is shared a sample is its own cluster.
    """
    try:
        right = prompt.value(target, item.row)
    except TaskError as failure:
        raise TaskError(f"{failure} (row {item.number})") from None
    return _built(task, item, right)


def _harnessed(task: Task, place: Place, limit: int | None) -> Iterator[Sample]:
    """The samples of a task of lm-eval; of a group each has the slice `task`."""
    from evalsuite.task import harnessed

    several = len(harnessed.suite(task).members) > 1
    found = harnessed.documents(task, place, limit)
    for number, (row, target, asked) in enumerate(found):
        sample = _built(task, _Item(row=row, number=number, within=number), target)
        stratum = {"task": str(asked["task"])} if several else {}
        yield replace(
            sample,
            inputs={**row, ASKED: asked},
            tags={**stratum, **sample.tags},
        )


def _built(task: Task, item: "_Item", target: JSON) -> Sample:
    """The sample of a row whose target is known."""
    row, number = item.row, item.number
    try:
        around = {"target": target, "number": item.within, **row}
        name, cluster = content_hash(row, target), ""
        if task.cluster is not None:
            cluster = prompt.text(field(task, ("cluster",)), around)
        return Sample(
            id=name,
            key=str(number) if task.key is None else prompt.text(field(task, ("key",)), around),
            inputs=row,
            target=target,
            cluster=cluster or name,
            tags={
                key: prompt.text(field(task, ("slices", key)), around) for key in task.slices
            },
        )
    except TaskError as failure:
        raise TaskError(f"{failure} (row {number})") from None
    except (TypeError, ValueError) as failure:
        at = prompt.locate(task.path, ("target",))
        raise TaskError(f"{at}: target: not JSON: {failure} (row {number})") from None


def _numbered(found: Iterable[Sample]) -> Iterator[Sample]:
    """Tell exact duplicates apart; one that is its own cluster stays so."""
    seen: set[int] = set()
    again: dict[int, int] = {}
    for sample in found:
        number = int(sample.id, 16)
        if number not in seen:
            seen.add(number)
            yield sample
            continue
        again[number] = again.get(number, 1) + 1
        name = f"{sample.id}-{again[number]}"
        cluster = name if sample.cluster == sample.id else sample.cluster
        yield replace(sample, id=name, cluster=cluster)


# --- examples ----------------------------------------------------------------------------


def _with_shots(task: Task, found: Iterable[Sample], place: Place) -> Iterator[Sample]:
    """Put examples drawn from a split into each sample, so that an episode needs no source."""
    shots = task.fewshot
    if shots is None or shots.split is None or shots.count == 0:
        yield from found
        return
    # One more than is needed for each question that may stand among its own examples.
    rows = source.shots(task.source, place, shots.split, shots.count + 8)
    pools: dict[tuple[str, str], list[Mapping[str, JSON]]] = {}
    for row in _ordered(shots, rows):
        pools.setdefault(_pool(task, row), []).append(example(task, row))
    for sample in found:
        drawn = choose(task, sample, pools.get(_pool(task, sample.inputs), []))
        yield replace(sample, inputs={**sample.inputs, SHOTS: drawn})


def _pool(task: Task, row: Mapping[str, JSON]) -> tuple[str, str]:
    """What a row and its examples have in common: the configuration, and what `same` gives."""
    config = str(row["config"]) if _several(task) else ""
    if task.fewshot is None or task.fewshot.same is None:
        return config, ""
    return config, prompt.text(field(task, ("fewshot", "same")), row)


def _ordered(shots: Fewshot, rows: Sequence[Row]) -> list[Row]:
    """The rows as they are, or in an order drawn by the seed (the same on every machine)."""
    if shots.first:
        return list(rows)
    return sorted(rows, key=lambda row: content_hash({"seed": shots.seed, "row": row}, None))


def example(task: Task, row: Row) -> dict[str, JSON]:
    """Render a row as a solved example: `prompt` and `answer`, both text.

    Raises:
        TaskError: a template fails on the row.
    """
    asked = prompt.text(field(task, ("prompt",)), row)
    where: parse.Where = ("target",)
    if task.fewshot is not None and task.fewshot.answer is not None:
        where = ("fewshot", "answer")
        row = {"target": prompt.value(field(task, ("target",)), row), **row}
    return {"prompt": asked, "answer": prompt.text(field(task, where), row)}


def choose(
    task: Task, sample: Sample, pool: Sequence[Mapping[str, JSON]]
) -> list[Mapping[str, JSON]]:
    """The first `count` examples of the pool that are not the question itself.

    Raises:
        SourceError: the pool is too small.
    """
    count = task.fewshot.count if task.fewshot else 0
    asked = prompt.text(field(task, ("prompt",)), sample.inputs)
    chosen: list[Mapping[str, JSON]] = []
    for shot in pool:
        if len(chosen) == count:
            break
        if shot["prompt"] != asked:
            chosen.append(shot)
    if len(chosen) < count:
        at = prompt.locate(task.path, ("fewshot", "count"))
        raise SourceError(
            f"{at}: fewshot.count: expected at most {len(chosen)} examples, found {count}"
        )
    return chosen
