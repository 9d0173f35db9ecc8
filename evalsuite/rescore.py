"""Score a finished run again from its journal: offline, for free, years later."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import orjson

from evalsuite import (
    conclude,
    desk,
    episode,
    parser_or_model,
    runner,
    scorers,
    scoring,
    selection,
    shelf,
    store,
)
from evalsuite import task as tasks
from evalsuite.client import encode
from evalsuite.errors import StoreError, nearest
from evalsuite.journal import Journal, Key
from evalsuite.packing import pack
from evalsuite.selection import Selection
from evalsuite.types import (
    JSON,
    Item,
    Response,
    Sample,
    Sampling,
    ScoreRow,
    Step,
    Task,
    Transcript,
)


def rescore(
    run: store.Run,
    chosen: Selection,
    on_row: Callable[[ScoreRow], None],
    say: Callable[[str], None] = lambda line: None,
) -> store.Run:
    """Replay every episode of a run from its journal and write its scores anew.

    Args:
        run: a run that has been asked, at least in part.
        chosen: where the task files are; the run itself says which tasks.
        on_row: called with every scored row, in plan order.
        say: told of torn lines of the journal.

    Raises:
        StoreError: a task is gone, or asks something else now than the journal holds, or
            there is no journal: the scores that are there stay.
        TaskError: a scorer is not there.
    """
    with store.lock(run):
        run = store.open_run(run.path)
        journal = store.journal(run)
        try:
            if not journal.segments():
                raise StoreError(f"{journal.folder} holds no journal: nothing to score")
            for line in journal.torn:
                say(f"{run.path}: {line}; its answer is missing")
            items = plan_items(run, chosen)
            if "plan" in run.manifest:  # a gate ended it early: what was never asked is no loss
                asked = {(key.task, key.id, key.repeat) for key in journal.index}
                items = [i for i in items if (i.task.name, i.sample.id, i.repeat) in asked]
            replayed = Replayer(journal, run.model, int(run.manifest.get("seed", 0)))
            whole = map(shelf.whole, items)
            work = ((i.task, i.sample, replayed.transcript(i), i.repeat) for i in whole)
            rows = desk.row_spool()
            for row in scoring.score_all(work):
                rows.append(row)
                on_row(row)
            lost = parser_or_model.diagnose(run.path, items, replayed.transcript)
            return conclude.conclude(_with_scorers(run, items), rows, journal.index, pack(lost))
        finally:
            journal.close()


def plan_items(run: store.Run, chosen: Selection) -> list[Item]:
    """The items of a run, in plan order.

    Raises:
        StoreError: the plan cannot be read, or names a task or sample that is not there.
    """
    planned = _planned(run)
    loaded = _tasks(run, chosen, {name for name, _, _ in planned})
    samples = store.samples(run)
    items = []
    for name, key, repeat in planned:
        if (name, key) not in samples:
            raise StoreError(f"{run.path}: sample {key} of {name} is not in samples.parquet")
        if not loaded[name].keep_inputs and not samples[name, key].inputs:
            drawn = run.manifest["tasks"][name]["source"]
            samples |= _reloaded(loaded[name], drawn, chosen)
        items.append(Item(task=loaded[name], sample=samples[name, key], repeat=repeat))
    return items


def _planned(run: store.Run) -> list[tuple[str, str, int]]:
    """Task name, sample id and repeat of every item of plan.json."""
    path = run.path / "plan.json"
    try:
        blocks = orjson.loads(path.read_bytes())["blocks"].values()
        found = [(name, key, int(n)) for block in blocks for b in block for name, key, n in b]
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None
    return found


def _tasks(run: store.Run, chosen: Selection, names: set[str]) -> dict[str, Task]:
    """The tasks of a run as their files say now, but sampled as they were: that is a fact."""
    there = {item.name: item for entry in selection.select(chosen) for item in entry.tasks}
    found = {}
    for name in sorted(names):
        if name not in there:
            way = "" if chosen.tasks_dir else " A private tree is named by --tasks."
            raise StoreError(f"{run.name}: no task '{name}' here.{nearest(name, there)}{way}")
        tasks.scorer(there[name])
        found[name] = _as_asked(run.manifest.get("tasks", {}).get(name, {}), there[name])
    return found


def _as_asked(entry: Mapping[str, JSON], task: Task) -> Task:
    """The task with what the run asked with; what the command line said is in no file."""
    given = entry.get("sampling")
    if given is not None:
        sampling = Sampling(**{**given, "stop": tuple(given.get("stop", ()))})
        task = replace(task, sampling=sampling)
    protocol = entry.get("protocol")
    return task if protocol is None else tasks.with_protocol(task, protocol)


def _reloaded(
    task: Task, drawn: Mapping[str, JSON], chosen: Selection
) -> dict[tuple[str, str], Sample]:
    """The samples of a task whose inputs the run does not hold, from their source."""
    rows = tasks.samples(
        task,
        data=chosen.data,
        offline=chosen.offline,
        level=drawn.get("level", 0),
        rows_seed=drawn.get("seed", "0"),
    )
    return {(task.name, sample.id): sample for sample in rows}


def _with_scorers(run: store.Run, items: Sequence[Item]) -> store.Run:
    """Record the scorers that are used now."""
    entries = dict(run.manifest["tasks"])
    for item in {item.task.name: item.task for item in items}.values():
        entry = dict(entries[item.name])
        entry["scorer"], entry["scorer_version"] = item.scorer, scorers.version(item.scorer)
        entry["fingerprint"] = tasks.fingerprint(item)
        entries[item.name] = entry
    return store.update(run, tasks=entries)


class Replayer:
    """Turns items back into transcripts; checks that the task still asks the same."""

    def __init__(self, journal: Journal, model: str, seed: int) -> None:
        self.journal, self.model, self.seed = journal, model, seed

    def transcript(self, item: Item) -> Transcript:
        """The transcript of an item as far as the journal holds it.

        Raises:
            StoreError: the task asks something else now.
        """
        generator = tasks.episode(item.task, item.sample)
        steps: list[Step] = []
        state = episode.begin(generator)
        while isinstance(state, episode.Waiting):
            ended = episode.over(item.task.limits, steps)
            if ended is not None:
                return episode.transcript(steps, state, truncated=ended)
            answers = list(self._answers(item, len(steps), state))
            if len(answers) < len(state.requests):
                break
            if steps and any(runner.is_full(answer) for answer in answers):
                return episode.transcript(steps, state, truncated=runner.FULL)
            steps.append(tuple(zip(state.requests, answers, strict=True)))
            state = episode.resume(generator, state, answers)
        return episode.transcript(steps, state)

    def _answers(self, item: Item, step: int, state: episode.Waiting) -> Iterator[Response]:
        for part, request in enumerate(state.requests):
            key = Key(item.task.name, item.sample.id, item.repeat, step, part, request.role)
            record = self.journal.get(key)
            if record is None:
                return
            if request.role == "model":
                seed = runner.request_seed(self.seed, key)
                if encode(request, model=self.model, seed=seed).digest != record.digest:
                    raise StoreError(
                        f"{item.task.path} asks something else of sample {item.sample.key} now "
                        f"than {self.journal.folder} holds: run it again"
                    )
            yield record.response
