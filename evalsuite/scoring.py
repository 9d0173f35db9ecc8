"""Transcripts -> score rows: what counts as failed, truncated and zero, and the scorers' pool.

The scorer alone gives the value of an answer. Around it, in this order:

- no answer arrived, or our scorer raised: `failed`, no value;
- half a thought, or a cut answer where the task says `truncated: zero`: 0, never parsed;
- the answer itself made scoring time out, crash or run out of memory: 0, with the reason
  (a scorer that does so on an empty answer too has failed, not the answer).
"""

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from queue import SimpleQueue

from evalsuite import scorers
from evalsuite import task as tasks
from evalsuite.episode import cut_in_thought, writable
from evalsuite.errors import TaskError
from evalsuite.health import health
from evalsuite.types import Metric, Sample, Score, ScoreRow, Status, Task, Transcript
from evalsuite.workers import Died, Worker

LIMIT = 10.0  # seconds for one answer in a worker; a retry alone has four times as many
_RETRY_FACTOR = 4
_ACCURACY = Score(metrics={"accuracy": Metric(value=0.0)}, primary="accuracy")
Work = tuple[Task, Sample, Transcript, int]  # the last one is the repeat


def check(task: Task, sample: Sample) -> None:
    """Refuse a scorer that cannot judge a task's rows before anything is asked.

    It is shown an empty answer. Scorers that need a worker, a task's own among them, are not.

    Raises:
        TaskError: an option has a value that it does not take, or the row lacks a field.
    """
    if task.harness is not None or scorers.costly(task.scorer):
        return
    try:
        tasks.scorer(task)(sample, Transcript(steps=()))
    except TaskError as failure:
        raise TaskError(f"{task.path}: {failure}") from None
    except Exception:  # what a scorer cannot do with nothing, it may do with an answer
        return


def score_one(task: Task, sample: Sample, transcript: Transcript, repeat: int) -> ScoreRow:
    """Score one transcript, in this process.

    Args:
        task: whose scorer judges.
        sample: what was asked.
        transcript: what was answered; a failed one gives a row without a value.
        repeat: which of the sample's answers this is, from 0.

    Returns:
        The row; this never raises: a scorer that does gives a `failed` row with the reason.
    """
    if transcript.status == "failed":
        return _failed(task, sample, repeat, transcript.reason or "no answer")
    try:
        columns = health(sample, transcript)
        cut = _cut(task, transcript)
        if cut:
            return _zero(task, sample, repeat, status="truncated", reason=cut, columns=columns)
        score = _judge(task, sample, transcript)
    except (MemoryError, RecursionError) as failure:
        reason = f"scoring ended in {type(failure).__name__}"
        return _zero(task, sample, repeat, status="parse_error", reason=reason)
    except Exception as failure:
        said = f"{type(failure).__name__}: {failure}"
        return _failed(task, sample, repeat, f"scorer raised {said}"[:500])
    if transcript.status == "truncated":
        score = replace(score, status="truncated")
    return _row(task, sample, repeat, score, columns)


def score_all(
    work: Iterable[Work], *, workers: int | None = None, limit: float = LIMIT
) -> Iterator[ScoreRow]:
    """Score many transcripts, in the order given, a few ahead of what was taken.

    Costly scorers, and a task's own, run in processes that are killed at the limit and tried
    once more, alone, with four times the limit; cheap ones run here.

    Args:
        work: task, sample, transcript and repeat of each row; read as rows are taken.
        workers: processes (default: one a core, at most 4).
        limit: seconds for one answer in a worker; a scorer may declare that it needs more.

    Yields:
        A row for each entry of `work`; never an exception of a scorer.
    """
    count = workers or min(4, os.cpu_count() or 1)
    with ExitStack() as stack:
        pool = _Pool(count, limit)
        stack.callback(pool.close)
        waiting: deque[tuple[Work, ScoreRow | Future[ScoreRow | Died]]] = deque()
        for entry in work:
            waiting.append((entry, pool.submit(entry) if costly(entry) else score_one(*entry)))
            if len(waiting) > 4 * count:
                yield _taken(waiting, pool)
        while waiting:
            yield _taken(waiting, pool)


def costly(work: Work) -> bool:
    """Whether scoring this takes a worker: an answer that failed never does."""
    return work[2].status != "failed" and scorers.costly(work[0].scorer)


def score_packed(work: Work) -> ScoreRow:
    """Score what was sent to a worker (the function that workers call)."""
    return score_one(*work)


class _Pool:
    """Workers, a thread to wait for each; none is started before the first costly row."""

    def __init__(self, count: int, limit: float) -> None:
        self._workers = [Worker(f"{__name__}:score_packed") for _ in range(count)]
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)
        self._threads = ThreadPoolExecutor(count)
        self._limit = limit
        self.fatal: dict[str, str] = {}  # tasks whose scorer dies whatever the answer is: why

    def submit(self, work: Work) -> Future[ScoreRow | Died]:
        if work[0].name in self.fatal:  # not another 50 seconds for each of its rows
            spared: Future[ScoreRow | Died] = Future()
            task, sample, _, repeat = work
            spared.set_result(_failed(task, sample, repeat, self.fatal[task.name]))
            return spared
        return self._threads.submit(self._call, work, 1)

    def alone(self, work: Work) -> ScoreRow | Died:
        """Try once more, the others idle, with four times the limit."""
        return self._call(work, _RETRY_FACTOR)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def _call(self, work: Work, factor: int) -> ScoreRow | Died:
        limit = max(self._limit, scorers.seconds(work[0].scorer))
        worker = self._free.get()
        try:
            answer: ScoreRow | Died = worker.call(work, factor * limit)
            return answer
        finally:
            self._free.put(worker)


def _taken(
    waiting: deque[tuple[Work, ScoreRow | Future[ScoreRow | Died]]], pool: _Pool
) -> ScoreRow:
    """Return the oldest row; one that killed its worker is tried again alone first."""
    work, pending = waiting.popleft()
    found = pending.result() if isinstance(pending, Future) else pending
    if not isinstance(found, Died):
        return found
    if work[0].name in pool.fatal:
        return _died(work, found.reason, pool)
    for _, other in waiting:
        if isinstance(other, Future):
            other.exception()  # waits until nothing else runs
    again = pool.alone(work)
    return _died(work, again.reason, pool) if isinstance(again, Died) else again


def _died(work: Work, reason: str, pool: _Pool) -> ScoreRow:
    """The row of an answer whose scoring died twice: 0, unless the scorer dies on any answer.

    What the sample's metrics and weights are, an empty answer tells; in a worker, too.
    """
    task, sample, _, repeat = work
    said = pool.fatal.get(task.name)
    if said is None:
        empty = pool.alone((task, sample, Transcript(steps=()), repeat))
        if isinstance(empty, ScoreRow):
            zeros = _zeros(empty.metrics, empty.primary) if empty.metrics else _ACCURACY
            zeros = replace(zeros, status="parse_error", reason=reason)
            return _row(task, sample, repeat, zeros, {})
        said = pool.fatal[task.name] = f"the scorer fails on an empty answer: {empty.reason}"
    return _failed(task, sample, repeat, said)


# --- one transcript ----------------------------------------------------------------------


def _cut(task: Task, transcript: Transcript) -> str:
    """Say why an answer was cut so that it must not be parsed; "" where it may be."""
    cut = False
    for step in transcript.steps:
        for request, response in step:
            if response.finish_reason == "length" and request.role == "model":
                if cut_in_thought(response):
                    return "cut off before thinking ended"
                cut = True
    if task.truncated == "score":
        return ""
    if transcript.status == "truncated":
        return transcript.reason or "truncated"
    return "cut off at the length limit" if cut else ""


def _judge(task: Task, sample: Sample, transcript: Transcript) -> Score:
    """Call the task's scorer and check what it says.

    Raises:
        ValueError: a metric is no number in [0, 1], a weight is negative, or the primary
            metric is missing.
        Exception: whatever the scorer raises.
    """
    score = tasks.scorer(task)(sample, transcript)
    if score.primary not in score.metrics:
        raise ValueError(f"the primary metric {score.primary} is not among the metrics")
    exact = True
    for name, metric in score.metrics.items():
        if not 0 <= metric.value <= 1 or not 0 <= metric.weight < math.inf:
            raise ValueError(f"metric {name} is {metric.value} with weight {metric.weight}")
        exact = exact and type(metric.value) is type(metric.weight) is float
    return score if exact else replace(score, metrics=_floats(score.metrics))


def _floats(metrics: Mapping[str, Metric]) -> dict[str, Metric]:
    """The same metrics in the numbers that a file gives back: a task's own scorer may use 1."""
    return {
        name: Metric(value=float(metric.value), weight=float(metric.weight))
        for name, metric in metrics.items()
    }


def _row(
    task: Task, sample: Sample, repeat: int, score: Score, columns: Mapping[str, float | str]
) -> ScoreRow:
    unparsed = float(score.status == "parse_error")
    return ScoreRow(
        bucket=task.bucket,
        task=task.name,
        id=sample.id,
        key=sample.key,
        cluster=sample.cluster,
        repeat=repeat,
        status=score.status,
        score=score.value,
        primary=score.primary,
        metrics=score.metrics,
        health={**columns, "unparsed": unparsed},
        tags=sample.tags,
        answer=_text(score.answer),
        reason=_text(score.reason),
    )


def _text(said: str | None) -> str | None:
    """What the model wrote, as the scorer read it; a task's own may have read a number."""
    return None if said is None else writable(str(said))


def _zero(
    task: Task,
    sample: Sample,
    repeat: int,
    *,
    status: Status,
    reason: str,
    columns: Mapping[str, float | str] | None = None,
) -> ScoreRow:
    """Give a row of value 0 with the metrics and weights that this sample has."""
    score = replace(_zeroed(task, sample), status=status, reason=reason)
    return _row(task, sample, repeat, score, columns or {})


def _zeroed(task: Task, sample: Sample) -> Score:
    """Return the metrics of an empty answer, all at 0 and weighted as they would be."""
    try:
        score = _judge(task, sample, Transcript(steps=()))
    except Exception:  # a scorer that needs an outcome: its metrics are not known without
        return _ACCURACY
    return _zeros(score.metrics, score.primary)


def _zeros(metrics: Mapping[str, Metric], primary: str) -> Score:
    zeros = {name: Metric(value=0.0, weight=m.weight) for name, m in metrics.items()}
    return Score(metrics=zeros, primary=primary)


def _failed(task: Task, sample: Sample, repeat: int, reason: str) -> ScoreRow:
    """Give a row without a value."""
    nothing = {"": Metric(value=0.0, weight=0.0)}
    score = Score(metrics=nothing, primary="", status="failed", reason=reason)
    return replace(_row(task, sample, repeat, score, {}), score=None, metrics={}, health={})
