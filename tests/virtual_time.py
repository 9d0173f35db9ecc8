"""An event loop whose time is virtual: sleeping costs nothing, and every run is the same."""

import asyncio
import selectors


class _Selector(selectors.SelectSelector):
    """Never waits: it moves the clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        """Nothing is ever ready; `timeout` seconds go by."""
        if timeout is None:
            raise RuntimeError("everybody waits for somebody: nothing will ever happen")
        self.now += max(0.0, timeout)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual.now


def run(main):
    """Run a coroutine function, called with the loop's clock, to its end."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        loop = runner.get_loop()
        return runner.run(main(loop.time))
