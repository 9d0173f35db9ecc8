"""What the loop works with, and the seeds of what it asks."""

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from evalsuite.begun import Begun
from evalsuite.client import Client, Replicas
from evalsuite.client.pacing import Pace
from evalsuite.journal import Journal, Key
from evalsuite.order import Hints
from evalsuite.reuse import Reuse
from evalsuite.types import Item, Sampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the loop works with.

    Args:
        clients: an open client for each role.
        samplings: of roles whose requests say nothing; the model's say the task's.
        journal: open for writing.
        pace: how many episodes and requests go on at once; its limit may change at any time.
        wanted: asked of an item before it is started; an unwanted one is skipped for good.
        room: how many episodes may go on at once beside what the pace allows; may change, too.
        settle: awaited after every finished item; lets scoring catch up.
        hints: what is known of prompts and answers, for the order of asking.
        begun: episodes whose first prompt is rendered already.
        reuse: counts the prompt tokens of what is asked, and those that were cached.
        wait: seconds to wait for a server that went away.
        why_dead: what our own server said when it died, or "".
        restart: starts our own server again once it died; how many seconds it may take until
            it is healthy, 0 where it is not started again.
        say: shows one line to a person.
    """

    clients: Mapping[str, Client | Replicas]
    journal: Journal
    pace: Pace
    samplings: Mapping[str, Sampling] = field(default_factory=dict)
    wanted: Callable[[Item], bool] = field(default=lambda item: True)
    room: Callable[[], int] = field(default=lambda: sys.maxsize)
    settle: Callable[[], Awaitable[None]] = field(default=lambda: asyncio.sleep(0))
    hints: Hints = field(default_factory=Hints)
    begun: Begun = field(default_factory=Begun)
    reuse: Reuse = field(default_factory=Reuse)
    wait: float = 20.0
    why_dead: Callable[[], str] = field(default=lambda: "")
    restart: Callable[[], float] = field(default=lambda: 0.0)
    say: Callable[[str], None] = field(default=lambda line: None)


def request_seed(plan_seed: int, key: Key) -> int:
    """The seed of a request: a hash of run seed, task, id, step and part, plus the repeat.

    In [0, 2**31 + repeats): the range that every server takes.
    """
    text = f"{plan_seed}/{key.task}/{key.id}/{key.step}/{key.part}".encode()
    base = int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") >> 1
    return base + key.repeat
