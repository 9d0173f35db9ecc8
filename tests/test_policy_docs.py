"""docs/policy.md: its policy is one, its commands are taken, and it names all there is."""

import re
import shlex
from pathlib import Path

import pytest

from evalsuite import cli, policy, score_file
from evalsuite.policy.figures import HOWS

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "policy.md").read_text("utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.S)
COMMANDS = re.findall(r"(?:^    |`)(evalsuite (?:gate|noise|run) [^`\n]*)", PAGE, re.M)
BUCKETS = {
    name: {"tasks": tasks}
    for name, tasks in (("tools", ["bfcl_parallel", "other"]), ("multilingual", ["mgsm"]))
}


def load(tmp_path, text):
    path = tmp_path / "gate.toml"
    path.write_text(text, encoding="utf-8")
    return policy.load_policy(path, BUCKETS)


def test_the_policy_of_the_page_is_one(tmp_path):
    found = load(tmp_path, BLOCKS[0])

    assert found.buckets["tools"].least == 0.70
    assert found.buckets["multilingual"].auto
    assert "truncation" not in [limit.figure for limit in found.limits("tools")]
    assert found.tasks["bfcl_parallel"].margin == 0.10


def test_the_waiver_of_the_page_is_one(tmp_path):
    (waiver,) = load(tmp_path, f"[buckets.tools]\n{BLOCKS[1]}").waivers
    assert (waiver.bucket, waiver.owner) == ("tools", "mel")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_is_taken(command):
    if not command.endswith("--against"):  # the option without its value, named in a sentence
        assert cli.parse(shlex.split(command)[1:]).verb in command


def test_the_page_names_every_key_figure_limit_and_column():
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]*)`", PAGE))))
    named |= set(re.findall(r"[a-z_]+", " ".join(BLOCKS)))
    limits = {how for hows in HOWS.values() for how in hows}
    columns = {*score_file.NEEDED, *score_file.OPTIONAL, *score_file.STATUSES}

    assert set(policy.FIGURES) | limits | columns <= named
    assert set(policy.KEYS) <= named
