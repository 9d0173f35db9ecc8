"""How many requests are in flight: a number that nobody has to tune, or one that is fixed.

The caller holds a slot for each request on its way; the client tells what came of attempts.

    pace = Pace()                       # adapts; Pace(64) stays at 64
    async with client.slot(call):       # pace.slot(), or the lane for log-probabilities
        response = await client.ask(call)
    pace.limit                          # how many may be on their way now; it changes
    await pace.rise(above=pace.limit)   # wakes when more are let in
    pace.report()                       # what was chosen and why

`Climb` chooses; here it gets its rounds. A round is as many answers as there are requests in
flight (about one latency), or, where answers take long and vLLM's /metrics tells the tokens
that it has generated so far, a few seconds of those.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

from evalsuite.client.climb import Climb, Round
from evalsuite.client.gauges import Gauges
from evalsuite.client.lane import Lane
from evalsuite.client.slots import Slots
from evalsuite.errors import UsageError
from evalsuite.types import JSON, Failure

START = 64  # enough to keep a small server busy, few enough to open at once
QUEUED = 128  # to begin with where the server queues what it cannot run yet, as vLLM does
CEILING = 1024
LANE = 8  # log-probability requests in flight
_SPARE = 64  # open files that are not connections
_SHORTEST = 0.1  # seconds of a round: less is noise
_LOOKS = 1.5  # seconds between the first and the last look of a round measured in tokens
_SETTLED = 0.5  # seconds that tokens need to show a new level
_BUSY = 0.8  # share of the level that is in flight in a round that counts
_WALL = (6.0, 120.0)  # seconds until more than was refused is tried: at first, at most
_PAUSES = 30  # a refusal that stops everybody for a second may come once in so many seconds
_EVERY = (0.5, 2.0)  # seconds between two looks at /metrics: while trying, and at rest
_LONG = 5.0  # seconds of a pause that a person is told of
_REFUSED = (429, 503)
_LATEST = 128  # answers and refusals that tell how many are refused now
_FEW = 0.2  # share of what is refused up to which those that are again say nothing of the limit


@dataclass(slots=True)
class _Meter:
    """What a round has seen so far; it is looked at after `target` answers."""

    began: float
    area: float  # `Pace._area` when it began
    target: int
    done: int = 0  # answers, `calls` where each request counts once
    calls: int = 0
    times: float = 0.0  # seconds of the calls, summed; and each times its number
    moment: float = 0.0
    looks: list[tuple[float, float]] = field(default_factory=list)  # (seconds, tokens)

    def note(self, now: float, weight: int) -> float:
        """Count an answer; returns the seconds since the round began."""
        seconds = now - self.began
        self.done += weight
        self.calls += 1
        self.times += seconds
        self.moment += self.calls * seconds
        return seconds

    def rate(self) -> float:
        """Answers a second: the slope of a line through all of them.

        Counting between two moments would be wrong by a burst, and requests that began
        together end together.
        """
        n, mean = self.calls, (self.calls + 1) / 2
        slope = (self.moment / n - mean * self.times / n) / ((n * n - 1) / 12)
        return self.done / n / slope if slope > 0 else 0.0


@dataclass(slots=True)
class _Refusals:
    """The refusals of requests that were on their way together."""

    epoch: int = 0
    before: int = 0  # the limit
    flight: int = 0  # requests on their way
    count: int = 0  # of them refused


class Pace(Slots):
    """The number of requests in flight to one server, or to replicas that share the work.

    429 and 503 lower it to what was accepted, at most by half for all that were on their way
    together, and a Retry-After holds everybody back.

    Args:
        fixed: stay at this number; None adapts it.
        ceiling: never more than this; None: 1,024, or what open files allow.
        lane: log-probability requests in flight, see `Lane`.
        start: where adapting begins.
        clock: seconds from an arbitrary start.
        say: shows one line to a person.

    """

    def __init__(
        self,
        fixed: int | None = None,
        *,
        start: int = START,
        ceiling: int | None = None,
        lane: int = LANE,
        clock: Callable[[], float] = perf_counter,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        ceiling = min(CEILING, connections()) if ceiling is None else ceiling
        super().__init__(fixed or min(start, ceiling))
        self.fixed = fixed
        self.lane = Lane(lane, say)
        self.highest = self.limit
        self.refusals = 0  # answers 429 and 503
        self.held = 0.0  # seconds that everybody was held back
        self._clock, self._say = clock, say
        self._climb = Climb(self.limit, ceiling)
        self._wire, self._at, self._area = 0, clock(), 0.0  # in flight, since when, summed
        self._meter: _Meter | None = None
        self._settle = 0  # answers until a round may begin
        self._warm = False  # the connections are open
        self._event = _Refusals()
        self._answered = self._refused = 0.0  # of the latest ones
        self._until, self._told = 0.0, False  # nothing is sent before; a person knows of it
        self._wall, self._wall_seconds = 0.0, _WALL[0]
        self._gauges: dict[str, Gauges] = {}
        self._crowded = 0  # looks in a row at which the server made requests wait

    # ------------------------------------------------------------ what the client tells

    async def ready(self) -> None:
        """Wait while a server has asked for a pause."""
        while (wait := self._until - self._clock()) > 0:
            await asyncio.sleep(wait)

    def hold(self, seconds: float) -> None:
        """Send nothing for so long: a server asked for it by Retry-After."""
        now = self._clock()
        until = max(self._until, now + seconds)
        if seconds >= _LONG and not self._told:
            self._told = True
            self._say(f"the server asks for a pause of {seconds:,.0f} s: everything waits")
        self.held += until - max(self._until, now)
        self._until = until
        self._wall_seconds = max(self._wall_seconds, min(_PAUSES * seconds, _WALL[1]))

    def sent(self, weight: int = 1) -> int:
        """Note that a request is on its way; the ticket is for `failed`."""
        if self.fixed is None:
            now = self._move(weight)
            if self._meter is None and not self._settle:
                self._begin(now)
        return self._event.epoch

    def served(self, weight: int = 1) -> None:
        """Note an answer."""
        if self.fixed is not None:
            return
        self._count(answered=weight)
        now = self._move(-weight)
        meter = self._meter
        if meter is None:
            if self._wire <= self.limit:
                self._settle = max(0, self._settle - weight)
                if not self._settle:
                    self._begin(now)
            return
        seconds = meter.note(now, weight)
        if meter.done >= meter.target and self._climb.unit != "tokens":
            self._look(meter, now, seconds)

    def lost(self, weight: int = 1) -> None:
        """Note that a request ended without an answer."""
        if self.fixed is None:
            self._move(-weight)

    def failed(
        self, ticket: int, failure: Failure, weight: int = 1, *, again: bool = False
    ) -> None:
        """Note a failure; 429 and 503 lower the limit.

        Args:
            ticket: of `sent`.
            failure: what came of it.
            weight: as told to `sent`.
            again: the request had failed before. Where most of the others are answered, it
                is refused for what it is and not for how many there are.
        """
        refused = failure.status in _REFUSED
        self.refusals += refused * weight
        if self.fixed is not None:
            return
        flight = self._wire
        now = self._move(-weight)
        if not refused:
            return
        event = self._event
        if ticket >= event.epoch:
            self._count(refused=weight)
            few = self._refused <= _FEW * (self._refused + self._answered)
            if again and few:
                return
            self._raise_wall(now)
            # Where few are refused, those that wait to be sent again were not too many.
            flight = max(flight, self.limit) if few else flight
            event = _Refusals(epoch=event.epoch + 1, before=self.limit, flight=flight)
            self._event = event
        event.count += weight
        # What all of them met is no matter of how many they were.
        accepted = event.flight - event.count or event.before
        level = max(1, event.before // 2, min(accepted, event.before))
        self._climb.fall(level, f"the server refused more (HTTP {failure.status})")
        self._apply(now)

    def observe(self, where: str, gauges: Gauges) -> None:
        """Note what a server's /metrics say; with replicas their sum counts."""
        self._gauges[where] = gauges
        every = self._gauges.values()
        running, waiting = sum(one.running for one in every), sum(one.waiting for one in every)
        full = waiting > max(1.0, 0.05 * running) or max(one.cache for one in every) > 0.95
        self._crowded = self._crowded + 1 if full else 0
        meter, now = self._meter, self._clock()
        tokens = [one.tokens for one in every if one.tokens is not None]
        if meter is None or now - meter.began < _SETTLED or len(tokens) < len(self._gauges):
            return
        meter.looks.append((now, sum(tokens)))
        first, start = meter.looks[0]
        unit = self._climb.unit
        if now - first >= _LOOKS and unit != "requests" and sum(tokens) >= start:
            self._end(now, (sum(tokens) - start) / (now - first), "tokens")

    def resize(self, where: str, share: float) -> None:
        """Note that a replica went away or came back.

        Args:
            where: the replica, as told to `observe`.
            share: what the replicas alive now take of what was taken before, above 0.
        """
        self._gauges.pop(where, None)  # what it said last is no longer so
        if self.fixed is None and share != 1:
            level = max(1, min(round(share * self._climb.base), self._climb.ceiling))
            change = "went away" if share < 1 else "came back"
            self._climb.fall(level, f"a replica {change}")
            self._apply(self._clock())

    @property
    def every(self) -> float:
        """Seconds between two looks at /metrics."""
        return _EVERY[self._climb.resting]

    # ------------------------------------------------------------------------- rounds

    def _move(self, by: int) -> float:
        now = self._clock()
        self._area += self._wire * (now - self._at)
        self._at = now
        self._wire += by
        return now

    def _count(self, answered: int = 0, refused: int = 0) -> None:
        """Note what came of requests; older ones count less and less."""
        keep = 0.5 if self._answered + self._refused > _LATEST else 1.0
        self._answered = keep * self._answered + answered
        self._refused = keep * self._refused + refused

    def _begin(self, now: float) -> None:
        self._meter = _Meter(began=now, area=self._area, target=self._climb.level)
        self._settle = 0

    def _look(self, meter: _Meter, now: float, seconds: float) -> None:
        """End a round that has seen enough answers, or let it see more."""
        meter.target += self._climb.level
        if seconds < _SHORTEST:
            return
        count = meter.done / seconds
        if self._climb.is_clear(count) and meter.done < 2 * self._climb.level:
            self._end(now, count, "requests")
        elif meter.done >= self._climb.quota:
            self._end(now, meter.rate(), "requests")

    def _end(self, now: float, rate: float, unit: str) -> None:
        """A round has ended: judge it, unless there was too little to do."""
        meter, level = self._meter, self._climb.level
        if meter is None:
            return
        seconds = now - meter.began
        self._move(0)
        cold = not self._warm and seconds < 2 * _SHORTEST
        self._warm = True
        if cold or self._area - meter.area < _BUSY * level * seconds:
            self._begin(now)
            return
        self._climb.walled = now < self._wall
        full = self._crowded >= 2
        self._climb.judge(Round(rate=rate, unit=unit, count=meter.done, full=full))
        if self._climb.base > self._event.before:
            self._wall_seconds = _WALL[0]
        if self._climb.level == level:
            self._begin(now)
        else:
            self._apply(now)

    def _apply(self, now: float) -> None:
        """Make the climb's level the limit."""
        before, level = self.limit, self._climb.level
        self._meter = None
        if level > before and (self._climb.bold or self._climb.unit == "tokens"):
            self._begin(now)
        else:
            self._settle = min(before, level)
        self.highest = max(self.highest, level)
        self._set_limit(level)

    def _raise_wall(self, now: float) -> None:
        """Let a while pass until more is tried; twice as long where that was in vain again."""
        if self._wall and now >= self._wall:
            self._wall_seconds = min(2 * self._wall_seconds, _WALL[1])
        self._wall = now + self._wall_seconds

    # --------------------------------------------------------------------- what it was

    def report(self) -> dict[str, JSON]:
        """What was chosen and why: in numbers, and `said` in one line."""
        told: dict[str, JSON] = {
            "said": self._said(),
            "mode": "auto" if self.fixed is None else "fixed",
            "concurrency": self._climb.base,
            "highest": self.highest,
            "throughput": {
                unit: {str(level): round(rate, 2) for level, rate in sorted(rates.items())}
                for unit, rates in self._climb.rates.items()
            },
            "metrics": bool(self._gauges),
            "refusals": self.refusals,
            "held": round(self.held, 1),
        }
        lane = self.lane.report()
        return told if lane is None else told | {"log_probability_lane": lane}

    def _said(self) -> str:
        parts = [f"{self._climb.base:,} requests at once ({self._why()})"]
        if self.refusals:
            parts.append(f"{self.refusals:,} were refused at first (HTTP 429 or 503)")
        if self.held >= 0.1:
            parts.append(f"held back {self.held:,.1f} s as the server asked")
        if self.lane.troubles:
            lane = self.lane
            parts.append(
                f"log-probabilities {lane.limit} at once at the end, {lane.lowest} at least, "
                f"{lane.most} at first ({lane.why})"
            )
        return "; ".join(parts)

    def _why(self) -> str:
        climb = self._climb
        if self.fixed is not None:
            return "fixed by --concurrency"
        if climb.base == climb.ceiling:
            return "throughput rose up to the most that is allowed"
        return climb.why or "the work was done before another number could be tried"


def check(fixed: int | None) -> None:
    """Refuse a number of requests at once that needs more open files than there may be.

    Raises:
        UsageError: so it is.
    """
    most = connections()
    if fixed is not None and fixed > most:
        raise UsageError(
            f"--concurrency: {fixed:,} connections at once need more open files than this "
            f"process may have ({most + _SPARE:,}): ulimit -n {fixed + _SPARE}, or fewer"
        )


def connections() -> int:
    """How many connections the process may have open."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 2**31
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 2**31 if files == resource.RLIM_INFINITY else max(1, files - _SPARE)
