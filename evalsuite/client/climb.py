"""Which concurrency a server answers fastest at, found by climbing: pure, no clock, no loop.

Throughput over concurrency rises, bends (Little's law: throughput = in flight / latency) and
then stays flat or falls. From a level whose throughput is known the next one is tried for a
round: twice as many while that pays (the start-up phase of BBR, Cardwell et al. 2016, ACM
Queue 14-5), then smaller steps with longer rounds around the best. A level is left only for
one that is better by more than a round's noise, and trials that fail come rarer and rarer, so
that nothing oscillates (the probing of BBR and of Netflix' concurrency-limits,
`Gradient2Limit`). A refusal is a wall that is approached again after a while that doubles
(the plateau of CUBIC, Ha et al. 2008).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

_STEPS = (2.0, 2**0.5, 2**0.25)  # factors between levels, from bold to careful
_COUNTS = (16, 256, 600)  # answers of a round for each of them, where levels are high
_REST = (4, 64)  # rounds between two trials once all have failed: the first and the longest
_CLEAR = 1.5  # a trial that gives so many times more, or less, is over at once
_CHANGED = 0.3  # a change of throughput at one level that means other work


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What was seen while the level stayed: `rate` a second, of requests or of tokens."""

    rate: float
    unit: str = "requests"
    count: int = 0  # answers
    full: bool = False  # the server makes requests wait: more cannot help


class Climb:
    """The state of the search.

    Args:
        start: the first level.
        ceiling: the highest level.
    """

    def __init__(self, start: int, ceiling: int) -> None:
        self.ceiling = ceiling
        self.level = self.base = start  # what is tried, and the best that is known
        self.walled = False  # more was refused a short while ago: no way up for now
        self.rates: dict[str, dict[int, float]] = {}  # by unit and level, the latest
        self.why = ""  # what spoke against more
        self._known: Round | None = None  # of the base
        self._step, self._up = 0, True
        self._rest, self._patience = 0, _REST[0]
        self._odd = 0  # rounds in a row that say that the work has changed

    @property
    def quota(self) -> int:
        """Answers that a round needs."""
        return max(16, 4 * self.level, min(8 * self.level, _COUNTS[self._step]))

    @property
    def bold(self) -> bool:
        """Whether levels double: then a round starts at once, otherwise once it has settled."""
        return self._step == 0

    @property
    def trying(self) -> bool:
        """Whether the level is a trial."""
        return self.level != self.base

    @property
    def resting(self) -> bool:
        """Whether no trial is near."""
        return self._rest > 0

    @property
    def unit(self) -> str | None:
        """What a trial must be measured in; None: anything."""
        return self._known.unit if self.trying and self._known else None

    def is_clear(self, rate: float) -> bool:
        """Whether so many requests a second need no longer round to be judged."""
        if not self.bold or self._known is None:
            return self.bold
        return self.level > self.base and not 1 / _CLEAR < rate / self._known.rate < _CLEAR

    def judge(self, seen: Round) -> None:
        """Take note of a round at `level` and choose the next level."""
        self.rates.setdefault(seen.unit, {})[self.level] = seen.rate
        if self.trying and self._known is not None:
            self._judge_trial(seen, self._known)
        else:
            self._judge_base(seen)

    def fall(self, level: int, why: str) -> None:
        """Go to `level`, the highest that is not refused."""
        self.level = self.base = level
        self._known, self._up = None, True
        self._step, self._rest, self._patience = len(_STEPS) - 1, 0, _REST[0]
        self.why = why

    def _judge_base(self, seen: Round) -> None:
        known = self._known
        if known is None or known.unit != seen.unit or known.rate <= 0:
            self._known = seen
        else:
            self._odd = self._odd + 1 if abs(seen.rate / known.rate - 1) > _CHANGED else 0
            if self._odd >= 2:  # other work: look around again
                self._known, self._odd = seen, 0
                self._step, self._rest, self._patience = 0, 0, _REST[0]
            else:
                mean = (known.rate + seen.rate) / 2
                self._known = Round(rate=mean, unit=seen.unit, count=seen.count)
        if self._rest > 0:
            self._rest -= 1
        elif seen.full:
            self.why = "the server made requests wait"
        elif seen.rate > 0 and not self.walled:
            self._try()

    def _try(self) -> None:
        """Begin a trial, or stay where there is none."""
        step = _STEPS[self._step]
        wanted = self.base * step if self._up else self.base / step
        level = ceil(wanted) if self._up else int(wanted)
        self.level = max(1, min(level, self.ceiling))
        if not self.trying:
            self._shrink()

    def _judge_trial(self, seen: Round, known: Round) -> None:
        gain, noise = seen.rate / known.rate - 1, _noise((seen, known))
        self.why = (
            f"{self.level:,} at once gave {seen.rate:,.4g} {seen.unit}/s, "
            f"{self.base:,} gave {known.rate:,.4g}"
        )
        if gain > noise:
            self.base, self._known = self.level, seen
            self._step, self._patience = max(0, self._step - 1), _REST[0]
            self._try()
            return
        self.level = self.base
        if self._up and gain < -noise:  # beyond the peak: it may lie below
            self._up = False
        else:
            self._shrink()

    def _shrink(self) -> None:
        """After a trial in vain: a smaller step, or a rest once there is none."""
        self._up = True
        if self._step + 1 < len(_STEPS):
            self._step += 1
        else:
            self._rest = self._patience
            self._patience = min(2 * self._patience, _REST[1])


def _noise(rounds: Sequence[Round]) -> float:
    """How far two equal rounds may differ: their counts are at worst Poisson."""
    if rounds[0].unit != "requests":
        return 0.05
    return max(0.04, 1.2 / sqrt(max(1, min(one.count for one in rounds))))
