"""Bring your own outputs: answers that were made elsewhere, scored as if we had asked.

A line of the file is a JSON object with the answers to one sample:

    {"id": "9f2c...", "response": "The answer is 18."}          our id, or with --match FIELD
    {"question": "Janet ...", "response": ["18", "20"]}         a list: repeats
    {"id": ..., "response": {"text": "", "tool_calls": [{"name": "f", "arguments": {}}]}}
    {"id": ..., "turns": [[{"text": "a"}, {"role": "user", "text": "b"}, ...], ...]}

`turns` holds, per repeat, every answer of a multi-step episode in the order of its requests;
they are replayed through the task's episode. Other fields of a line are left alone. A sample
may have several lines: their answers are repeats, numbered on. Answers go through the same
episode, scorer and rules as a run's.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalsuite import episode, scoring, store
from evalsuite import task as tasks
from evalsuite.answers import Answer, answers_of
from evalsuite.errors import UsageError, nearest
from evalsuite.types import JSON, Request, Sample, ScoreRow, Step, Task, Transcript

_NAMED = 5  # ids shown in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One answer of the file: where it stood, whose it is, and its score row."""

    line: int  # number of the line, from 1
    match: JSON  # the value that named the sample: the id, or the field of --match
    row: ScoreRow | None  # None: no sample has this id
    transcript: Transcript | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesResult:
    """What came of a file of answers, in its order.

    Attributes:
        scored: an entry for every answer of the file.
        unknown: `line N: value` for each line that names no sample.
        missing: ids of the task's samples that no line names, in the task's order.
    """

    scored: tuple[Scored, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def rows(self) -> tuple[ScoreRow, ...]:
        """The score rows of all answers that belong to a sample."""
        return tuple(entry.row for entry in self.scored if entry.row is not None)

    def report(self) -> tuple[str, ...]:
        """Say in a line each what was unknown and what is missing; nothing where nothing is."""
        lines = []
        for what, entries in (
            ("unknown: no sample is named by", self.unknown),
            ("missing: no answer to", self.missing),
        ):
            if entries:
                more = f" and {len(entries) - _NAMED:,} more" if len(entries) > _NAMED else ""
                lines.append(f"{len(entries):,} {what} {'; '.join(entries[:_NAMED])}{more}")
        return tuple(lines)


def score_responses(
    task: Task,
    samples: Sequence[Sample],
    lines: Iterable[str],
    *,
    match: str | None = None,
    name: str = "responses",
) -> ResponsesResult:
    """Score a file of answers.

    Args:
        task: what was asked.
        samples: its samples, all of them: those without an answer are named.
        lines: the file's lines; blank ones are skipped.
        match: the field of the rows (or `key`) whose value each line gives instead of our id.
        name: what the lines are called in messages: the file's path.

    Returns:
        A row for every answer, unknown and missing ids.

    Raises:
        UsageError: a line is no JSON or does not hold what it should (all such lines named), no
            row has the field `match`, or two different samples share its value.
    """
    index = _index(samples, match)
    entries = _parse(lines, match or "id", name)
    asked = _shared_out(entries, index)
    work = [
        (task, sample, transcribe(task, sample, answer), repeat)
        for _, answer, sample, repeat in asked
        if sample is not None
    ]
    found = zip(list(scoring.score_all(work)), (entry[2] for entry in work), strict=True)
    scored = tuple(
        _scored(entry, *next(found)) if sample else _scored(entry, None, None)
        for entry, _, sample, _ in asked
    )
    unknown = (e for e in entries if _canonical(e.value) not in index)
    answered = {sample.id for _, _, sample, _ in asked if sample is not None}
    return ResponsesResult(
        scored=scored,
        unknown=tuple(f"line {e.number}: {_short(e.value)}" for e in unknown),
        missing=tuple(sample.id for sample in samples if sample.id not in answered),
    )


def _shared_out(
    entries: "Sequence[_Line]", index: Mapping[str, Sequence[Sample]]
) -> "list[tuple[_Line, Answer, Sample | None, int]]":
    """Every answer with its line, the sample that it is to (None: unknown) and its repeat."""
    found: list[tuple[_Line, Answer, Sample | None, int]] = []
    counts: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for entry in entries:
        value = _canonical(entry.value)
        twins = index.get(value)
        # Rows that are exact duplicates share their lines out in order.
        sample = twins[used[value] % len(twins)] if twins else None
        used[value] += 1
        for answer in entry.answers:
            found.append((entry, answer, sample, counts[sample.id] if sample else 0))
            counts[sample.id if sample else ""] += 1
    return found


def _scored(entry: "_Line", row: ScoreRow | None, transcript: Transcript | None) -> Scored:
    return Scored(line=entry.number, match=entry.value, row=row, transcript=transcript)


def transcribe(task: Task, sample: Sample, answer: Answer) -> Transcript:
    """Replay given responses through a sample's episode.

    Args:
        task: whose episode and limits.
        sample: what was asked.
        answer: the responses in the order of the requests, each with its role.

    Returns:
        The transcript; `failed` where responses are missing, left over or of another role.
    """
    generator = tasks.episode(task, sample)
    state = episode.begin(generator)
    steps: list[Step] = []
    used = 0
    while isinstance(state, episode.Waiting):
        ended = episode.over(task.limits, steps)
        if ended is not None:
            generator.close()
            return episode.transcript(steps, state, truncated=ended)
        given = answer.responses[used : used + len(state.requests)]
        problem = _misfit(answer, used, state.requests)
        if problem:
            generator.close()
            return Transcript(steps=tuple(steps), status="failed", reason=problem)
        used += len(given)
        steps.append(tuple(zip(state.requests, given, strict=True)))
        state = episode.resume(generator, state, given)
    if used < len(answer.responses) and not (isinstance(state, episode.Done) and state.failure):
        reason = f"holds {len(answer.responses)} answers, and the episode ends after {used}"
        return Transcript(steps=tuple(steps), status="failed", reason=reason)
    return episode.transcript(steps, state)


def _misfit(answer: Answer, used: int, requests: Sequence[Request]) -> str:
    """Say why the next responses do not answer these requests; "" where they do."""
    left = len(answer.responses) - used
    if left < len(requests):
        needed = used + len(requests)
        return f"holds {len(answer.responses)} of {needed} answers"
    for at, request in enumerate(requests, start=used):
        if answer.roles[at] != request.role:
            return f"answer {at + 1} is the {answer.roles[at]}'s, expected the {request.role}'s"
    return ""


def write(result: ResponsesResult, path: Path) -> None:
    """Write a JSON line for every answer, in the order of the input.

    A line is `{id, match, repeat, status, score, metrics, answer, reason}`: `metrics` maps
    names to values, `score` is the primary one, a metric that does not apply is null, and an
    answer whose id is unknown is `failed` with id null.

    Raises:
        IncompleteError: the file cannot be written, or the disk is full.
    """
    with store.replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for entry in result.scored:
            file.write(json.dumps(_line(entry)) + "\n")


def _line(entry: Scored) -> dict[str, JSON]:
    row = entry.row
    if row is None:
        unknown = {"id": None, "match": entry.match, "repeat": 0, "status": "failed"}
        rest: dict[str, JSON] = {"score": None, "metrics": {}, "answer": None}
        return {**unknown, **rest, "reason": "unknown: no sample has this id"}
    return {
        "id": row.id,
        "match": entry.match,
        "repeat": row.repeat,
        "status": row.status,
        "score": row.score,
        "metrics": {n: m.value if m.weight > 0 else None for n, m in row.metrics.items()},
        "answer": row.answer,
        "reason": row.reason,
    }


# --- lines -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line that can be read: its number, the value that names a sample, its answers."""

    number: int
    value: JSON
    answers: tuple[Answer, ...]


def _parse(lines: Iterable[str], field: str, name: str) -> list[_Line]:
    """Read every line.

    Raises:
        UsageError: some cannot be read; the first are named with what is wrong.
    """
    entries, broken = [], []
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            entries.append(_read(number, text, field))
        except ValueError as error:
            broken.append(f"{name}:{number}: {error}")
    if broken:
        more = len(broken) - _NAMED
        rest = f"\n... and {more:,} more broken lines" if more > 0 else ""
        raise UsageError("\n".join(broken[:_NAMED]) + rest)
    return entries


def _read(number: int, text: str, field: str) -> _Line:
    """Read one line.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        line = json.loads(text)
    except RecursionError:
        raise ValueError("not JSON: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} (column {error.colno})") from None
    if not isinstance(line, dict):
        raise ValueError(f"expected an object, found {type(line).__name__}")
    if line.get(field) is None:
        raise ValueError(f"expected the field '{field}'.{nearest(field, line)}")
    return _Line(number=number, value=line[field], answers=answers_of(line))


# --- samples -----------------------------------------------------------------------------


def _index(samples: Sequence[Sample], match: str | None) -> dict[str, list[Sample]]:
    """Map what a line may say to its sample, or to several that are exact duplicates.

    Raises:
        UsageError: no row has the field, or different samples share a value of it.
    """
    index: dict[str, list[Sample]] = {}
    for sample in samples:
        value = sample.id if match is None else _canonical(_value(sample, match))
        twins = index.setdefault(value, [])
        if twins and _without_number(twins[0].id) != _without_number(sample.id):
            raise UsageError(
                f"--match {match}: samples {twins[0].key} and {sample.key} both have"
                f" {_short(value)}; match on another field"
            )
        twins.append(sample)
    return index


def _value(sample: Sample, match: str) -> JSON:
    if match in sample.inputs:
        return sample.inputs[match]
    if match == "key":
        return sample.key
    known = nearest(match, [*sample.inputs, "key"])
    raise UsageError(f"--match {match}: rows have no such field.{known}")


def _without_number(name: str) -> str:
    """Cut the number that tells exact duplicates apart: they are the same question."""
    return name.partition("-")[0]


def _canonical(value: JSON) -> str:
    """Write a value so that 1000 and "1000" are the same name."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _short(value: JSON) -> str:
    text = _canonical(value).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:57]}..."
