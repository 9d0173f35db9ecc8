"""The benchmark of the engine runs, and its figures mean what they say."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import measure
import memory
import pytest
import real
import work

ENGINE = Path(measure.__file__).with_name("engine.py")
MEMORY = ENGINE.with_name("memory.py")


def test_the_upper_limit_is_an_order_statistic_that_the_sign_test_allows():
    # P(Binomial(11, 1/2) >= 9) = 67 / 2048 = 0.033, and with 8 it would be 0.113.
    assert measure.upper_limit([float(n) for n in range(11, 0, -1)]) == 9
    assert measure.upper_limit([1.0, 5.0, 2.0, 4.0, 3.0]) == 5
    assert measure.upper_limit([1.0, 2.0, 3.0, 4.0]) is None


def test_ratios_are_of_pairs_and_not_of_medians():
    ours, floors = [2.0, 40.0, 3.0], [1.0, 10.0, 2.0]

    assert measure.ratios(ours, floors) == (2.0, None)


def test_sides_take_turns_and_the_first_round_is_not_counted(capsys):
    calls = []
    sides = [lambda: calls.append("a") or len(calls), lambda: calls.append("b") or len(calls)]

    found = measure.alternate(sides, 2)

    assert calls == ["a", "b", "a", "b", "b", "a"]
    assert found == [[3, 6], [4, 5]]
    assert capsys.readouterr().err == "....\n"


def test_a_process_is_measured_with_the_children_that_it_waited_for(tmp_path):
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    began = time.monotonic()

    took = measure.run([sys.executable, "-c", code], tmp_path)

    assert 0.3 <= took.cpu < 2
    assert 0.3 <= took.wall <= time.monotonic() - began
    assert took.memory
    assert max(size for _, size in took.memory) <= took.peak * 1.01


def test_a_process_that_fails_ends_the_benchmark_with_what_it_said(tmp_path):
    with pytest.raises(SystemExit, match="no such thing"):
        measure.run([sys.executable, "-c", "raise ValueError('no such thing')"], tmp_path)


def test_memory_is_told_by_when_it_was_seen():
    seen = ((0.0, 40.0), (1.0, 60.0), (1.5, 62.0), (5.0, 64.0), (10.9, 70.0), (11.5, 120.0))
    took = measure.Process(began=0.0, ended=12.0, cpu=3.0, peak=121.0, memory=seen)

    found = memory.summarised(took, (1.0, 11.0), 1000)

    assert (found.first, found.last, found.asking, found.peak) == (61.0, 70.0, 70.0, 121.0)
    assert found.growth == pytest.approx(9e6 / 900)  # of the 900 samples in between


def test_the_real_server_is_compared_by_pairs():
    def process(wall):
        return measure.Process(began=0.0, ended=wall, cpu=wall / 2, peak=1.0, memory=())

    raw, ours, other = ([process(wall) for wall in walls] for walls in ((2, 4), (3, 5), (8, 8)))

    lines = {line["name"]: line for line in real.lines([raw, ours, other], ["lm-eval"])}

    assert (lines["wall s"]["floor"], lines["wall s"]["ours"]) == (3, 4)
    assert lines["wall ratio"]["ours"] == pytest.approx((1.5 + 1.25) / 2)
    assert lines["wall ratio"]["limit"] is None  # two pairs allow none
    assert lines["lm-eval: wall ratio"]["ours"] == 3


def test_a_peer_that_is_not_known_is_refused_by_name(tmp_path):
    with pytest.raises(SystemExit, match=r"no 'other'\. Known: lm-eval"):
        work.peer("other", work.Place(base_url="http://x/v1", width="4"), tmp_path)


@pytest.mark.slow
def test_memory_of_a_run_stays_flat():
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    command = [sys.executable, str(MEMORY), "--samples", "20000", "--json"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    found = json.loads(done.stdout)
    assert found["growth"] <= memory.GROWTH
    assert found["peak"] <= 200


@pytest.mark.slow
def test_one_command_prints_ratios_to_a_floor_of_the_same_call():
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    command = [sys.executable, str(ENGINE), "--quick", "--samples", "50", "--json"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    found = json.loads(done.stdout)
    assert found["pairs"] == 3
    assert found["ceiling"] > 5_000  # else the server would be what is measured
    at_once, later, _ = found["settings"].values()
    lines, slow = ({line["name"]: line for line in part} for part in (at_once, later))
    assert lines["wall ratio"]["ours"] > 1
    assert lines["wall ratio"]["limit"] is None  # three pairs allow none
    assert lines["first request s"]["floor"] < lines["first request s"]["ours"]
    # Fifty requests at once, answered after 200 ms: never sooner, on either side.
    for side in ("floor", "ours"):
        assert 0.2 <= slow["span s"][side] < 2
        parts = sum(slow[name][side] for name in ("first request s", "span s", "tail s"))
        assert parts == pytest.approx(slow["wall s"][side], rel=0.3)
