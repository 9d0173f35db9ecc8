"""Notices that the servers have stopped answering, and writes down what can be seen of why.

A server may be alive (its port open, `/health` well) and yet produce no token any more; a run
would wait for it until every request has timed out. What is written down are the servers' own
metrics and where our threads and tasks stand, so that whose fault it was can be read later.
"""

import asyncio
import faulthandler
import re
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO, TypeVar

from evalsuite.client import Client, Endpoint, Replicas, metrics
from evalsuite.errors import ServerError

T = TypeVar("T")
LOG = "stall.log"  # in the run's folder
_TICKS = 8  # looks within the limit
_LONGEST = 30.0  # seconds between two looks, at most
_SOON = 3.0  # seconds that a server gets to tell its metrics
_STACKS = 200  # different stacks that are written down
# What vLLM counts; requests of others on the same server count as progress too.
_TOKENS = re.compile(
    r"^vllm:(?:prompt|generation)_tokens_total(?:\{[^\n]*\})? ([0-9.eE+]+)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is watched.

    Args:
        clients: open ones; their servers together are taken for stalled.
        after: seconds without a token while requests are in flight, above 0; 0: never.
        folder: the run's, which takes `stall.log`.
    """

    clients: Sequence[Client | Replicas]
    after: float
    folder: Path

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer."""
        return sum(client.in_flight for client in self.clients)

    @property
    def heard(self) -> int:
        """How often a server has answered."""
        return sum(client.heard for client in self.clients)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every server."""
        return tuple(end for client in self.clients for end in client.endpoints)


async def unless_stalled(work: Coroutine[Any, Any, T], watch: Watch) -> T:
    """Await `work`, but end it where the servers stall.

    Raises:
        ServerError: no token came for `watch.after` seconds while requests were in flight; what
            could be seen is in `stall.log`.
    """
    if not watch.after:
        return await work
    task, guard = asyncio.ensure_future(work), asyncio.ensure_future(_stalled(watch))
    try:
        await asyncio.wait((task, guard), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        guard.result()  # raises where the watch itself failed
        waiting = watch.in_flight
        await asyncio.to_thread(_write, watch, _stacks())
    finally:
        for one in (task, guard):
            one.cancel()
        await asyncio.gather(task, guard, return_exceptions=True)
    where = ", ".join(client.where for client in watch.clients if client.endpoints)
    logs = sorted(watch.folder.glob("server*.log"), key=lambda log: log.stat().st_mtime)
    printed = f", {logs[-1].name} what the server printed" if logs else ""
    raise ServerError(
        f"stalled: no token from {where} for {watch.after:g} s while {waiting} requests "
        f"waited; {watch.folder / LOG} says what was seen{printed}. Nothing is lost: run the "
        "same command to go on (--stall-after sets the limit)."
    )


async def _stalled(watch: Watch) -> None:
    """Return once the servers have stalled."""
    heard, tokens, since = watch.heard, -1.0, perf_counter()
    while True:
        await asyncio.sleep(min(_LONGEST, watch.after / _TICKS))
        now = perf_counter()
        if watch.heard != heard or not watch.in_flight:
            heard, since = watch.heard, now
            continue
        told = await asyncio.to_thread(tokens_of, watch.endpoints)
        if told is not None and told != tokens:
            # The first reading has nothing to be compared with.
            tokens, since = told, since if tokens < 0 else now
        if now - since >= watch.after:
            return


def tokens_of(endpoints: Sequence[Endpoint]) -> float | None:
    """Tokens that the servers have read and written so far; None where none tells."""
    told = [float(n) for end in endpoints for n in _TOKENS.findall(_metrics(end))]
    return sum(told) if told else None


def _metrics(endpoint: Endpoint) -> str:
    """A server's metrics; "" where it tells none, or not soon: it may hang altogether."""
    return metrics(endpoint, seconds=_SOON) or ""


# ------------------------------------------------------------------------------ what was seen


def _write(watch: Watch, stacks: Counter[tuple[str, ...]]) -> None:
    """Append to the log what can be seen now."""
    with (watch.folder / LOG).open("a", encoding="utf-8") as file:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(f"{when} no token for {watch.after:g} s\n")
        for client in watch.clients:
            file.write(f"{client.where}: {client.in_flight} in flight, {client.heard} heard\n")
        for end in watch.endpoints:
            file.write(f"\n--- metrics of {end.base_url}\n")
            file.write(_metrics(end) or "it does not tell any\n")
        _write_ours(file, stacks)


def _write_ours(file: TextIO, stacks: Counter[tuple[str, ...]]) -> None:
    """Where our own tasks and threads stand."""
    file.write("\n--- our tasks, the most frequent first\n")
    for frames, count in stacks.most_common(_STACKS):
        file.write(f"{count} x\n" + "".join(f"    {frame}\n" for frame in frames))
    file.write("\n--- our threads\n")
    file.flush()
    faulthandler.dump_traceback(file, all_threads=True)
    file.write("\n")


def _stacks() -> Counter[tuple[str, ...]]:
    """Where every task of the running loop stands, and how many stand there."""
    return Counter(tuple(_frames(task.get_coro())) for task in asyncio.all_tasks())


def _frames(coroutine: object) -> Iterator[str]:
    """The lines that a suspended coroutine stands at, the outermost first."""
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        code = frame.f_code
        yield f"{code.co_filename}:{frame.f_lineno} in {code.co_qualname}"
        coroutine = getattr(coroutine, "cr_await", None)
