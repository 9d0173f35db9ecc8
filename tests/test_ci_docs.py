"""The CI page and the action: their YAML is YAML, their commands are taken, their gates run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Tree

import pytest
import yaml
from made_runs import manifest, paired, task_entry

from evalsuite import cli, store
from evalsuite.report.pages import MARKER

CHECKOUT = Path(__file__).resolve().parent.parent
PAGE = (CHECKOUT / "docs" / "ci.md").read_text(encoding="utf-8")
GITHUB, _, GITLAB = (
    yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
)
ACTION = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
COMMANDS = re.findall(r"evalsuite (?:plan|run|gate|baseline) .*?(?= \|\||`|$)", PAGE, re.M)


def github_step(job, name):
    return next(
        step["run"] for step in GITHUB["jobs"][job]["steps"] if step.get("name") == name
    )


SCRIPTS = {
    "github": github_step("gate", "gate"),
    "gitlab": GITLAB["gate"]["script"][-1],
    "action": ACTION["runs"]["steps"][0]["run"],
}


COMMENT = github_step("gate", "comment")


@pytest.fixture
def workplace(tmp_path):
    """A folder with a registered baseline and a policy; returns a writer of the candidate."""
    counts = {"expected": 1, "done": 1, "failed": 0}

    def write(losses, gains):
        before, now = paired(900 - losses, losses, gains, 300 - gains)
        for name, scored in (("base", before), ("candidate", now)):
            tasks = {"simple": task_entry()}
            made = manifest(tasks=tasks, model=name, counts=counts, created="2026-11-20")
            run = store.create(tmp_path, made, path=tmp_path / "runs" / name)
            store.write_scores(run, scored, {})
        (tmp_path / "baselines.json").write_text('{"release": "runs/base"}')
        (tmp_path / "gate.toml").write_text("[buckets.tools]\nmargin = 0.03\n")
        return tmp_path

    return write


def bash(script, folder):
    variables = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        "GITHUB_OUTPUT": str(folder / "output.txt"),
        "BASELINE": "@release",
        "CANDIDATE": "runs/candidate",
        "POLICY": "gate.toml",
    }
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_is_taken(command):
    assert cli.parse(shlex.split(command)[1:]).verb in command


@pytest.mark.parametrize(
    ("losses", "gains", "code"), [(40, 40, 0), (120, 20, 10), (80, 60, 11)]
)
@pytest.mark.parametrize("where", SCRIPTS)
def test_the_gate_of_each_example_leaves_with_the_verdict_and_its_pages(
    workplace, where, losses, gains, code
):
    folder = workplace(losses, gains)

    done = bash(SCRIPTS[where], folder)

    assert done.returncode == code, done.stderr
    suites = Tree.parse(folder / "gate.xml").getroot()
    assert bool(list(suites.iter("failure"))) == (code == 10)
    assert bool(list(suites.iter("error"))) == (code == 11)
    assert (folder / "gate.html").stat().st_size > 1000
    if where != "gitlab":
        page = (folder / "gate.md").read_text()
        assert (folder / "summary.md").read_text() == page
        assert (
            f"::{'notice' if code == 0 else 'error' if code == 10 else 'warning'} "
            in done.stdout
        )
    if where == "action":
        assert (folder / "output.txt").read_text() == f"exit-code={code}\n"


def test_the_comment_is_written_once_and_then_replaced(workplace):
    folder = workplace(120, 20)
    bash(SCRIPTS["github"], folder)
    tools = folder / "bin"
    tools.mkdir()
    # A gh that keeps its comments in a file and writes down what it was asked.
    (tools / "gh").write_text(
        "#!/bin/bash\n"
        'echo "$@" >> asked.txt\n'
        'case "$*" in\n'
        "  *--jq*) if [ -f there ]; then echo 77; fi ;;\n"
        "  *comment*) touch there ;;\n"
        "esac\n"
    )
    (tools / "gh").chmod(0o755)
    script = f'PATH="{tools}:$PATH"; PULL=5; GITHUB_REPOSITORY=me/it\n{COMMENT}'

    for _ in range(2):
        done = bash(script, folder)
        assert done.returncode == 0, done.stderr

    asked = (folder / "asked.txt").read_text().splitlines()
    assert asked[1] == "pr comment 5 --body-file gate.md"
    assert asked[3] == "api -X PATCH repos/me/it/issues/comments/77 -F body=@gate.md"
    assert (folder / "gate.md").read_text().startswith(MARKER)
    assert MARKER in COMMENT


def test_an_undecided_gate_may_be_left_to_a_person(workplace):
    (ending,) = re.findall(r"```bash\n(\|\|.*?)```", PAGE, re.S)
    for (losses, gains), code in (((80, 60), 0), ((120, 20), 10), ((40, 40), 0)):
        folder = workplace(losses, gains)
        done = bash(f"{SCRIPTS['github'].strip()} {ending}", folder)
        assert done.returncode == code, done.stderr
        shutil.rmtree(folder / "runs")


def test_the_action_fails_without_a_page_where_nothing_can_be_judged(workplace):
    folder = workplace(40, 40)
    (folder / "gate.md").write_text("of an earlier job")
    (folder / "baselines.json").unlink()

    done = bash(SCRIPTS["action"], folder)

    assert done.returncode == 12
    assert not (folder / "gate.md").exists()
    assert not (folder / "summary.md").exists()


def test_the_plan_of_each_example_runs(workplace):
    folder = workplace(40, 40)
    for script in (github_step("plan", "plan"), GITLAB["plan"]["script"][-1]):
        done = bash(script, folder)

        assert done.returncode == 0, done.stderr
        assert "an equal model passes all that blocks" in done.stdout


def test_the_page_names_every_exit_code_and_gitlab_lets_only_the_undecided_by():
    codes = {0, 2, 10, 11, 12, 13, 14, 15, 130, 143}
    rows = re.findall(r"^\| ([\d, ]+) \|", PAGE, re.M)

    assert {int(code) for row in rows for code in row.split(",")} == codes
    assert GITLAB["gate"]["allow_failure"] == {"exit_codes": [11]}


def test_an_input_of_the_action_is_never_a_part_of_its_script():
    assert "${{" not in SCRIPTS["action"]
