"""Servers as models in virtual time, and how much of their throughput a pace gets."""

import asyncio
import random
from dataclasses import dataclass

import virtual_time

from evalsuite.client.gauges import Gauges
from evalsuite.types import Failure


class Refused(Exception):
    """An answer 429, with the pause asked for."""

    def __init__(self, retry_after=None):
        super().__init__("429")
        self.retry_after = retry_after


@dataclass
class Server:
    """`slots` at once, the rest queue (None: any number) or is refused above `refuse`."""

    seconds: float = 0.2
    slots: int | None = None
    refuse: int | None = None
    retry_after: float | None = None
    peak: int | None = None  # beyond it each costs the others: throughput falls
    spread: float = 0.0  # coefficient of variation of an answer's length
    seed: int = 0

    def __post_init__(self):
        self.random = random.Random(self.seed)
        self.inside = self.waiting = self.refused = self.answered = 0
        self.tokens = 0.0
        self.free = asyncio.Condition()

    async def answer(self):
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
        left = self.seconds * length
        try:
            while left > 1e-9:
                slow = 1 + (self.inside / self.peak) ** 2 if self.peak else 1.0
                step = min(left, 0.25 if self.seconds > 1 else left)
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
    """Keep as many requests going as the pace lets in; answers by then, at each mark."""
    counts, workers = [], []

    async def work(number):
        while clock() < seconds and number < pace.limit:
            async with pace.slot():
                await ask(pace, server)

    async def grow():
        while True:
            busy = {one.number for one in workers if not one.done()}
            workers[:] = [one for one in workers if not one.done()]
            for number in range(pace.limit):
                if number not in busy:
                    task = asyncio.ensure_future(work(number))
                    task.number = number
                    workers.append(task)
            await pace.rise()

    async def look():
        while metrics:
            await asyncio.sleep(pace.every)
            pace.observe(
                "server",
                Gauges(running=server.inside, waiting=server.waiting, tokens=server.tokens),
            )

    extra = [asyncio.ensure_future(grow()), asyncio.ensure_future(look())]
    for mark in (*marks, seconds):
        await asyncio.sleep(mark - clock())
        counts.append(server.answered)
    for one in (*extra, *workers):
        one.cancel()
    await asyncio.gather(*extra, *workers, return_exceptions=True)
    return counts


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


def rates(make_pace, make_server, seconds, marks, **how):
    """Answers a second between the marks, and the pace."""

    async def main(clock):
        pace = make_pace(clock)
        counts = await drive(pace, make_server(), clock, seconds, marks=marks, **how)
        edges = (0, *marks, seconds)
        times = [b - a for a, b in zip(edges, edges[1:])]
        return [c / t for c, t in zip([b - a for a, b in zip([0, *counts], counts)], times)], pace

    return virtual_time.run(lambda clock: main(clock))
