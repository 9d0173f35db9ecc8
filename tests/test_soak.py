"""Run after run in one process: nothing piles up, and what would is seen."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import soak

CALM = soak.Look(
    at=0.0, seconds=2.0, memory=120.0, files=8, threads=1, children=1, tasks=0,
    asking_files=84, asking_tasks=70,
)  # fmt: skip


def climbing(name, step, runs=40):
    """Looks of which one figure climbs from run to run."""
    return [
        replace(CALM, **{name: getattr(CALM, name) + step * number}) for number in range(runs)
    ]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("memory", 0.5),
        ("files", 1),
        ("threads", 1),
        ("children", 1),
        ("tasks", 1),
        ("asking_files", 1),
        ("asking_tasks", 1),
    ],
)
def test_whatever_climbs_is_named(name, step):
    (problem,) = soak.grown(climbing(name, step))

    assert problem.startswith(name.replace("_", " "))


def test_what_stays_or_shrinks_or_only_warms_up_is_calm():
    warming = [replace(CALM, memory=80.0 + min(number, 6) * 6) for number in range(40)]

    assert soak.grown([CALM] * 40) == []
    assert soak.grown(climbing("memory", -0.5)) == []
    assert soak.grown(warming) == []


def test_too_few_runs_tell_nothing():
    assert soak.grown([CALM] * 7) == ["only 7 runs: too few to tell"]


@pytest.mark.slow
def test_nothing_grows_in_two_minutes_at_full_load():
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    command = (sys.executable, Path(soak.__file__), "--minutes", "2", "--json")

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)

    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    found = json.loads(done.stdout)
    assert found["grown"] == []
    assert len(found["looks"]) >= 8
    assert all(look["tasks"] == 0 for look in found["looks"])
    assert max(look["asking_tasks"] for look in found["looks"]) >= 64
