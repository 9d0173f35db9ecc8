"""Ctrl-C and SIGTERM, taken as a wish and not as a blow."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from evalsuite.errors import Interrupted

T = TypeVar("T")


async def interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Await what is no part of the loop; Ctrl-C and SIGTERM cancel it.

    Raises:
        Interrupted: a signal came.
    """
    task = asyncio.ensure_future(work)
    came: list[int] = []

    def stop(number: int) -> None:
        came.append(number)
        task.cancel()

    with handled(stop):
        try:
            return await task
        except asyncio.CancelledError:
            if not came:
                raise
    raise interrupted("interrupted; nothing is lost: run the same command to go on", came[0])


def interrupted(said: str, number: int) -> Interrupted:
    """The error that a signal ends a run with; its exit code names the signal."""
    error = Interrupted(said)
    error.exit_code = 128 + number
    return error


@contextmanager
def handled(stop: Callable[[int], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `stop` instead of breaking in, while the block runs."""
    running = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            running.add_signal_handler(number, stop, number)
    except (ValueError, RuntimeError):  # not the main thread: its owner handles signals
        yield
        return
    try:
        yield
    finally:
        for number in numbers:
            running.remove_signal_handler(number)
            signal.signal(number, previous[number])
