"""A run watched while it is asked: rows come in any order, looks are taken in theirs."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from evalsuite import pairing
from evalsuite.looks.course import Course, Follower
from evalsuite.looks.schedule import Place, Schedule, Track
from evalsuite.pairing import TaskPairs
from evalsuite.types import Item, ScoreRow


class Watch:
    """Takes a look as soon as every answer of its prefix is there, and stops what is decided.

    `row` may be called from any one thread at a time, `wanted` from any.

    Args:
        schedule: what was planned.
        baseline: rows of the baseline.
        on_stop: told of each bucket that has ended.
        in_flight: requests at once that the looks were planned for.
    """

    def __init__(
        self,
        schedule: Schedule,
        baseline: Sequence[ScoreRow],
        *,
        on_stop: Callable[[Course], None] = lambda course: None,
        in_flight: int = 1,
    ) -> None:
        self.schedule, self._in_flight = schedule, in_flight
        self._on_stop = on_stop
        self._before = _by_place(baseline)
        self._now: dict[Place, list[ScoreRow]] = {}
        self._owed = {
            name: [_owed(track, look) for look in range(len(track.sizes))]
            for name, track in schedule.tracks.items()
        }
        self._look_of = {name: _look_of(track) for name, track in schedule.tracks.items()}
        self._follower = Follower(schedule, self._pairs)
        self._guard = threading.Lock()

    def wanted(self, item: Item) -> bool:
        """Whether an item still has a say: its bucket has not ended."""
        return item.task.bucket not in self._follower.ended

    def room(self) -> int:
        """How many answers may be on their way at once.

        Those that the next look of every bucket still lacks, and no fewer than were planned
        for: more would mostly be asked in vain where buckets stop.
        """
        stages, ended = self._follower.stages, self._follower.ended
        lacking = sum(
            owed[min(len(stages[name]), len(owed) - 1)]  # its last look may just be taken
            for name, owed in self._owed.items()
            if name not in ended
        )
        return max(self._in_flight, lacking)

    def row(self, row: ScoreRow) -> None:
        """Take in one scored row, a failed one too; takes the looks that it completes."""
        if row.bucket not in self.schedule.tracks:
            return
        with self._guard:
            place = (row.task, row.id)
            slim = replace(row, answer=None, reason=None, health={}, tags={})
            self._now.setdefault(place, []).append(slim)
            owed, look = self._owed[row.bucket], self._look_of[row.bucket][place]
            owed[look] -= 1
            if owed[look]:
                return
            ended = self._follower.advance(self._ready())
            courses = self._follower.courses() if ended else {}
        for name in ended:
            self._on_stop(courses[name])

    def courses(self) -> dict[str, Course]:
        """Every bucket's looks so far."""
        with self._guard:
            return self._follower.courses()

    def _ready(self) -> Mapping[str, int]:
        found = {}
        for name, owed in self._owed.items():
            taken = len(self._follower.stages[name])
            while taken < len(owed) and owed[taken] == 0:
                taken += 1
            found[name] = taken
        return found

    def _pairs(self, track: Track, look: int) -> tuple[TaskPairs, ...]:
        places = track.items[: track.sizes[look]]
        before = [row for place in places for row in self._before.get(place, ())]
        now = [row for place in places for row in self._now.get(place, ())]
        return pairing.pair(before, now)


def _by_place(rows: Sequence[ScoreRow]) -> dict[Place, list[ScoreRow]]:
    found: dict[Place, list[ScoreRow]] = {}
    for row in rows:
        found.setdefault((row.task, row.id), []).append(row)
    return found


def _look_of(track: Track) -> dict[Place, int]:
    """The look whose prefix each sample completes."""
    found: dict[Place, int] = {}
    start = 0
    for look, size in enumerate(track.sizes):
        found |= dict.fromkeys(track.items[start:size], look)
        start = size
    return found


def _owed(track: Track, look: int) -> int:
    """Answers between a look and the one before it."""
    start = track.sizes[look - 1] if look else 0
    return sum(track.repeats[task] for task, _ in track.items[start : track.sizes[look]])
