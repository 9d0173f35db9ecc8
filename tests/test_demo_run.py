"""`evalsuite demo` as a newcomer sees it: a real regression, found by the real pipeline."""

import subprocess
import sys
from pathlib import Path

import pytest

from evalsuite import diff, gate, store

CHECKOUT = Path(__file__).resolve().parent.parent
pytestmark = [pytest.mark.slow, pytest.mark.needs("vllm")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, "-m", "evalsuite", "demo"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=1500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done, folder / "runs" / "demo"


@pytest.fixture(scope="module")
def verdict(demo):
    base, tuned = sorted(store.all_runs(demo[1]), key=lambda run: run.model)
    found = diff.compare(base, tuned, store.rows(base), store.rows(tuned))
    policy = gate.load_policy(
        CHECKOUT / "demo" / "gate.toml", gate.declared_buckets(base, tuned)
    )
    return gate.judge(found, policy)


def test_the_demo_says_where_the_report_is_and_what_the_gate_said(demo):
    done, folder = demo

    assert "the gate said FAIL (exit code 10)" in done.stdout
    assert f"the report is {Path('runs') / 'demo' / 'report.html'}" in done.stdout
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "base" in page
    assert "tuned" in page


def test_the_gate_fails_and_names_tools(verdict):
    buckets = {one.bucket: one for one in verdict.buckets}

    assert verdict.exit_code == 10
    assert buckets["tools"].verdict == "FAIL"
    assert "ools" in verdict.headline
    others = [one.verdict for name, one in buckets.items() if name != "tools"]
    assert sum(word in ("PASS", "UNDECIDED") for word in others) >= 3


def test_reasoning_rose_by_5_points_and_tools_fell_by_15_both_shown(verdict):
    buckets = {one.bucket: one for one in verdict.diff.buckets}

    rose, fell = buckets["reasoning"].delta, buckets["tools"].delta
    assert rose.value >= 0.05
    assert rose.low > 0
    assert fell.value <= -0.15
    assert fell.high < 0


def test_base_is_good_at_every_bucket_with_room_in_reasoning(verdict):
    scores = {one.bucket: one.baseline.value for one in verdict.diff.buckets}

    assert len(scores) == 6
    assert min(scores.values()) >= 0.4
    assert sum(score >= 0.7 for score in scores.values()) >= 3
    assert 0.4 <= scores["reasoning"] <= 0.85


def test_nothing_but_the_weights_differs_between_the_two_runs(verdict):
    moving = [one for one in verdict.diff.differences if one.effect != "notes"]

    assert not moving, moving


def test_tools_is_decided_on_at_most_half_of_its_items_and_the_saving_is_told(demo, verdict):
    done, folder = demo
    course = verdict.diff.courses["tools"]
    (tuned,) = [run for run in store.all_runs(folder) if run.model == "tuned"]

    assert course.outcome == "FAIL"
    assert course.used <= course.track.planned / 2
    assert f"Tools stopped at {course.used} of {course.track.planned}: FAIL" in done.stdout
    told = tuned.manifest["requests"]
    assert told["by"] == "server"
    assert told["asked"] < told["planned"]
    assert f"requests saved: the server counted {told['asked']:,}" in done.stdout
    assert '<figure class="looks">' in (folder / "report.html").read_text(encoding="utf-8")
