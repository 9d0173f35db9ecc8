"""Servers that go away: noticed once for everybody, waited for, and given up by one line."""

import asyncio
from collections.abc import Callable
from time import perf_counter

from evalsuite.client import Client, Replicas
from evalsuite.client.replicas import GONE, NOBODY
from evalsuite.errors import ServerError
from evalsuite.runner.means import Means

_EVERY = 0.5  # seconds between two looks at a server that went away


class Liveness:
    """Who is being waited for.

    Args:
        means: what the loop works with.
        planned: samples in the whole run, for the message.
        stopping: whether the run is being stopped; then nobody is waited for.
    """

    def __init__(self, means: Means, planned: int, stopping: Callable[[], bool]) -> None:
        self._means, self._planned, self._stopping = means, planned, stopping
        self._revival: dict[str, asyncio.Task[None]] = {}

    async def revive(self, role: str, client: Client | Replicas) -> None:
        """Wait, once for everybody, until a server that went away answers again.

        Raises:
            ServerError: it did not in time.
        """
        waiting = self._revival.get(role)
        if waiting is None or waiting.done():
            waiting = asyncio.create_task(self._await_health(role, client))
            self._revival[role] = waiting
        await asyncio.shield(waiting)

    async def _await_health(self, role: str, client: Client | Replicas) -> None:
        why, seconds = self._missing(role, client)
        deadline = perf_counter() + seconds
        while perf_counter() < deadline and not self._stopping():
            if await client.alive():
                self._means.say("the server is back; going on")
                return
            if role == "model" and self._means.why_dead():  # it took a while to die, or twice
                why, seconds = self._missing(role, client)
                deadline = perf_counter() + seconds
            await asyncio.sleep(_EVERY)
        if self._stopping():
            return
        raise ServerError(
            f"the server at {client.where} stopped after {len(self._means.journal.index):,} "
            f"answers (of {self._planned:,} samples){' ' + why if why else ''}. Nothing is "
            "lost: run the same command to go on."
        )

    def _missing(self, role: str, client: Client | Replicas) -> tuple[str, float]:
        """Say that a server went away; why, and how many seconds to wait for it."""
        why = self._means.why_dead() if role == "model" else ""
        seconds = self._means.restart() if why else self._means.wait
        again = "; starting it again, once" if why and seconds else ""
        self._means.say(f"the server at {client.where} went away {why}".rstrip() + again)
        return why, seconds


async def is_dead(client: Client | Replicas, kind: str) -> bool:
    """Whether a failure of this kind came of a server that is not there any more."""
    return kind == NOBODY or (kind in GONE and not await client.alive())
