"""The shared nouns, in the order in which data flows; frozen, and importing nothing of ours.

    Task ── Sample ── Request ── Response ── Transcript ── Score ── Estimate ── Diff ── Verdict

No stage fills in another stage's object: each returns a new noun. Scores are fractions in
[0, 1], higher is better; times are seconds; lengths are tokens unless a name says otherwise.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

JSON = Any  # what json.loads gives: dict, list, str, int, float, bool or None
Status = Literal["ok", "truncated", "refused", "parse_error", "failed"]
Api = Literal["chat", "completion", "loglikelihood"]


ASKED = "_asked"  # input that holds what lm-eval asks of a row; no part of a sample's id
MOST_WEIGHT = 1e6  # of a task in its bucket


# --- what is asked -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call as the server (or a history) writes it; `arguments` is raw JSON text."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat turn. `tool_calls` is left out of the wire format where it is empty."""

    role: str
    content: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


def system(content: str) -> Message:
    """A system message."""
    return Message(role="system", content=content)


def user(content: str) -> Message:
    """A user message."""
    return Message(role="user", content=content)


def assistant(content: str) -> Message:
    """An assistant message without tool calls."""
    return Message(role="assistant", content=content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn; every field that moves a score is hashed into the run."""

    max_tokens: int = 1024
    temperature: float = 0.0
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None  # top log-probabilities a generated token, None: none asked
    extra_body: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One thing to ask a server; `role` says which server (model, judge or user)."""

    kind: Api = "chat"
    messages: Sequence[Message] = ()
    prompt: str | Sequence[int] = ""  # completion and loglikelihood: text or token ids
    continuation: str = ""  # loglikelihood: the text whose log-probability is asked
    rolling: bool = False  # loglikelihood: a text beyond the context is asked in windows
    tools: Sequence[Mapping[str, JSON]] = ()  # OpenAI form: {"type": "function", ...}
    tool_choice: str | Mapping[str, JSON] | None = None
    parallel_tool_calls: bool | None = None  # None: left to the server
    stream: bool = False  # the answer comes in pieces; the Response is the same
    prefill: str = ""  # start of the answer, continued by the model (chat)
    response_format: Mapping[str, JSON] | None = None
    sampling: Sampling | None = None  # None: the task's
    role: str = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why no usable response arrived; data, never an exception."""

    # refused | reset | timeout | cut | nobody | status | context | model | malformed | empty
    # | scorer
    kind: str
    message: str
    transient: bool  # worth asking again
    status: int | None = None  # HTTP status, where there was one
    attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the server counted them; None where it did not say."""

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None
    reasoning: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the server said and what it cost, or the `failure` that came instead."""

    text: str = ""
    reasoning: str | None = None  # thinking, under whichever name or tag it came
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"  # stop | length | tool_calls | content_filter | ...
    logprob: float | None = None  # loglikelihood: the continuation's sum, in nats
    greedy: bool | None = None  # loglikelihood: every continuation token was the argmax
    logprobs: tuple[JSON, ...] = ()  # one entry a generated token, as the server gave it
    token_ids: tuple[int, ...] | None = None
    prompt_token_ids: tuple[int, ...] | None = None
    usage: Usage = Usage()
    queued: float = 0.0  # seconds between the request's creation and its dispatch
    served: float = 0.0  # seconds between dispatch and the last byte
    server: str = ""
    failure: Failure | None = None


Step = tuple[tuple[Request, Response], ...]  # what was asked together; usually one pair
Yielded = Request | tuple[Request, ...]
Episode = Generator[Yielded, Any, JSON]  # sent a Response, or as many as it yielded


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One item of a task. `id` hashes the content; `key` is the source's own name for it."""

    id: str
    key: str
    inputs: Mapping[str, JSON]
    target: JSON
    cluster: str  # what was drawn together; the id itself where nothing is shared
    tags: Mapping[str, str] = field(default_factory=dict)  # slices: level, language, subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One finished episode: what was asked and answered, and what came of it."""

    steps: tuple[Step, ...]
    status: Literal["ok", "truncated", "failed"] = "ok"
    reason: str = ""  # why it was truncated or failed
    outcome: JSON = None  # what the episode returned

    @property
    def response(self) -> Response:
        """The model's last response (an empty one where it never answered)."""
        for step in reversed(self.steps):
            for request, response in reversed(step):
                if request.role == "model":
                    return response
        return Response()

    @property
    def text(self) -> str:
        """The text of the model's last response, thinking excluded."""
        return self.response.text


# --- what a task is ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where rows come from: exactly one of hf, file, rows and run is set."""

    hf: str | None = None  # Hub repository
    config: str | None = None
    split: str = "test"
    revision: str | None = None  # commit; required with hf
    file: str | None = None  # JSONL, JSON, CSV, TSV or Parquet, beside the task file
    rows: str | None = None  # "module.py:function", called as function(seed, level, count)
    seed: str = "0"
    level: int = 0
    count: int | None = None
    run: str | None = None  # answers of another run
    select: str | None = None  # jinja2 expression: rows where it is false are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Fewshot:
    """Solved examples before the question."""

    count: int
    split: str | None = None  # of the task's own source
    examples: tuple[Mapping[str, JSON], ...] = ()  # rows written out in the task file
    seed: int = 0
    first: bool = False  # the first `count` rows instead of a seeded draw
    shape: Literal["turns", "text"] = "turns"  # `as:` in the file
    separator: str = "\n\n"  # between examples, for text
    answer: str | None = None  # template of an example's answer; None: the target
    same: str | None = None  # template: examples are rows of the split where it gives the same
    header: str | None = None  # template of what stands before the examples, for text


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What ends an episode as truncated."""

    turns: int = 30
    tokens: int | None = None  # completion tokens over the whole episode
    seconds: float | None = None  # served seconds over the whole episode


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task file, parsed. Templates are text here; `task.py` has the functions over them."""

    name: str
    bucket: str
    path: Path
    version: int
    source: Source
    scorer: str  # a built-in name or "module.py:function"
    scorer_options: Mapping[str, JSON] = field(default_factory=dict)
    title: str = ""
    api: Api = "chat"
    system: str | None = None
    prompt: str | None = None  # None: `episode` builds the requests
    prefill: str | None = None
    tools: str | None = None
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    tool_results: Literal["text", "json"] | None = None  # None: as the episode writes them
    stream: bool = False
    response_format: str | None = None
    choices: str | None = None  # loglikelihood: template that gives the continuations
    target: str = "{{ target }}"
    gold: str | None = None  # template, or "module.py:function" -> Sequence[Response]
    key: str | None = None
    cluster: str | None = None
    slices: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    fewshot: Fewshot | None = None
    sampling: Sampling = Sampling()
    repeats: int = 1
    limits: Limits = Limits()
    truncated: Literal["zero", "score"] = "zero"
    roles: tuple[str, ...] = ("model",)
    needs: Mapping[str, str] = field(default_factory=dict)  # distribution -> how to install it
    episode: str | None = None  # "module.py:function" -> Episode
    harness: str | None = None  # a task or group of lm-eval, which then says what is asked
    prefix_token: str | None = None  # harness: what stands where a context is empty: "<s>"
    chance: float | None = None  # what guessing scores
    twin: str | None = None  # the public task whose fresh twin this is
    keep_inputs: bool = True

    @property
    def may_call_tools(self) -> bool:
        """Whether some request of its may offer tools."""
        return bool(self.tools or self.episode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A capability: its tasks, how they are weighted, and the margin of the default gate."""

    name: str
    title: str
    meaning: str = ""
    weights: Literal["task", "sample"] | Mapping[str, float] = "task"
    margin: float = 0.02
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One episode to run: a sample of a task at one repeat."""

    task: Task
    sample: Sample
    repeat: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked: per bucket, blocks of items. Inside a block the order is free."""

    blocks: Mapping[str, tuple[tuple[Item, ...], ...]]
    seed: int = 0  # of sampling
    looks: Mapping[str, JSON] | None = None  # what a gate that stops early has fixed before
    places: Mapping[str, tuple[int, ...]] | None = None  # of a shard: its items in the whole

    def items(self) -> list[Item]:
        """Every item, bucket by bucket, block by block."""
        return [item for blocks in self.blocks.values() for block in blocks for item in block]


# --- what came of it ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A value in [0, 1] and its weight; weight 0 means not applicable to this sample."""

    value: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A scorer's judgement of one transcript; `metrics[primary]` is the score."""

    metrics: Mapping[str, Metric]
    primary: str
    status: Status = "ok"
    answer: str | None = None  # what was extracted
    reason: str | None = None  # why not ok, or by which path the answer was found

    @property
    def value(self) -> float:
        """The primary metric's value, in [0, 1]."""
        return self.metrics[self.primary].value


def score_of(
    value: float | bool,
    *,
    primary: str = "accuracy",
    status: Status = "ok",
    answer: str | None = None,
    reason: str | None = None,
    **more: float | bool,
) -> Score:
    """A score of one primary metric, and `more` metrics of weight 1 beside it."""
    metrics = {primary: Metric(value=float(value))}
    for name, other in more.items():
        metrics[name] = Metric(value=float(other))
    return Score(metrics=metrics, primary=primary, status=status, answer=answer, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One row of scores.parquet: a task's sample at one repeat. `score` None: failed."""

    bucket: str
    task: str
    id: str
    key: str
    cluster: str
    repeat: int
    status: Status
    score: float | None
    primary: str
    metrics: Mapping[str, Metric]
    health: Mapping[str, float | str]  # answer_tokens, thinking_tokens, cut_off, refused, ...
    tags: Mapping[str, str] = field(default_factory=dict)
    answer: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure and how far to trust it; None bounds: not estimable (said, never zero width)."""

    value: float
    low: float | None
    high: float | None
    level: float = 0.95
    stderr: float | None = None
    df: float | None = None
    n: int = 0
    clusters: int = 0
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A score with its interval. `task` "" is the bucket itself, `slice` "" the whole task."""

    bucket: str
    task: str = ""
    slice: str = ""  # "language=sw"
    metric: str = ""
    interval: Interval | None = None  # None: no sample has a value
    expected: int = 0  # samples planned
    samples: int = 0  # samples with a value
    statuses: Mapping[str, int] = field(default_factory=dict)  # rows by status
    health: Mapping[str, float] = field(default_factory=dict)  # means over rows
    repeats: Mapping[str, Interval] = field(default_factory=dict)  # "pass@4", "pass^4", "maj@4"
