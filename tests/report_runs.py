"""Runs on disk with answers, for tests of reports: made by hand, and as odd as wanted."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import made_runs
from rich.console import Console, RenderableType

from evalsuite import diff, store
from evalsuite.journal import Journal, Record
from evalsuite.types import (
    Request,
    Response,
    Sample,
    ScoreRow,
    Source,
    Task,
    ToolCall,
    system,
    user,
)

# What a model may write into any field: markup of every kind of page, and what hides.
HOSTILE = (
    "<script>document.documentElement.dataset.owned=1;document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\"><svg onload=\"document.title='owned'\">"
    '</style></title></pre></textarea><!-- --> ]]> "\'><a href="javascript:alert(1)">x</a>'
    "\x1b[31mred\x1b]0;owned\x07 \u202eevil\u2066 \x00\x08 "
    "@everyone #1 http://evil.example/x.png www.evil.example ![i](http://evil.example/i.png) "
    "[l](javascript:alert(1)) | a | b | {{ 7*7 }} {% endraw %} $x$ \\ ``` ~~~"
)
LINES = f"```\n\n# heading\n\n| a | b |\n|---|---|\n\n> {HOSTILE}\n\n- - -\n``````\n</details>"
NAME = "ta|sk <b>`x`</b> \x1b[2J\u202e@me"


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a made run holds; answers are functions of a row."""

    name: str
    rows: list[ScoreRow]
    text: Callable[[ScoreRow], str] = lambda row: f"It is {row.answer}."
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()
    served: float = 0.0  # seconds of the first answer; the others take a little longer
    prompt: str = "What is {key}?"
    target: str = "42"
    manifest: Mapping[str, object] = field(default_factory=dict)
    keep: bool = True
    model: str = ""


def write(folder: Path, made: Made) -> store.Run:
    """Write a run directory: manifest, samples, journal and scores."""
    described = made_runs.manifest(**made.manifest)
    weights = {"value": f"weights of {made.name}", "how": "known"}
    described["identity"] = {**described["identity"], "weights": weights}
    described["model"] = made.model or made.name
    run = store.create(folder, described, path=folder / made.name)
    store.write_samples(run, [(_task(row, made), _sample(row, made)) for row in made.rows])
    journal = Journal(run.path / "journal", write=True)
    for row in made.rows:
        response = Response(
            text=made.text(row),
            reasoning=made.thinking or None,
            tool_calls=made.calls,
            served=made.served and made.served + int(row.key) % 5 / 100,
        )
        asked = (system("Be brief."), user(made.prompt.format(key=row.key)))
        request = Request(messages=asked, tools=({"function": {"name": made.prompt}},))
        journal.append(
            Record(
                task=row.task, id=row.id, repeat=row.repeat, step=0, part=0, role="model",
                digest="d", response=response, request=request if made.keep else None,
            )
        )  # fmt: skip
    places = dict(journal.index)
    journal.close()
    store.write_scores(run, made.rows, places)
    return run


def _task(row: ScoreRow, made: Made) -> Task:
    return Task(
        name=row.task, bucket=row.bucket, path=Path("t.yaml"), version=1,
        source=Source(rows="r.py:rows"), scorer="exact_match", keep_inputs=made.keep,
    )  # fmt: skip


def _sample(row: ScoreRow, made: Made) -> Sample:
    return Sample(
        id=row.id, key=row.key, cluster=row.cluster, tags=row.tags,
        inputs={"question": made.prompt}, target=made.target,
    )  # fmt: skip


def pair(folder: Path, **fields) -> tuple[store.Run, store.Run]:
    """A baseline and a candidate that lost 40 of 200 answers; `fields` are those of `Made`."""
    buckets = {"tools": {"title": "Tools", "margin": 0.05, "weights": "task"}}
    fields.setdefault("manifest", {"buckets": buckets})
    before, now = made_runs.table(both=120, losses=40, gains=4, neither=36)
    sides = []
    for name, scores, answer in (("step-1000", before, "42"), ("step-1200", now, "41")):
        rows = [
            made_runs.row(
                number, score, answer=answer if not score else "42", reason="last number",
                tags={"language": "sw" if number % 4 else "en"},
                health={"answer_tokens": 12.0 + score, "answer_language": "en"},
            )
            for number, score in enumerate(scores)
        ]  # fmt: skip
        sides.append(write(folder, Made(name=name, rows=rows, **fields)))
    return sides[0], sides[1]


def compared(before: store.Run, now: store.Run) -> diff.Diff:
    """The diff of two runs on disk."""
    return diff.compare(before, now, store.rows(before), store.rows(now))


# --- what came out -----------------------------------------------------------------------


class Outline(HTMLParser):
    """Tags, attributes and text of a page, as a browser reads them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text, self.stack = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        """Note a tag and its attributes."""
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.stack.append(tag)

    def handle_endtag(self, tag):
        """Close the innermost element of that name."""
        while self.stack and self.stack.pop() != tag:
            pass

    def handle_data(self, data):
        """Note text, style sheets left out."""
        if "style" not in self.stack:
            self.text.append(data)

    @property
    def words(self):
        """All text, white space folded."""
        return " ".join(" ".join(self.text).split())

    def values(self, name):
        """Every value of an attribute."""
        return [value for _, key, value in self.attributes if key == name]


def printed(*lines: RenderableType) -> str:
    """What a terminal of 120 columns shows."""
    console = Console(width=120, force_terminal=False, record=True, file=io.StringIO())
    for line in lines:
        console.print(line)
    return console.export_text()
