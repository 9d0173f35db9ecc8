"""Plans driven by the loop itself, in this process, against a mock server."""

from dataclasses import dataclass, field
from pathlib import Path

from asking import QUICK, endpoint

from evalsuite import runner, selection
from evalsuite.client import Client, Options, run_async
from evalsuite.client.pacing import Pace
from evalsuite.journal import Journal, Record
from evalsuite.types import Item, Plan, Transcript

BUCKET = "title: Order\nmeaning: none\nweights: task\nmargin: 0.1\n"
ROWS = '''
from evalsuite.types import Request, Sampling, score_of, user


def rows(seed, level, count):
    for number in range(count):
        yield {"question": f"{seed} {number}?", "answer": "", "group": number % 5}


def twice(sample):
    """Two turns, the second about the first answer."""
    messages = [user(sample.inputs["question"])]
    first = yield Request(messages=tuple(messages))
    second = yield Request(messages=(*messages, user(f"You said {first.text!r}. Sure?")))
    return {"said": [first.text, second.text]}


def score(sample, transcript):
    return score_of(1.0)
'''
TASK = """
version: 1
source: {{rows: rows.py:rows, seed: "{name}", count: {count}}}
{asked}
target: ""
scorer: rows.py:score
truncated: score
repeats: {repeats}
sampling: {{max_tokens: {max_tokens}, temperature: {temperature}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A task of made-up rows."""

    bucket: str = "first"
    count: int = 12
    repeats: int = 1
    temperature: float = 0.0
    max_tokens: int = 16
    asked: str = 'prompt: "{{ question }}"'


def work(folder: Path, **tasks: Made) -> selection.Work:
    """The work of tasks that are written into a folder."""
    (folder / "buckets").mkdir(parents=True, exist_ok=True)
    for name, made in tasks.items():
        (folder / "buckets" / f"{made.bucket}.yaml").write_text(BUCKET)
        here = folder / "tasks" / made.bucket
        here.mkdir(parents=True, exist_ok=True)
        (here / "rows.py").write_text(ROWS)
        values = {key: getattr(made, key) for key in ("count", "repeats", "asked")}
        values |= {"max_tokens": made.max_tokens, "temperature": made.temperature}
        (here / f"{name}.yaml").write_text(TASK.format(name=name, **values))
    names = dict.fromkeys(made.bucket for made in tasks.values())
    chosen = selection.Selection(
        buckets=tuple(names), tasks_dir=folder / "tasks", buckets_dir=folder / "buckets"
    )
    return selection.prepare(chosen)


@dataclass(slots=True, kw_only=True)
class Driven:
    """What came of a run of the loop."""

    done: list[tuple[Item, Transcript]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)  # in the order of the journal
    means: runner.Means | None = None

    @property
    def texts(self) -> dict[tuple[str, str, int], str]:
        """The last answer of every item."""
        return {(i.task.name, i.sample.id, i.repeat): t.text for i, t in self.done}

    @property
    def keys(self) -> list[str]:
        """The items' keys in the order in which they were done."""
        return [item.sample.key for item, _ in self.done]


def drive(plan: Plan, server, folder: Path, *, pace: Pace | None = None, **means) -> Driven:
    """Drive a plan to its end against a mock or a vLLM server, with the journal in a folder."""
    pace, found = pace or Pace(8), Driven()

    async def main() -> None:
        journal = Journal(folder / "journal", write=True)
        where = endpoint(server, model=server.model, token_ids=True)
        options = Options(retry=QUICK.retry, pace=pace)
        try:
            async with Client(where, options) as client:
                found.means = runner.Means(
                    clients={"model": client}, journal=journal, pace=pace, **means
                )
                await runner.run(plan, found.means, lambda i, t: found.done.append((i, t)))
        finally:
            journal.close()

    run_async(main())
    found.records = list(Journal(folder / "journal").records())
    return found
