"""Lost tool calls: was it the model, or did the server's parser drop what the model wrote?

Each answer to a request with tools is judged twice: by the `tool_calls` that the API returned,
and by our own lenient reading of the raw text of the same answer (its token ids through the
server's `/detokenize`, special tokens included). Where the second judgement is better, the
parser lost the call; else the model did. Raw texts are kept in the run's `raw.jsonl`, so that
`score` repeats it without a server. `finish_reason` is never trusted, but where it contradicts
the calls that is counted.

A call in a syntax that the parser does not read is the parser's loss only where it is the
syntax that the model writes: if the parser read other answers of the run in another syntax,
the model has left its own, and the loss is the model's.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, tee
from pathlib import Path

import msgspec

from evalsuite import episode, raw_texts, scoring
from evalsuite import task as tasks
from evalsuite.client import Endpoint
from evalsuite.raw_texts import Key
from evalsuite.scorers import call_schema
from evalsuite.scorers.raw_calls import Found, calls_in, same_calls
from evalsuite.types import Item, Request, Response, ScoreRow, Transcript

_COUNTS = (
    *("answers", "lost", "model", "parser", "halted", "cut_off", "unknown"),
    *("flattered", "finish_wrong"),
)
_OWNERS = ("model", "parser", "halted", "cut_off")  # of losses that are known
_MOST = 2000  # answers of a task that are looked into
_WITNESSES = 8  # right answers of a task whose text shows what the parser reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Where the answers of one task that lost points lost them.

    Attributes:
        bucket, task: whose answers these are.
        answers: that tools were offered to, failed ones left out.
        lost: whose score is below 1; the next five add up to it.
        model: the raw text holds no better calls.
        parser: it does.
        halted: the parser dropped a call in the middle of a conversation, which went on (or
            ended) without it: how it would have ended is not known.
        cut_off: ended at a limit.
        unknown: no raw text to be had.
        flattered: scored as right only because the parser dropped a call.
        finish_wrong: `finish_reason` contradicts the calls.
        syntaxes: what the calls that the parser lost are written in, and how many.
        read: syntaxes that the parser was seen to read.
    """

    bucket: str
    task: str
    answers: int = 0
    lost: int = 0
    model: int = 0
    parser: int = 0
    halted: int = 0
    cut_off: int = 0
    unknown: int = 0
    flattered: int = 0
    finish_wrong: int = 0
    syntaxes: Mapping[str, int] = field(default_factory=dict)
    read: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """An answer that is looked into, and its score row."""

    item: Item
    transcript: Transcript
    row: ScoreRow

    def responses(self) -> Iterator[tuple[Key, Request, Response]]:
        """Every response to a request with tools, under the name of its raw text."""
        name = self.item.task.name, self.item.sample.id, self.item.repeat
        for at, step in enumerate(self.transcript.steps):
            for part, (request, response) in enumerate(step):
                if request.role == "model" and request.tools:
                    yield (*name, at, part), request, response

    @property
    def called(self) -> bool:
        """Whether the server returned any call."""
        return any(response.tool_calls for _, _, response in self.responses())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """The judgements of one task, before it is known what the parser reads elsewhere."""

    loss: Loss
    kinds: Mapping[str, int]
    syntaxes: Mapping[str, int]  # "kind syntax" of what the parser may have lost
    read: set[str]


class _Stated(msgspec.Struct):
    tool_calls: tuple[Loss, ...] = ()


def diagnose(
    folder: Path,
    items: Iterable[Item],
    replay: Callable[[Item], Transcript],
    endpoint: Endpoint | None = None,
) -> tuple[Loss, ...]:
    """Split the losses of every task that offers tools.

    Args:
        folder: of the run, where raw.jsonl is, or is put.
        items: of the run; those of tasks without tools are passed over.
        replay: gives the transcript of an item.
        endpoint: the server that answered; None: only what raw.jsonl holds is known.

    Returns:
        One entry a task; a server that no longer answers makes its answers `unknown`.
    """
    by_task: dict[str, list[Item]] = {}
    for item in items:
        if item.task.tools or item.task.episode:
            by_task.setdefault(item.task.name, []).append(item)
    known = raw_texts.known(folder)
    found = []
    for own in by_task.values():
        counts, looked = _suspects(own, replay)
        if counts is None:
            continue
        if endpoint is not None:
            raw_texts.fetch(folder, _owed(looked, known), endpoint, known)
        found.append(_split(counts, looked, known))
    return _agreed(found)


def stated(folder: Path) -> tuple[Loss, ...]:
    """What a run's summary.json says of its tool calls; () where it says nothing."""
    try:
        return msgspec.json.decode(
            (folder / "summary.json").read_bytes(), type=_Stated
        ).tool_calls
    except (OSError, ValueError, msgspec.DecodeError):  # or a name that no path can have
        return ()


def joined(parts: Iterable[Sequence[Loss]]) -> tuple[Loss, ...]:
    """The losses of the shards of a run as those of the whole."""
    whole: dict[str, Loss] = {}
    for one in (loss for part in parts for loss in part):
        before = whole.get(one.task, Loss(bucket=one.bucket, task=one.task))
        sums = {name: getattr(before, name) + getattr(one, name) for name in _COUNTS}
        whole[one.task] = replace(
            one,
            syntaxes=dict(Counter(before.syntaxes) + Counter(one.syntaxes)),
            read=tuple(sorted({*before.read, *one.read})),
            **sums,
        )
    return tuple(whole.values())


# --- which answers are looked into -------------------------------------------------------


def _suspects(
    items: Sequence[Item], replay: Callable[[Item], Transcript]
) -> tuple[Loss | None, list[_Looked]]:
    """Score a task's answers as returned: its counts, and the answers worth a look.

    None where the task's first answer is to a request without tools.
    """
    answered = (pair for pair in ((one, replay(one)) for one in items) if pair[1].steps)
    first = next(answered, None)
    if first is None or not any(q.tools for step in first[1].steps for q, _ in step):
        return None, []
    task, counts = items[0].task, Counter[str]()
    looked: list[_Looked] = []
    for one in _scored(chain([first], answered)):
        score = one.row.score
        if score is None:
            continue
        counts["answers"] += 1
        counts["finish_wrong"] += bool(one.row.health.get("finish_wrong"))
        counts["lost"] += score < 1
        witness = score == 1 and one.called
        counts["witnesses"] += witness
        if counts["witnesses"] <= _WITNESSES if witness else len(looked) < _MOST:
            looked.append(one)
    loss = Loss(
        bucket=task.bucket,
        task=task.name,
        answers=counts["answers"],
        lost=counts["lost"],
        finish_wrong=counts["finish_wrong"],
    )
    return loss, looked


def _scored(answered: Iterable[tuple[Item, Transcript]]) -> Iterator[_Looked]:
    pairs, again = tee(answered)
    rows = scoring.score_all((i.task, i.sample, t, i.repeat) for i, t in again)
    for (item, transcript), row in zip(pairs, rows, strict=True):
        yield _Looked(item=item, transcript=transcript, row=row)


def _owed(looked: Iterable[_Looked], known: Mapping[Key, str]) -> dict[Key, tuple[int, ...]]:
    """The token ids of the responses whose raw text is not known yet."""
    return {
        key: response.token_ids
        for one in looked
        for key, _, response in one.responses()
        if key not in known and response.token_ids
    }


# --- the second judgement ----------------------------------------------------------------


def _split(counts: Loss, looked: Iterable[_Looked], known: Mapping[Key, str]) -> _Split:
    """Judge every answer by its raw text, too."""
    kinds, read = Counter[str](), set[str]()
    syntaxes: Counter[str] = Counter()  # of losses that are the parser's if it is theirs
    better: list[tuple[_Looked, Transcript, str]] = []  # what is to be scored by its raw text
    for one in looked:
        found = {key: _found(known[key], q) for key, q, _ in one.responses() if key in known}
        read |= _read(one, found)
        changed, syntax = _changed(one, found)
        kind = _owner(one, found, changed=bool(changed))
        if kind:
            kinds[kind] += 1
            continue
        again = _again(one, changed)
        if again is not None:
            better.append((one, again, syntax))
        elif _score(one.row) < 1:
            kinds["halted"] += 1
            syntaxes[f"halted {syntax}"] += 1
    rows = scoring.score_all(
        (one.item.task, one.item.sample, again, one.item.repeat) for one, again, _ in better
    )
    for (one, _, syntax), row in zip(better, rows, strict=True):
        kind = _weighed(_score(one.row), _score(row))
        kinds[kind] += 1
        if kind in ("parser", "flattered"):
            syntaxes[f"{kind} {syntax}"] += 1
    return _Split(loss=counts, kinds=kinds, syntaxes=syntaxes, read=read)


def _score(row: ScoreRow) -> float:
    return row.score or 0.0


def _read(one: _Looked, found: Mapping[Key, Found]) -> set[str]:
    """The syntaxes of texts whose calls the server returned as they stand there."""
    return {
        found[key].syntax
        for key, _, response in one.responses()
        if key in found and response.tool_calls
        if same_calls(found[key].calls, response.tool_calls)
    }


def _owner(one: _Looked, found: Mapping[Key, Found], *, changed: bool) -> str:
    """Whose loss an answer is ("right" where it is none); "" where its raw text decides."""
    lost = _score(one.row) < 1
    if one.row.status == "truncated":
        return "cut_off"
    if any(key not in found for key, _, _ in one.responses()):
        return "unknown" if lost else "right"
    if changed:
        return ""
    return "model" if lost else "right"


def _weighed(score: float, again: float) -> str:
    """Whose loss it is, by the scores as returned and by the raw text."""
    if again > score:
        return "parser"
    if score < 1:
        return "model"
    return "flattered" if again < score else "right"


def _found(text: str, request: Request) -> Found:
    return calls_in(text, call_schema.schemas(request.tools))


def _changed(
    one: _Looked, found: Mapping[Key, Found]
) -> tuple[dict[tuple[int, int], Response], str]:
    """The responses whose text holds other calls than were returned, and their syntax."""
    changed, syntax = {}, ""
    for key, _, response in one.responses():
        seen = found.get(key, Found())
        if seen.calls and not same_calls(seen.calls, response.tool_calls):
            changed[key[3], key[4]] = replace(response, tool_calls=seen.calls, text="")
            syntax = seen.syntax
    return changed, syntax


def _again(one: _Looked, changed: Mapping[tuple[int, int], Response]) -> Transcript | None:
    """The episode with the calls of the raw text; None where it would have asked on."""
    answers = [
        [changed.get((at, part), response) for part, (_, response) in enumerate(step)]
        for at, step in enumerate(one.transcript.steps)
    ]
    steps, state = episode.replay(tasks.episode(one.item.task, one.item.sample), answers)
    alike = all(
        [q for q, _ in mine] == [q for q, _ in theirs]
        for mine, theirs in zip(steps, one.transcript.steps, strict=False)
    )
    if isinstance(state, episode.Waiting) or not alike:
        return None
    return episode.transcript(steps, state)


# --- over the tasks of a run -------------------------------------------------------------


def _agreed(splits: Sequence[_Split]) -> tuple[Loss, ...]:
    """Give each loss its owner, now that it is known which syntaxes the parser reads."""
    read = set[str]().union(*(split.read for split in splits)) - {""}
    found = []
    for split in splits:
        kinds, syntaxes = Counter(split.kinds), Counter[str]()
        for name, number in split.syntaxes.items():
            kind, _, syntax = name.partition(" ")
            if kind != "flattered" and read and syntax not in read:
                kinds[kind] -= number
                kinds["model"] += number
            else:
                syntaxes[syntax] += number
        owned = {name: kinds[name] for name in _OWNERS}
        loss = replace(
            split.loss,
            model=kinds["model"],
            parser=kinds["parser"],
            halted=kinds["halted"],
            cut_off=kinds["cut_off"],
            unknown=split.loss.lost - sum(owned.values()),
            flattered=kinds["flattered"],
            syntaxes=dict(syntaxes),
            read=tuple(sorted(read)),
        )
        found.append(loss)
    return tuple(found)
