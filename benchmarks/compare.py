"""How long and how much memory a diff and a gate of two runs take: 12,000 and 1,000,000 rows.

    .venv/bin/python benchmarks/compare.py            # both sizes, about half a minute
    .venv/bin/python benchmarks/compare.py --samples 100000

Two runs of 12 tasks in 6 buckets are made (every answer with its own lengths, a tenth of them
flipped, four slices a task), then read, compared and judged by a process of its own, which
prints its times and the most memory it held.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TARGETS: dict[int, tuple[float | None, float | None]] = {
    12_000: (0.4, None),
    1_000_000: (5.0, 1000),
}  # seconds of diff and gate, MB
BUCKETS, TASKS = 6, 2


def make(folder: Path, n: int, seed: int) -> None:
    """Write a finished run of n rows, without the journal, which no comparison reads."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    from evalsuite import store

    rng, shared = np.random.default_rng(seed), np.random.default_rng(0)
    per = n // (BUCKETS * TASKS)
    names = [(f"bucket{b}", f"task{b}{t}") for b in range(BUCKETS) for t in range(TASKS)]
    n = per * len(names)
    score = (shared.random(n) < 0.7) ^ (rng.random(n) < 0.05)
    ids = [f"{task}-{at:010x}" for _, task in names for at in range(per)]
    tokens, thinking = rng.integers(5, 900, n), rng.integers(0, 4000, n)
    columns = {
        "bucket": [bucket for bucket, _ in names for _ in range(per)],
        "task": [task for _, task in names for _ in range(per)],
        "id": ids,
        "key": [str(at) for _ in names for at in range(per)],
        "cluster": ids,
        "repeat": np.zeros(n, dtype=np.int64),
        "status": ["ok"] * n,
        "score": score.astype(float),
        "weight": np.ones(n),
        "primary": ["accuracy"] * n,
        "answer": tokens.astype(str).tolist(),
        "reason": ["the last number"] * n,
        "metrics": [f'{{"accuracy":[{float(x)},1.0]}}' for x in score],
        "tags": [f'{{"level":"{at % 4}"}}' for at in range(n)],
        "health.answer_tokens": tokens.astype(float),
        "health.thinking_tokens": thinking.astype(float),
        "health.repetition": thinking / 5000,
        "health.cut_off": np.zeros(n),
        "health.answer_language": ["en"] * n,
    }
    buckets = {
        bucket: {"title": bucket, "margin": 0.02, "weights": "task"} for bucket, _ in names
    }
    manifest = {
        "model": folder.name,
        "status": "complete",
        "tasks": {task: {"bucket": bucket, "samples": per} for bucket, task in names},
        "buckets": buckets,
    }
    run = store.create(folder.parent, manifest, path=folder)
    parquet.write_table(pa.table(columns), run.path / "scores.parquet", compression="zstd")


def measure(folder: Path) -> dict[str, float]:
    """Read, compare and judge two runs; in a process of its own."""
    import pyarrow.compute  # noqa: F401 - not part of what is timed, nor the next three

    import evalsuite.stats  # noqa: F401
    from evalsuite import diff, gate, store

    began = time.perf_counter()
    runs = [store.open_run(folder / name) for name in ("base", "tuned")]
    rows = [store.scores(run) for run in runs]
    read = time.perf_counter()
    found = diff.compare(*runs, *rows)
    verdict = gate.judge(found, gate.default_policy(gate.declared_buckets(*runs)))
    assert verdict.buckets, "nothing was judged"
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"read": read - began, "judged": ended - read, "peak": peak}


def rounds(n: int, times: int) -> list[dict[str, float]]:
    """Make two runs of n rows and measure them several times, each in a new process."""
    with tempfile.TemporaryDirectory() as name:
        for seed, run in enumerate(("base", "tuned"), 1):
            # In a process of its own: what the making holds is not to be measured.
            order = [sys.executable, __file__, "--make", name, run, str(n), str(seed)]
            subprocess.run(order, check=True)
        order = [sys.executable, __file__, "--measure", name]
        return [json.loads(subprocess.check_output(order)) for _ in range(times)]


def line(n: int, seen: list[dict[str, float]]) -> tuple[str, bool]:
    """A line of the table from medians, and whether a target is missed."""
    median = {key: sorted(one[key] for one in seen)[len(seen) // 2] for key in seen[0]}
    seconds, memory = TARGETS.get(n, (None, None))
    slow = seconds is not None and median["judged"] > seconds
    large = memory is not None and median["peak"] > memory
    target = "none" if seconds is None else f"{seconds} s"
    target += "" if memory is None else f", {memory:,} MB"
    figures = f"{median['read']:>8.2f} {median['judged']:>14.2f} {median['peak']:>8,.0f}"
    return f"{n:>12,} {figures}  {target}{'  missed' if slow or large else ''}", slow or large


def main() -> int:
    """Print a line a size; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, action="append", help="rows a run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--make", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        folder, run, n, seed = options.make
        make(Path(folder) / run, int(n), int(seed))
        return 0
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return 0
    missed = False
    print(f"{'rows a run':>12} {'read s':>8} {'diff + gate s':>14} {'MB peak':>8}  target")
    for n in options.samples or TARGETS:
        text, over = line(n, rounds(n, options.rounds))
        print(text)
        missed |= over
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
