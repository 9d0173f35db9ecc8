"""The whole verb `run`: serve, check, plan, ask, score, summarise."""

import asyncio
import threading
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalsuite import (
    columns,
    conclude,
    early,
    fits,
    host,
    identity,
    manifest,
    reuse,
    runnable,
    runner,
    selection,
    stall,
    store,
)
from evalsuite.client import Options, Replicas, Retry, pacing, run_async
from evalsuite.desk import Desk
from evalsuite.display import Display
from evalsuite.errors import IncompleteError, StoreError
from evalsuite.host import Ends, Target
from evalsuite.journal import FSYNC_RECORDS, Journal
from evalsuite.packing import pack
from evalsuite.selection import Selection, Work
from evalsuite.types import JSON

if TYPE_CHECKING:
    from evalsuite import looks

_RETRY = Retry(attempts=5, first=0.3)  # then the runner asks whether the server is alive at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How it is run and where it goes."""

    runs: Path
    out: Path | None = None  # the run's own directory
    concurrency: int | None = None  # requests at once; None adapts it
    wait: float = 20.0  # seconds for a server to come back
    stall_after: float = 600.0  # seconds without a token until it is given up; 0: never
    fresh: bool = False
    retry_failed: bool = False  # only what failed in the newest run like this one
    sync_every: int = FSYNC_RECORDS  # answers that a lost disk cache may cost
    against: "looks.Against | None" = None  # gated while it runs


def evaluate(
    target: Target, chosen: Selection, settings: Settings, display: Display
) -> store.Run:
    """Run every selected task against a server and score it; goes on with an unfinished run.

    Returns:
        The run; its status is `complete`, `stopped_by_plan` where a gate ended it early, or
        `incomplete` where answers are missing.

    Raises:
        ComparisonError: it cannot be compared with the baseline that it is run against.
        ServerError: the server cannot be reached, serves another model, died or stalled.
        StoreError: the run to go on with differs, or is in use.
        Interrupted: Ctrl-C; everything answered so far is in the journal.
    """
    # What is cheap to find wrong comes first: names and flags, the place, the server, rows.
    found = selection.select(chosen)
    host.check(target)
    pacing.check(settings.concurrency)
    store.check_place(settings.out or settings.runs, a_run=settings.out is not None)
    _named_run(settings)
    found = runnable.here(target, found, chosen.tasks, display)
    reached = host.reach(target)
    work = selection.prepare(chosen, found)
    runnable.check_scorers(work)
    with host.serving(target, settings.runs, display) as server:
        replicas, served = reached or host.endpoints(server, target)
        ends = host.ends(replicas, served, server, target)
        facts = _facts(target, server, ends) | {"options": selection.options(chosen)}
        if work.shard is not None:
            facts["shard"] = work.shard
        entries = _entries(work, chosen)
        built = manifest.build(replicas[0].model, work.buckets, entries, work.plan, facts)
        old = _to_resume(built, settings)
        if settings.retry_failed and old is not None and old.is_finished:
            display.say(f"nothing failed in {old.path}")
            return old
        if settings.against is not None:
            setting = _setting(settings, old)
            built, work = early.planned(settings.against, built, work, setting, display)
        run = old or store.create(settings.runs, built, path=settings.out)
        with store.lock(run), store.gone_if_refused(run, new=old is None):
            run = early.begun(_begin(run, built, work), ends)
            if old is not None:
                display.say(f"going on with {run.path}")
            host.keep_log(server, run.path)
            doing = _work(run, work, ends, settings, display)
            del work  # it lets go of what only the asking needs
            return run_async(doing)


def _setting(settings: Settings, old: store.Run | None) -> early.Setting:
    """Where a gated run takes place."""
    folders = {settings.runs, *([settings.out.parent] if settings.out else [])}
    return early.Setting(
        folders=frozenset(folders), in_flight=settings.concurrency or pacing.START, old=old
    )


def _facts(target: Target, server: host.Host, ends: Ends) -> dict[str, JSON]:
    """What the manifest says of the servers."""
    facts = manifest.describe_server(ends.endpoints["model"], ends.served, server.checkpoint)
    command = identity.without_secrets(server.command)
    facts["server"] |= {"command": identity.known(list(command) or None)}
    if len(ends.replicas) > 1:
        facts["server"]["base_urls"] = [end.base_url for end in ends.replicas]
    facts["roles"] = {name: dict(spec) for name, spec in target.roles.items()}
    return facts


def _entries(work: Work, chosen: Selection) -> dict[str, JSON]:
    """What the manifest says of each task; its source as it was drawn from."""
    found: dict[str, JSON] = {}
    for item in (item for entry in work.buckets for item in entry.tasks):
        repeats = chosen.repeats or item.repeats
        entry = manifest.task_entry(item, work.samples[item.name], repeats)
        found[item.name] = entry | {
            "source": manifest.spelled(selection.drawn_from(item, chosen))
        }
    return found


def _to_resume(built: Mapping[str, JSON], settings: Settings) -> store.Run | None:
    """The run to go on with, or None where a new one is to be made."""
    if settings.retry_failed:
        return _concluded(built, settings)
    if settings.out is not None:
        return _named_run(settings)
    if settings.fresh:
        return None
    return store.unfinished(settings.runs, built)


def _concluded(built: Mapping[str, JSON], settings: Settings) -> store.Run:
    """The run whose failures are to be asked again: it was asked to its end.

    Raises:
        StoreError: there is none like this one, or it was stopped before its end.
    """
    out = settings.out
    run = store.newest(settings.runs, built) if out is None else store.open_run(out)
    if run is None:
        raise StoreError(
            f"--retry-failed: no run of {built['model']} with these tasks in {settings.runs}/"
        )
    if not (run.path / "scores.parquet").is_file():
        raise StoreError(
            f"--retry-failed: {run.path} was stopped before its end: without the flag the same "
            "command goes on with it"
        )
    return run


def _named_run(settings: Settings) -> store.Run | None:
    """The unfinished run that stands in `-o`, if one does."""
    if settings.out is None or not (settings.out / "run.json").is_file():
        return None
    run = store.open_run(settings.out)
    if settings.fresh or (run.is_finished and not settings.retry_failed):
        raise StoreError(f"{settings.out} holds a run already: choose another -o")
    return run


def _begin(run: store.Run, built: Mapping[str, JSON], work: Work) -> store.Run:
    """A locked run as it is on disk now, refused where its manifest says something else.

    A run that was killed before its first request may lack the plan or the samples.
    """
    run = store.open_run(run.path)
    manifest.check_resumable(run.manifest, built, run.name)
    if not (run.path / "plan.json").is_file():
        store.write_plan(run, work.plan)
    if not store.has_samples(run):
        every = [item for entry in work.buckets for item in entry.tasks]
        store.note_samples(run, ((i, sample) for i in every for sample in work.samples[i.name]))
    return store.update(run, status="running")


async def _work(
    run: store.Run, work: Work, ends: Ends, settings: Settings, display: Display
) -> store.Run:
    """Ask, score and conclude; the run's lock is held."""
    started = time.monotonic()
    journal = Journal(run.path / "journal", write=True, sync_every=settings.sync_every)
    asked_at_once = settings.concurrency or pacing.START
    desk = Desk(display.row, early.watch(run, display, asked_at_once))
    for line in journal.torn:
        display.say(f"{run.path}: {line}; it is asked again")
    totals = {
        name: sum(len(block) for block in blocks) for name, blocks in work.plan.blocks.items()
    }
    seen: dict[str, JSON] = {}  # what the manifest is to say of the asking
    try:
        with display.buckets(work.buckets, totals):
            await _ask(work, ends, journal, desk, (settings, display, seen))
            await runner.interruptible(desk.finish())
        work = selection.asked(work)
        seen |= await early.saved(run, work, ends, journal)
        run = store.update(run, **_noted(run, seen), seconds=_seconds(run, started))
        told = reuse.said(run.manifest["prompt_cache"])
        if told:
            display.say(told)
        columns.import_numpy()
        store.pack_samples(run)
        lost = await _lost_calls(run, work, ends, journal, display)
        return conclude.conclude(run, desk.rows(work.plan), journal.index, lost)
    except BaseException:
        counts = {**run.manifest["counts"], "done": desk.answered}
        with suppress(IncompleteError):  # a full disk: what ended the run is what is told
            seen = _noted(run, seen) | {"counts": counts, "seconds": _seconds(run, started)}
            store.update(run, status="incomplete", **seen)
        raise
    finally:
        desk.drop()
        journal.close()


async def _lost_calls(
    run: store.Run, work: Work, ends: Ends, journal: Journal, display: Display
) -> list[JSON]:
    """Where tool calls were lost: by the model, or by the server's parser."""
    if not any(item.may_call_tools for entry in work.buckets for item in entry.tasks):
        return []
    stopping = threading.Event()
    try:
        return await runner.interruptible(
            asyncio.to_thread(_diagnosed, run, work, ends, (journal, display, stopping))
        )
    finally:
        stopping.set()


def _diagnosed(
    run: store.Run, work: Work, ends: Ends, told: tuple[Journal, Display, threading.Event]
) -> list[JSON]:
    """The same, in a thread of its own: answers are scored, and the server may be asked."""
    from evalsuite import parser_or_model, raw_texts, rescore

    journal, display, stopping = told
    replayed = rescore.Replayer(journal, run.model, work.plan.seed)
    try:
        source = raw_texts.Source(
            endpoint=ends.endpoints["model"],
            seed=work.plan.seed,
            say=display.say,
            stopping=stopping.is_set,
        )
        lost = parser_or_model.diagnose(
            run.path, work.plan.items(), replayed.transcript, source
        )
    except StoreError as error:  # the scores stand without
        display.say(f"whether lost tool calls are the model's is not known: {error}")
        return []
    return [pack(one) for one in lost]


def _seconds(run: store.Run, started: float) -> float:
    """How long a run has worked, earlier processes included."""
    return round(float(run.manifest.get("seconds", 0.0)) + time.monotonic() - started, 1)


def _noted(run: store.Run, seen: Mapping[str, JSON]) -> dict[str, JSON]:
    """What was seen while asking, the replicas' counts of earlier processes added."""
    noted = dict(seen)
    if "replicas" in noted:
        told = {one["base_url"]: dict(one) for one in run.manifest.get("replicas", ())}
        for one in noted["replicas"]:
            before = told.get(one["base_url"], {})
            told[one["base_url"]] = one | {
                key: one[key] + before.get(key, 0) for key in ("answers", "drops", "moved")
            }
        noted["replicas"] = list(told.values())
    if "prompt_cache" in noted:
        noted["prompt_cache"] = reuse.joined(
            run.manifest.get("prompt_cache"), noted["prompt_cache"]
        )
    return noted


def _paces(
    work: Work, ends: Ends, settings: Settings, display: Display
) -> dict[str, pacing.Pace]:
    """How many requests of each role are in flight, and what it begins with."""
    # Looks are planned for what is in flight: there the pace begins as they assume.
    queues = ends.served.owner == "vllm" and work.plan.looks is None
    return {
        role: pacing.Pace(
            settings.concurrency,
            start=pacing.QUEUED if queues and role == "model" else pacing.START,
            say=display.say,
        )
        for role in ends.endpoints
    }


async def _ask(
    work: Work,
    ends: Ends,
    journal: Journal,
    desk: Desk,
    how: tuple[Settings, Display, dict[str, JSON]],
) -> None:
    """Open the clients, see that the prompts fit, and drive every episode."""
    settings, display, seen = how
    async with AsyncExitStack() as stack:
        paces = _paces(work, ends, settings, display)
        clients = {
            role: ends.open(role, Options(retry=_RETRY, pace=pace), display.say)
            for role, pace in paces.items()
        }
        for client in clients.values():
            await stack.enter_async_context(client)
        await runner.interruptible(fits.check(clients["model"], ends.served, work))
        means = runner.Means(
            clients=clients,
            samplings=ends.samplings,
            wanted=desk.wanted,
            room=desk.room,
            settle=desk.settle,
            journal=journal,
            pace=paces["model"],
            hints=work.hints,
            begun=work.begun,
            reuse=reuse.Reuse(await runner.interruptible(_counters(ends))),
            wait=settings.wait,
            why_dead=ends.host.why_dead,
            restart=ends.host.restart,
            say=display.say,
        )
        watch = stall.Watch(
            clients=tuple(clients.values()),
            after=settings.stall_after,
            folder=journal.folder.parent,
        )
        try:
            await stall.unless_stalled(runner.run(work.plan, means, desk.put), watch)
        finally:
            after = None if means.reuse.told else await _counters(ends)
            seen["pace"] = paces["model"].report()
            seen["prompt_cache"] = means.reuse.report(after)
            asked = clients["model"]
            seen |= {"replicas": asked.report()} if isinstance(asked, Replicas) else {}


async def _counters(ends: Ends) -> reuse.Counters | None:
    return await asyncio.to_thread(reuse.counters, ends.replicas)
