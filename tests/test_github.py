"""What a job on GitHub gets: annotations, a summary, and one comment that is replaced."""

import json
import os
import re
import subprocess
import sys

import pytest
from made_runs import manifest, paired, row, task_entry
from test_report_junit import verdict_of

from evalsuite import report, store
from evalsuite.errors import UsageError
from evalsuite.report import github
from evalsuite.report.pages import MARKER

LINE = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def lines(*args, **fields):
    found = [LINE.fullmatch(line) for line in github.annotations(verdict_of(*args, **fields))]
    assert all(found)
    return [match.groups() for match in found]


@pytest.mark.parametrize(
    ("table", "kinds"),
    [((140, 2, 2, 6), ["notice"]), ((100, 6, 4, 10), ["warning", "warning"]),
     ((100, 40, 2, 8), ["error", "error"])],
)  # fmt: skip
def test_a_verdict_is_a_notice_a_warning_or_an_error(table, kinds):
    found = lines(*paired(*table))

    assert [kind for kind, _, _ in found] == kinds
    assert found[0][1].startswith("evalsuite gate%3A ")
    assert "tools" in found[-1][2].lower() or kinds == ["notice"]


def test_what_a_model_or_a_person_wrote_cannot_start_a_command():
    title = "to,ols:\n::error file=x::50 %"
    buckets = {"tools": {"title": title, "margin": 0.05}}

    found = lines(*paired(100, 40, 2, 8), buckets=buckets)

    assert [kind for kind, _, _ in found] == ["error", "error"]
    assert "50 %25" in found[1][2]
    assert ":" not in found[1][1]


def test_the_summary_is_appended_where_there_is_one(tmp_path):
    file = tmp_path / "summary.md"
    file.write_text("before\n")

    assert github.summarise("# page\n", environment={github.SUMMARY: str(file)})
    assert file.read_text() == "before\n# page\n"
    assert not github.summarise("# page\n", environment={})
    with pytest.raises(UsageError, match="GITHUB_STEP_SUMMARY"):
        github.summarise("# page\n", environment={github.SUMMARY: str(tmp_path / "no" / "x")})


def test_a_comment_opens_with_its_marker_and_fits(tmp_path):
    long = "word " * 2_000
    before = [row(i, 1, answer=long, reason=long) for i in range(200)]
    now = [row(i, 0, answer=long, reason=long) for i in range(200)]
    verdict = verdict_of(before, now)

    text = report.markdown(verdict)

    assert text.startswith(f"{MARKER}\n")
    assert len(text) < 65_536
    assert report.markdown(verdict.diff).startswith(f"{MARKER}\n")


def written(folder, losses):
    """A folder with a baseline, a candidate and a policy."""
    counts = {"expected": 1, "done": 1, "failed": 0}
    before, now = paired(900 - losses, losses, 20, 280)
    for name, scored in (("base", before), ("candidate", now)):
        made = manifest(tasks={"simple": task_entry()}, model=name, counts=counts, created="x")
        run = store.create(folder, made, path=folder / "runs" / name)
        store.write_scores(run, scored, {})
    (folder / "gate.toml").write_text(
        'baseline = "runs/base"\n[buckets.tools]\nmargin = 0.03\n'
    )


@pytest.mark.parametrize("shown", [(), ("--json",)])
def test_the_gate_tells_github_and_leaves_with_its_code(tmp_path, shown):
    written(tmp_path, losses=120)
    summary = tmp_path / "summary.md"

    done = subprocess.run(
        [sys.executable, "-m", "evalsuite", "gate", "runs/candidate", "--policy", "gate.toml",
         "--github", *shown],
        cwd=tmp_path, env=os.environ | {github.SUMMARY: str(summary)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert done.returncode == 10, done.stderr
    told = done.stderr if shown else done.stdout
    assert "::error title=evalsuite gate%3A FAIL::tools fell by" in told
    assert summary.read_text().startswith(MARKER)
    if shown:
        assert json.loads(done.stdout)["verdict"] == "FAIL"
