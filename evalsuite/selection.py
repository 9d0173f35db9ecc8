"""Which tasks, which of their rows, and in which order: the work of a run."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from operator import add
from pathlib import Path

from evalsuite import bucket, expression, order, paths, shards, task
from evalsuite.begun import Begun, begin
from evalsuite.episode import State, Waiting
from evalsuite.errors import SourceError, TaskError, UsageError, nearest
from evalsuite.shards import Shard
from evalsuite.shelf import Shelf
from evalsuite.types import JSON, Bucket, Item, Plan, Sample, Source, Task

VARIANT = "variant"  # tag of another form of a task: run where it is named, or by this tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which tasks and which of their rows."""

    buckets: tuple[str, ...] = ()  # empty: all
    tasks: tuple[str, ...] = ()  # empty: all
    tags: tuple[str, ...] = ()  # only tasks that have one of these; empty: all
    tasks_dir: Path | None = None
    buckets_dir: Path | None = None
    data: Path | None = None
    offline: bool = False
    limit: int | None = None  # samples a task
    where: str | None = None  # expression over a row's fields: others are left out
    level: int | None = None  # of fresh tasks; None: the task file's
    rows_seed: str | None = None
    seed: int = 0  # of sampling
    repeats: int | None = None  # answers a sample; None: the task file's
    max_tokens: int | None = None  # of every answer; None: the task file's
    protocol: Mapping[str, JSON] = field(default_factory=dict)  # keys of `task.protocol`
    shard: Shard | None = None  # one part of all that; None: the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was selected: buckets with their tasks, and each task's samples."""

    buckets: tuple[Bucket, ...]
    samples: Mapping[str, tuple[Sample, ...]]  # by task name
    sizes: Mapping[str, Sequence[int]]  # bytes of each sample's first prompt, at least
    plan: Plan
    hints: order.Hints = field(default_factory=order.Hints)
    begun: Begun = field(default_factory=Begun)  # episodes whose first prompt is rendered
    shard: Mapping[str, JSON] | None = None  # what the manifest says of a part and its whole


def options(chosen: Selection) -> dict[str, JSON]:
    """What a selection was told that the rest of a manifest does not say, by option."""
    told: dict[str, JSON] = {
        "tasks": chosen.tasks_dir,
        "buckets": chosen.buckets_dir,
        "data": chosen.data,
        "offline": chosen.offline or None,
        "limit": chosen.limit,
        "where": chosen.where,
        "max_tokens": chosen.max_tokens,
        **chosen.protocol,
    }
    told["stream"] = told.get("stream") or None  # its switch has no other side
    folders = ("tasks", "buckets", "data")
    return {
        key: str(value) if key in folders else value
        for key, value in told.items()
        if value is not None
    }


def select(chosen: Selection) -> tuple[Bucket, ...]:
    """The buckets and tasks that a selection names.

    Raises:
        UsageError, TaskError: an unknown name (with the nearest one), a wrong file, or
            nothing is selected.
    """
    trees = _both(paths.tasks(), chosen.tasks_dir)
    folders = _both(paths.buckets(), chosen.buckets_dir)
    found = bucket.load_named(trees, folders, chosen.buckets, chosen.tasks)
    if not found:
        raise UsageError(
            f"no task is selected: there is none in {' or '.join(map(str, trees))} "
            f"for the bucket {' or '.join(chosen.buckets)}"
        )
    found = _without_variants(found, chosen)
    return _tagged(found, chosen.tags) if chosen.tags else found


def _without_variants(found: Sequence[Bucket], chosen: Selection) -> tuple[Bucket, ...]:
    """Leave out other forms of a task that is there too, unless they are asked for by name.

    A bucket in which GSM8K stands three times would weigh it three times.
    """
    if VARIANT in chosen.tags:
        return tuple(found)
    named = {name.rpartition("/")[2] for name in chosen.tasks}
    kept = (
        replace(
            entry,
            tasks=tuple(
                item for item in entry.tasks if VARIANT not in item.tags or item.name in named
            ),
        )
        for entry in found
    )
    return tuple(entry for entry in kept if entry.tasks)


def _tagged(found: Sequence[Bucket], tags: Sequence[str]) -> tuple[Bucket, ...]:
    """The tasks that have one of these tags; buckets without one are left out.

    Raises:
        UsageError: no task has a tag, with the nearest one.
    """
    known = {tag for entry in found for item in entry.tasks for tag in item.tags}
    for tag in tags:
        if tag not in known:
            raise UsageError(
                f"--tag: no selected task has the tag '{tag}'.{nearest(tag, known)}"
            )
    kept = [
        replace(entry, tasks=tuple(item for item in entry.tasks if set(item.tags) & set(tags)))
        for entry in found
    ]
    return tuple(entry for entry in kept if entry.tasks)


def _both(shipped: Path, private: Path | None) -> list[Path]:
    """The shipped folder and a private one beside it, where that is another."""
    if private is None or private.resolve() == shipped.resolve():
        return [shipped]
    return [shipped, private]


def prepare(chosen: Selection, found: Sequence[Bucket] | None = None) -> Work:
    """Load the rows of every selected task and plan the work.

    Scorers are resolved and every first prompt is rendered here: a wrong task is refused
    before a server is started for it, not after an hour of asking.

    Args:
        chosen: what is selected.
        found: what `select` gives for it, where that has been called already.

    Raises:
        SourceError: a task has no rows, or they cannot be loaded.
        TaskError: a scorer is not there, or a template fails on a row.
        UsageError: the shard that is asked for holds no sample.
    """
    buckets = tuple(
        replace(entry, tasks=tuple(_adjusted(item, chosen) for item in entry.tasks))
        for entry in (select(chosen) if found is None else found)
    )
    every = [item for entry in buckets for item in entry.tasks]
    for item in every:
        task.scorer(item)
    kept, begun = Shelf(), Begun()
    samples, sizes, sketches = {}, {}, {}
    for item in every:
        rows: list[Sample] = []
        sizes[item.name] = array("q")
        drawn = sketches[item.name] = dict[str, order.Sketch]()
        for sample in _rows(item, chosen, every):
            started = begin(item, sample)
            size, drawn[sample.id] = _first_prompt(item, sample, started[1])
            sizes[item.name].append(size)
            rows.append(_put(item, sample, kept))
            if rows[-1] is sample:  # else the episode would hold in memory what is on disk
                begun.keep(item, sample, started, size)
        samples[item.name] = tuple(rows)
    blocks = {}
    for entry in buckets:
        items = [
            Item(task=item, sample=sample, repeat=repeat)
            for item in entry.tasks
            for sample in samples[item.name]
            for repeat in range(chosen.repeats or item.repeats)
        ]
        blocks[entry.name] = (tuple(items),)
    work = Work(
        buckets=buckets,
        samples=samples,
        sizes=sizes,
        plan=Plan(blocks=blocks, seed=chosen.seed),
        hints=order.Hints(sketches=sketches),
        begun=begun,
    )
    return work if chosen.shard is None else _part(work, chosen.shard)


def asked(work: Work) -> Work:
    """The work without what is of use only until it is asked: 12 MB of 100,000 samples."""
    return replace(work, hints=order.Hints(), begun=Begun())


def _part(work: Work, shard: Shard) -> Work:
    """One part of the work, drawn by hash."""
    kept = {name: [shard.holds(one) for one in found] for name, found in work.samples.items()}
    return replace(
        work,
        samples={n: tuple(compress(found, kept[n])) for n, found in work.samples.items()},
        sizes={n: tuple(compress(found, kept[n])) for n, found in work.sizes.items()},
        plan=shards.cut(work.plan, shard),
        shard=shards.facts(work.samples, shard),
    )


def drawn_from(item: Task, chosen: Selection) -> Source:
    """The source of a task's rows with what a selection says of rows.

    Raises:
        UsageError: the task cannot leave out rows.
    """
    source = item.source
    if chosen.where is not None:
        source = replace(source, select=_both_hold(item, chosen.where))
    if source.rows is None:
        return source
    level = source.level if chosen.level is None else chosen.level
    return replace(source, level=level, seed=chosen.rows_seed or source.seed)


def _both_hold(item: Task, where: str) -> str:
    """The task's own `source.select` and `--where` as one expression."""
    if item.harness is not None:
        raise UsageError(f"--where: {item.name} is a task of lm-eval, which picks its own rows")
    own = (item.source.select or "").strip().removeprefix("{{").removesuffix("}}").strip()
    if "{" in own:
        raise UsageError(f"--where: {item.name} selects its rows by a template already")
    return f"({own}) and ({where})" if own else where


def _adjusted(item: Task, chosen: Selection) -> Task:
    """A task with what a selection says of all of them."""
    if chosen.max_tokens is not None:
        item = replace(item, sampling=replace(item.sampling, max_tokens=chosen.max_tokens))
    return task.with_protocol(item, chosen.protocol) if chosen.protocol else item


def _rows(item: Task, chosen: Selection, every: Sequence[Task]) -> Iterator[Sample]:
    if chosen.where is not None:
        item = replace(item, source=replace(item.source, select=_both_hold(item, chosen.where)))
    try:
        yield from task.stream(
            item,
            data=chosen.data,
            offline=chosen.offline,
            limit=chosen.limit,
            level=chosen.level,
            rows_seed=chosen.rows_seed,
        )
    except (SourceError, TaskError) as error:
        _, mentioned, said = str(error).partition("source.select")
        if chosen.where is not None and mentioned:
            said = expression.plainly(said.removeprefix(":").strip())
            raise UsageError(f"--where, on {item.name}: {said}") from None
        if item.source.hf is None or isinstance(error, TaskError):
            raise
        raise SourceError(f"task {item.name}: {error}.{_without_hub(every)}") from None


def _put(item: Task, sample: Sample, kept: Shelf) -> Sample:
    """Keep a sample for the run.

    Raises:
        SourceError: it holds what can be neither sent nor kept: half a surrogate pair, say, or
            a number of more than 64 bits.
    """
    try:
        return kept.put(sample)
    except TypeError as error:
        raise SourceError(f"{item.path}: row {sample.key} is no JSON text: {error}") from None


def _without_hub(every: Sequence[Task]) -> str:
    """Which selected tasks come from the Hub, and the flag that leaves them out."""
    names = ", ".join(item.name for item in every if item.source.hf)
    return f" From the Hub: {names}; --tag fresh runs tasks that need no download"


def _first_prompt(item: Task, sample: Sample, state: State) -> tuple[int, order.Sketch]:
    """Bytes of a sample's longest first prompt (a token is at least one), and its sketch.

    Raises:
        SourceError: the row holds what cannot be sent: half a surrogate pair, say.
    """
    requests = state.requests if isinstance(state, Waiting) else ()
    if not requests:
        return 0, b""
    try:
        prompts = [order.rendered(request) for request in requests]
        more = [len(request.continuation.encode()) for request in requests]
        return max(map(add, map(len, prompts), more)), order.sketch(prompts[0])
    except (TypeError, UnicodeEncodeError) as error:
        raise SourceError(f"{item.path}: row {sample.key} is no JSON text: {error}") from None
