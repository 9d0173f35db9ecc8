"""Hours in minutes: run after run in one process at full load, and does anything grow?

    python benchmarks/soak.py                 # ten minutes
    python benchmarks/soak.py --minutes 1     # a look

The work and the server are those of engine.py: 2,000 prompts a run, answered at once, over and
over in one process, as whoever calls `evalsuite` from Python would. After every run are
counted what must not pile up: resident memory, open files, threads, processes and asyncio
tasks; while it asks, how many tasks and open files there are at most. Leaves with 1 where the
last quarter of the runs holds more than the first.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import wire_server
import work

from evalsuite.types import Bucket, ScoreRow

WIDTH = 64  # requests at once: fixed, so that what is open can be compared
WARM = 0.2  # of the runs: allocators and caches fill
MEMORY = (0.02, 4.0)  # what noise may add: a share, and MB
ASKING = 0.2  # the share by which the most tasks or files of a run may differ
_EVERY = 0.1  # seconds between two looks while a run asks
_ROWS = 20  # of the printed table
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One run, and what was there after it.

    Attributes:
        at: seconds since the first run began.
        seconds: wall of the run.
        memory: resident MB (1e6 bytes) after it.
        files: open file descriptors after it.
        threads: after it.
        children: processes after it.
        tasks: asyncio tasks alive after it.
        asking_files: most open files seen while it went on.
        asking_tasks: most asyncio tasks seen while it went on.
    """

    at: float
    seconds: float
    memory: float
    files: int
    threads: int
    children: int
    tasks: int
    asking_files: int
    asking_tasks: int


def main() -> None:
    """Run for so many minutes, print what was there, and say whether it grew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="default: 10")
    parser.add_argument("--samples", type=int, default=2000, help="a run; default: 2000")
    parser.add_argument("--json", action="store_true", help="print every look as JSON")
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("EVALSUITE_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        looks = soak(Path(folder), arguments.samples, 60 * arguments.minutes)
    problems = grown(looks)
    if arguments.json:
        print(json.dumps({"looks": [asdict(one) for one in looks], "grown": problems}))
    else:
        _print(looks, arguments.samples, problems)
    raise SystemExit(bool(problems))


def soak(folder: Path, samples: int, seconds: float) -> list[Look]:
    """Run after run until the time is up, each in a folder of its own that is then removed.

    Raises:
        SystemExit: a run is not whole, or the server was asked something twice.
    """
    tree = work.write_work(folder / "work", samples).parents[2]
    looks: list[Look] = []
    with wire_server.WireServer(wire_server.compile_to(folder), latency=0) as server:
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            started, most = time.monotonic(), _Most()
            _run(server.base_url, tree, folder / "runs", most)
            shutil.rmtree(folder / "runs")
            looks.append(_look(started - began, time.monotonic() - started, most))
            if server.take().requests != samples:
                raise SystemExit("the server was not asked for every sample once")
    return looks


def _run(base_url: str, tree: Path, runs: Path, most: "_Most") -> None:
    """One run in this process."""
    from evalsuite import evaluate, host, selection

    run = evaluate.evaluate(
        host.Target(base_urls=(base_url,), model="mock"),
        selection.Selection(
            buckets=("benchmark",), tasks_dir=tree / "tasks", buckets_dir=tree / "buckets"
        ),
        evaluate.Settings(runs=runs, concurrency=WIDTH),
        most,
    )
    if run.status != "complete":
        raise SystemExit(f"a run ended {run.status}")


class _Most:
    """Shows nothing of a run, and sees the most tasks and open files while it asks."""

    def __init__(self) -> None:
        self.tasks = self.files = 0

    def say(self, line: str) -> None:
        """Nothing."""

    def row(self, row: ScoreRow) -> None:
        """Nothing."""

    def stopped(self, bucket: str, said: str) -> None:
        """Nothing."""

    @contextlib.contextmanager
    def waiting(self, label: str) -> Iterator[Callable[[float, str], None]]:
        """Nothing: no server is started."""
        yield lambda seconds, news: None

    @contextlib.contextmanager
    def buckets(self, buckets: tuple[Bucket, ...], totals: Mapping[str, int]) -> Iterator[None]:
        """Look again and again while requests are on their way; entered in their loop."""
        loop, ended = asyncio.get_running_loop(), threading.Event()

        def look() -> None:
            while not ended.wait(_EVERY):
                self.tasks = max(self.tasks, len(asyncio.all_tasks(loop)))
                self.files = max(self.files, _files())

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _look(at: float, seconds: float, most: _Most) -> Look:
    gc.collect()
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return Look(
        at=at,
        seconds=seconds,
        memory=resident / 1e6,
        files=_files(),
        threads=threading.active_count(),
        children=len(children),
        tasks=_tasks(),
        asking_files=most.files,
        asking_tasks=most.tasks,
    )


def _files() -> int:
    return len(os.listdir("/proc/self/fd")) - 1  # that of the listing


def _tasks() -> int:
    """Between runs, when no other thread is in the middle of making what is counted."""
    return sum(isinstance(one, asyncio.Task) and not one.done() for one in gc.get_objects())


def quarters(looks: Sequence[Look]) -> tuple[list[Look], list[Look]]:
    """The first and the last quarter of the runs, those that warm up left out."""
    warm = list(looks[round(WARM * len(looks)) :])
    size = max(1, len(warm) // 4)
    return warm[:size], warm[-size:]


def grown(looks: Sequence[Look]) -> list[str]:
    """What the last quarter of the runs holds more of than the first, one line each.

    Args:
        looks: at least 8, or nothing can be told.
    """
    if len(looks) < 8:
        return [f"only {len(looks)} runs: too few to tell"]
    first, last = quarters(looks)
    problems = []
    share, more = MEMORY
    for name in ("memory", "files", "threads", "children", "tasks", "asking_files",
                 "asking_tasks"):  # fmt: skip
        before = median(getattr(one, name) for one in first)
        after = median(getattr(one, name) for one in last)
        room = 0.0
        if name == "memory":
            room = max(share * before, more)
        elif name.startswith("asking"):
            room = max(2, ASKING * before)
        if after > before + room:
            problems.append(f"{name.replace('_', ' ')}: {before:,.1f}, then {after:,.1f}")
    return problems


def _print(looks: Sequence[Look], samples: int, problems: Sequence[str]) -> None:
    print(f"{len(looks):,} runs of {samples:,} samples in one process\n")
    print("  minute   run s      MB   files  threads  processes  tasks   asking: files  tasks")
    for one in looks[:: max(1, len(looks) // _ROWS)]:
        print(
            f"{one.at / 60:8.1f}{one.seconds:8.2f}{one.memory:8.1f}{one.files:8d}"
            f"{one.threads:9d}{one.children:11d}{one.tasks:7d}{one.asking_files:16d}"
            f"{one.asking_tasks:7d}"
        )
    first, last = quarters(looks)
    before, after = (median(one.memory for one in part) for part in (first, last))
    print(f"\nMB: {before:.1f} in the first quarter, {after:.1f} in the last")
    print("\n".join(f"GREW  {line}" for line in problems) or "nothing grew")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    main()
