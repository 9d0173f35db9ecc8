"""Servers as models in virtual time, and how many answers a pace gets out of them."""

import asyncio
import random
from dataclasses import dataclass

import virtual_time

from evalsuite.client.gauges import Gauges
from evalsuite.client.pacing import Pace
from evalsuite.types import Failure


class Refused(Exception):
    """An answer 429, with the pause asked for."""

    def __init__(self, retry_after=None):
        super().__init__("429")
        self.retry_after = retry_after


@dataclass
class Server:
    """A server of any capacity, or of the limits that are given."""

    seconds: float = 0.2  # that an answer takes
    slots: int | None = None  # requests worked on at once; more queue
    refuse: int | None = None  # requests let in; more get a 429
    retry_after: float | None = None  # seconds that a 429 asks for
    peak: int | None = None  # each request slows the others; beyond this throughput falls
    spread: float = 0.0  # standard deviation of the logarithm of an answer's length
    seed: int = 0

    def __post_init__(self):
        self.random = random.Random(self.seed)
        self.inside = self.waiting = self.refused = self.answered = 0
        self.tokens = 0.0
        self.free = asyncio.Condition()

    async def answer(self):
        """Answer, in time; a refusal is raised."""
        await asyncio.sleep(0.004 + 0.002 * self.random.random())
        if self.refuse is not None and self.inside >= self.refuse:
            self.refused += 1
            raise Refused(self.retry_after)
        if self.slots is not None:
            self.waiting += 1
            async with self.free:
                await self.free.wait_for(lambda: self.inside < self.slots)
                self.inside += 1
            self.waiting -= 1
        else:
            self.inside += 1
        length = self.random.lognormvariate(0, self.spread) if self.spread else 1.0
        slow = 1 + (self.inside / self.peak) ** 2 if self.peak else 1.0
        left = self.seconds * length
        try:
            while left > 1e-9:
                step = min(left, max(0.25, self.seconds / 40))
                await asyncio.sleep(step * slow)
                self.tokens += 100 * step / self.seconds
                left -= step
        finally:
            self.inside -= 1
            if self.slots is not None:
                async with self.free:
                    self.free.notify()
        self.answered += 1


async def drive(pace, server, clock, seconds, *, metrics=False, marks=()):
    """Keep as many requests going as the pace lets in; the answers by each mark and the end."""
    crew = _Crew(pace, server)
    tasks = [asyncio.ensure_future(crew.grow())]
    if metrics:
        tasks.append(asyncio.ensure_future(_look(pace, server)))
    counts = []
    for mark in (*marks, seconds):
        await asyncio.sleep(mark - clock())
        counts.append(server.answered)
    tasks += crew.workers
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return counts


class _Crew:
    """As many workers as the pace allows, like the runner's."""

    def __init__(self, pace, server):
        self.pace, self.server, self.workers = pace, server, set()

    async def grow(self):
        """Start workers whenever the limit rises."""
        while True:
            while len(self.workers) < self.pace.limit:
                worker = asyncio.ensure_future(self.work())
                self.workers.add(worker)
                worker.add_done_callback(self.workers.discard)
            await self.pace.rise()

    async def work(self):
        """Ask until the limit has fallen below the number of workers."""
        while len(self.workers) <= self.pace.limit:
            async with self.pace.slot():
                await ask(self.pace, self.server)
        self.workers.discard(asyncio.current_task())


async def _look(pace, server):
    """Tell the pace what the server's metrics say."""
    while True:
        await asyncio.sleep(pace.every)
        seen = Gauges(running=server.inside, waiting=server.waiting, tokens=server.tokens)
        pace.observe("server", seen)


async def ask(pace, server):
    """Like the client: attempts until there is an answer."""
    while True:
        await pace.ready()
        ticket = pace.sent()
        try:
            await server.answer()
        except Refused as refused:
            if refused.retry_after:
                pace.hold(refused.retry_after)
            pace.failed(ticket, Failure(kind="status", message="", transient=True, status=429))
            await pace.rest(refused.retry_after or 0.4)
        except BaseException:
            pace.lost()
            raise
        else:
            pace.served()
            return


def rate(server, seconds, after, *, fixed=None, metrics=False, **how):
    """Answers a second once `after` seconds are over, and the pace; `server` makes one."""

    async def main(clock):
        pace = Pace(fixed, clock=clock, ceiling=1024, **how)
        counts = await drive(pace, server(), clock, seconds, metrics=metrics, marks=(after,))
        return (counts[1] - counts[0]) / (seconds - after), pace

    return virtual_time.run(main)
