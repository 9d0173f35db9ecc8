"""How long answers took stands beside a diff, and is no part of what must be the same."""

import json

import pytest
import report_runs
from made_runs import paired, run
from report_runs import compared, printed

from evalsuite import cli, diff, report, store
from evalsuite.diff.latency import with_latency
from evalsuite.report import terminal


@pytest.fixture
def runs(tmp_path):
    before, _ = report_runs.pair(tmp_path / "before", served=1.0)
    _, now = report_runs.pair(tmp_path / "now", served=1.5)
    return before, now


def test_seconds_to_answer_stand_beside_the_scores_with_an_interval(runs):
    found = with_latency(compared(*runs))

    (change,) = [one for one in found.health if one.name == "latency"]
    assert (change.baseline, change.candidate) == pytest.approx((1.02, 1.52))
    assert change.delta.low <= 0.5 <= change.delta.high
    assert change.delta.n == 200
    assert "seconds to answer in tools: 1.52 (was 1.02)" in " ".join(
        printed(*terminal.diff_lines(found)).split()
    )
    assert "seconds to answer" in report.html(found)


def test_runs_without_journals_or_times_are_left_as_they_are(tmp_path):
    untimed = compared(*report_runs.pair(tmp_path))
    assert with_latency(untimed) is untimed
    bare = diff.compare(run("base"), run("cand"), *paired(9, 1, 1, 9))
    assert with_latency(bare) is bare


def test_a_diff_on_the_command_line_has_them(runs, capsys):
    assert cli.main(["diff", *(str(run.path) for run in runs), "--json"]) == 0
    health = json.loads(capsys.readouterr().out)["health"]
    assert health[-1]["name"] == "latency"
    assert health[-1]["delta"]["value"] == pytest.approx(0.5)


def test_rows_that_are_read_when_asked_for_give_the_same_page(runs):
    lazy = diff.compare(*runs, *(store.scores(run) for run in runs))
    page = report.html(lazy)
    assert "It is <mark>42</mark>." in page
    assert "It is <mark>41</mark>." in page
    assert page == report.html(compared(*runs))
