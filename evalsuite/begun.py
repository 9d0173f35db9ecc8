"""Episodes that stand at their first request since their rows were looked at.

Every first prompt is rendered before anything is asked: to see that it can be, how long it is,
and what it shares with others. The first few megabytes of them are kept and not rendered again.
"""

from evalsuite import episode
from evalsuite import task as tasks
from evalsuite.episode import State
from evalsuite.types import Episode, Item, Sample, Task

_ROOM = 2**22  # bytes of prompts that are kept
_BESIDE = 1024  # bytes of an episode without its prompt


def begin(task: Task, sample: Sample) -> tuple[Episode, State]:
    """A sample's episode, run to its first request or to its end.

    Raises:
        TaskError: a template fails on the row, or the task's function is no generator function.
    """
    generator = tasks.episode(task, sample)
    return generator, episode.begin(generator)


class Begun:
    """Keeps episodes that have begun, until each is taken.

    Args:
        room: bytes of prompts that may be kept.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._kept: dict[tuple[str, str], tuple[Episode, State]] = {}

    def keep(self, task: Task, sample: Sample, begun: tuple[Episode, State], size: int) -> None:
        """Keep an episode where there is room for it.

        One that a function of the task wrote is not: what it holds between requests is its own.

        Args:
            task: whose episode it is.
            sample: of which sample.
            begun: as `begin` gave it.
            size: bytes of its prompt.
        """
        if task.episode is not None:
            return
        self._room -= size + _BESIDE
        if self._room >= 0:
            self._kept[task.name, sample.id] = begun

    def take(self, item: Item) -> tuple[Episode, State]:
        """An item's episode at its first request: the kept one, once, else begun now."""
        kept = self._kept.pop((item.task.name, item.sample.id), None)
        return begin(item.task, item.sample) if kept is None else kept
