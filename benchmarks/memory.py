"""Memory of `evalsuite run` while it asks 100,000 samples: how much, and does it grow?

    python benchmarks/memory.py                    # about a minute on two idle cores
    python benchmarks/memory.py --samples 20000    # a look

The work and the server are those of engine.py, answering at once, 64 requests at a time.
Printed are the resident memory over time, its most while requests were on their way and in all,
and how much it grew per sample between the first tenth of the asking and the last.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import measure
import wire_server
import work

PEAK = 250.0  # MB that the run may take
GROWTH = 1000.0  # bytes a sample that memory may grow by while asking
_BARS = " ▁▂▃▄▅▆▇█"
_ROWS = 24  # of the printed table


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was seen; MB are 1e6 bytes.

    Attributes:
        samples: how many were asked.
        seconds: wall of the whole process.
        cpu: its user and system time.
        first: MB, median over the first tenth of the time in which requests were on their way.
        last: the same over the last tenth.
        asking: most MB in that time.
        peak: most MB of the process.
        growth: bytes a sample between the first tenth and the last.
    """

    samples: int
    seconds: float
    cpu: float
    first: float
    last: float
    asking: float
    peak: float
    growth: float


def main() -> None:
    """Run, and print memory over time and the verdict."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--samples", type=int, default=100_000, help="default: 100000")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    arguments = parser.parse_args()
    if arguments.samples < 100:
        parser.error("expected at least 100 samples")
    with tempfile.TemporaryDirectory(prefix="evalsuite-benchmark-") as name:
        folder = Path(name)
        program = wire_server.compile_to(folder)
        rows = work.write_work(folder, arguments.samples)
        with wire_server.WireServer(program, latency=0) as server:
            place = work.Place(base_url=server.base_url, width="64")
            took = measure.run(work.ours(place, rows), folder)
            seen = server.take()
    if seen.requests != arguments.samples:
        raise SystemExit(f"{seen.requests} requests were seen, expected {arguments.samples}")
    found = summarised(took, (seen.first, seen.last), arguments.samples)
    if arguments.json:
        print(json.dumps(asdict(found)))
        return
    _show(found, took, (seen.first, seen.last))


def summarised(took: measure.Process, asked: tuple[float, float], samples: int) -> Found:
    """The figures of a run.

    Args:
        took: the measured process.
        asked: when the first request was read and the last answer written.
        samples: how many were asked.
    """
    began, ended = asked
    tenth = (ended - began) / 10
    first = _median(took, began, began + tenth)
    last = _median(took, ended - tenth, ended)
    return Found(
        samples=samples,
        seconds=took.wall,
        cpu=took.cpu,
        first=first,
        last=last,
        asking=max((size for at, size in took.memory if began <= at <= ended), default=0.0),
        peak=took.peak,
        growth=(last - first) * 1e6 / (0.9 * samples),
    )


def _median(took: measure.Process, since: float, until: float) -> float:
    return median([size for at, size in took.memory if since <= at <= until] or [0.0])


def _show(found: Found, took: measure.Process, asked: tuple[float, float]) -> None:
    sizes = _thinned(took)
    most = max(size for _, size in sizes)
    print(f"{found.samples:,} samples in {found.seconds:.0f} s ({found.cpu:.0f} s of CPU)\n")
    print("".join(_BARS[round((len(_BARS) - 1) * size / most)] for _, size in sizes))
    print(f"\n{'seconds':>9}{'MB':>7}")
    for at, size in sizes:
        doing = "reading" if at < asked[0] else "asking" if at <= asked[1] else "concluding"
        print(f"{at - took.began:>9.1f}{size:>7.0f}  {doing}")
    print(
        f"\nmost while asking {found.asking:.0f} MB, most in all {found.peak:.0f} MB "
        f"(target {PEAK:.0f}): {'met' if found.peak <= PEAK else 'missed'}\n"
        f"from {found.first:.0f} to {found.last:.0f} MB while asking, "
        f"{found.growth:.0f} bytes a sample (target {GROWTH:.0f}): "
        f"{'met' if found.growth <= GROWTH else 'missed'}"
    )


def _thinned(took: measure.Process) -> Sequence[tuple[float, float]]:
    """The most memory in each of `_ROWS` equal spans of time."""
    step = took.wall / _ROWS
    edges = [took.began + step * number for number in range(_ROWS + 1)]
    spans = (
        (until, [size for at, size in took.memory if since <= at < until])
        for since, until in pairwise(edges)
    )
    return [(at, max(sizes)) for at, sizes in spans if sizes]


if __name__ == "__main__":
    main()
