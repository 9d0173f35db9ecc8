"""The loop: as many episodes at once as the pace allows, each driven to its end."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import zip_longest

from evalsuite import episode, order, shelf
from evalsuite.begun import begin
from evalsuite.errors import IncompleteError
from evalsuite.journal import FSYNC_SECONDS, Journal
from evalsuite.order import Hints
from evalsuite.runner import signals
from evalsuite.runner.answers import Answers
from evalsuite.runner.liveness import Liveness
from evalsuite.runner.means import Means
from evalsuite.types import Item, Plan, Request, Response, Step, Transcript

FULL = "the context is full"  # why an episode was truncated
_LOOK = 0.1  # seconds between two looks at whether there is room again

Unit = tuple[Item, ...]  # repeats of one sample that begin together


async def run(plan: Plan, means: Means, on_done: Callable[[Item, Transcript], None]) -> None:
    """Drive every item of a plan to its end.

    Args:
        plan: what is asked.
        means: clients, journal and limits.
        on_done: called in the loop's thread with each finished item, in any order.

    Raises:
        ServerError: a server went away and did not come back in time.
        IncompleteError: the disk is full.
        StoreError: the journal holds another request under the same key.
        Interrupted: Ctrl-C or SIGTERM; what was in flight has been awaited and journalled.
    """
    loop = _Loop(plan, means, on_done)
    keeping = asyncio.create_task(_keep_synced(means.journal))
    try:
        with signals.handled(loop.stop):
            await loop.run()
    finally:
        keeping.cancel()
    if loop.stopping:
        raise signals.interrupted(
            f"interrupted after {len(means.journal.index):,} answers; nothing is lost: "
            "run the same command to go on",
            loop.stopping,
        )


async def _keep_synced(journal: Journal) -> None:
    """Answers that come rarely are on the disk within a second all the same."""
    while True:
        await asyncio.sleep(FSYNC_SECONDS)
        with suppress(IncompleteError):  # the next answer that is written tells it
            journal.sync_if_due()


def _in_turn(plan: Plan, hints: Hints) -> Iterator[Unit]:
    """Every sample: the first block of every bucket, then the second of every bucket, ...

    A block is put in order when it is reached. The next is reached when a worker has nothing
    else to do, so that no end of a block leaves the server idle.
    """
    for turn in zip_longest(*plan.blocks.values(), fillvalue=()):
        for block in turn:
            yield from order.arrange(block, hints)


class _Loop:
    """The state of one run: which items are left, who works, and whether to stop."""

    def __init__(
        self, plan: Plan, means: Means, on_done: Callable[[Item, Transcript], None]
    ) -> None:
        self.means, self.on_done = means, on_done
        self.stopping = 0  # the signal that asked for it
        self._units = _in_turn(plan, means.hints)
        self._begun: deque[Item] = deque()  # repeats whose first answers were asked together
        self._dry = False  # whether every unit has been handed out
        self._workers: set[asyncio.Task[None]] = set()
        self._news, self._errors = asyncio.Event(), list[BaseException]()
        planned = sum(len(block) for blocks in plan.blocks.values() for block in blocks)
        liveness = Liveness(means, planned, self._is_stopping)
        self._answers = Answers(means, plan.seed, liveness, self._is_stopping)

    def _is_stopping(self) -> bool:
        return bool(self.stopping)

    async def run(self) -> None:
        """Work the items off; the first error cancels the rest and is raised."""
        self._grow()
        try:
            while self._workers:
                await self._something_new()
                for error in self._errors:
                    raise error
                self._grow()
        finally:
            rest = tuple(self._workers)
            for worker in rest:
                worker.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

    async def _something_new(self) -> None:
        """Wait until a worker ends or another may begin."""
        self._news.clear()
        risen = asyncio.create_task(self._risen())
        risen.add_done_callback(self._tell)
        try:
            await self._news.wait()
        finally:
            risen.cancel()

    async def _risen(self) -> None:
        """Wait until more workers may be than there are; for good where they have no work."""
        if self._dry or self.stopping:
            await asyncio.get_running_loop().create_future()
        await self.means.pace.rise(above=len(self._workers))
        while self._limit() <= len(self._workers):  # there is no room, and no word when
            await asyncio.sleep(_LOOK)

    def _tell(self, risen: asyncio.Task[None]) -> None:
        if not risen.cancelled():
            self._news.set()

    def _limit(self) -> int:
        """How many workers may be now, at least one."""
        return min(self.means.pace.places, max(1, self.means.room()))

    def stop(self, number: int) -> None:
        """First call: ask nothing new and drain. Second call: drop what is in flight."""
        if self.stopping:
            for worker in self._workers:
                worker.cancel()
        else:
            self.means.say("stopping once what is asked is answered (Ctrl-C again: at once)")
        self.stopping = number

    # ------------------------------------------------------------------ workers

    def _grow(self) -> None:
        """Start as many workers as the pace allows and there is work for."""
        while len(self._workers) < self._limit():
            unit = self._next()
            if not unit:
                return
            worker = asyncio.create_task(self._work(unit))
            self._workers.add(worker)
            worker.add_done_callback(self._ended)

    def _ended(self, worker: asyncio.Task[None]) -> None:
        self._workers.discard(worker)
        error = None if worker.cancelled() else worker.exception()
        if error is not None:
            self._errors.append(error)
        self._news.set()

    def _next(self) -> Unit:
        """What to begin with next, of it what is wanted; empty where there is nothing."""
        if self.stopping:
            return ()
        if self._begun:
            return (self._begun.popleft(),)
        for unit in self._units:
            wanted = tuple(filter(self.means.wanted, unit))
            if wanted:
                return wanted
        self._dry = True
        return ()

    async def _work(self, unit: Unit) -> None:
        """Work off one unit after the other, until none is left or the pace allows fewer."""
        while unit:
            if len(unit) > 1:
                await self._ask_together(unit)
            item, served = shelf.whole(unit[0]), self._answers.served
            transcript = await self._drive(item)
            if transcript is None:
                return
            self.on_done(item, transcript)
            await self.means.settle()
            if self._answers.served == served:  # replayed answers never await: let others in
                await asyncio.sleep(0)
            if len(self._workers) > self._limit():
                return
            unit = self._next()

    async def _ask_together(self, unit: Unit) -> None:
        """Ask for the first answers of all repeats at once; each then goes on alone."""
        generator, state = begin(unit[0].task, unit[0].sample)
        generator.close()
        if isinstance(state, episode.Waiting) and len(state.requests) == 1:
            await self._answers.to_all(unit, state.requests[0])
        self._begun.extend(unit[1:])
        self._grow()

    # ----------------------------------------------------------------- episodes

    async def _drive(self, item: Item) -> Transcript | None:
        """One episode to its end; None where the run is stopping and an answer is owed."""
        generator, state = self.means.begun.take(item)
        steps: list[Step] = []
        while isinstance(state, episode.Waiting):
            ended = episode.over(item.task.limits, steps)
            if ended is not None:
                generator.close()
                return episode.transcript(steps, state, truncated=ended)
            responses = await self._step(item, len(steps), state.requests)
            if responses is None:
                return None
            if steps and any(is_full(response) for response in responses):
                generator.close()
                return episode.transcript(steps, state, truncated=FULL)
            steps.append(tuple(zip(state.requests, responses, strict=True)))
            state = episode.resume(generator, state, responses)
        return episode.transcript(steps, state)

    async def _step(
        self, item: Item, step: int, requests: Sequence[Request]
    ) -> tuple[Response, ...] | None:
        """The answers to what is asked together; None where one is owed and we are stopping."""
        if len(requests) == 1:  # no task of its own for the usual case
            answer = await self._answers.to(item, step, 0, requests[0])
            return None if answer is None else (answer,)
        answers = await asyncio.gather(
            *(self._answers.to(item, step, part, one) for part, one in enumerate(requests))
        )
        responses = tuple(answer for answer in answers if answer is not None)
        return responses if len(responses) == len(answers) else None


def is_full(response: Response) -> bool:
    """Whether the server refused a prompt because it no longer fits the context."""
    return response.failure is not None and response.failure.kind == "context"
