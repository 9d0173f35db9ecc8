"""Real vLLM servers that are killed in the middle of a run."""

import subprocess

import pytest
from vllm_runs import (
    SMALL,
    TASKS,
    assert_same_but_for_ties,
    await_lines,
    command,
    evalsuite,
    kill,
    lines,
)

from evalsuite import store
from evalsuite.client import Endpoint
from evalsuite.serve import Launch, Server
from evalsuite.stall import tokens_of

pytestmark = [pytest.mark.slow, pytest.mark.needs("vllm")]


@pytest.fixture
def other(vllm_server, tmp_path):
    """A replica of the pool's server that a test may kill."""
    launch = vllm_server().launch
    server = Server(
        Launch(checkpoint=launch.checkpoint, arguments=launch.arguments),
        log=tmp_path / "other.log", limit=600,
    )  # fmt: skip
    with server:
        yield server


def test_one_of_two_replicas_is_killed_and_the_run_ends_with_equal_scores(
    vllm_server, other, tmp_path
):
    one = vllm_server()
    flags = (*TASKS, "--level", 0, "--max-tokens", 96, "--concurrency", 8)
    # A server's first answers take seconds: without these the other would get hardly any work.
    warm = ("--limit", 10, "--base-url", other.base_url, "-o", tmp_path / "warm")
    evalsuite("run", *flags, *warm, cwd=tmp_path)
    flags = (*flags, "--limit", 150)
    evalsuite("run", *flags, "--base-url", one.base_url, "-o", tmp_path / "whole", cwd=tmp_path)
    process = subprocess.Popen(
        command("run", *flags, "--base-url", one.base_url, "--base-url", other.base_url),
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    await_lines(tmp_path, process, 30, said=f'"{other.base_url}"')

    kill(other.port)

    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert f"the server at {other.base_url} went away" in errors
    whole, (run,) = store.open_run(tmp_path / "whole"), store.all_runs(tmp_path / "runs")
    assert run.status == "complete"
    alive, dead = run.manifest["replicas"]
    print("replicas:", alive, dead, "of", len(store.journal(run).index))
    assert dead["drops"] == 1
    asked = Endpoint(base_url=one.base_url, model=one.model)
    assert tokens_of([asked]) > 10 * alive["answers"]  # the stall watch reads its counters
    assert min(alive["answers"], dead["answers"]) >= 30
    gaps = assert_same_but_for_ties(one, whole, run)
    parted = {(key.task, key.id) for key in gaps}
    scores = [
        {(row.task, row.id): row.score for row in store.rows(each)} for each in (whole, run)
    ]
    moved = {key for key in scores[0] if scores[0][key] != scores[1][key]}
    print("scores that differ:", len(moved), "of", len(scores[0]))
    assert moved <= parted


def _port(run):
    words = run.manifest["server"]["command"]["value"]
    return int(words[words.index("--port") + 1])


def _serving(checkpoint, tmp_path, limit):
    """A run in the background with a server of its own that has given some answers."""
    flags = (*SMALL, "--limit", limit, "--model", checkpoint, "--concurrency", 4)
    process = subprocess.Popen(
        command("run", *flags, "--serve", "--tool-parser", "hermes"),
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    await_lines(tmp_path, process, 20)
    (run,) = store.all_runs(tmp_path / "runs")
    return flags, process, run


def test_our_own_server_is_started_again_once_and_the_run_ends_as_if_nothing_had_been(
    checkpoint, tmp_path
):
    _, process, run = _serving(checkpoint, tmp_path, 100)

    kill(_port(run))

    _, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors
    (told,) = [line for line in errors.splitlines() if "went away" in line]
    assert "exit -9" in told
    assert "last log line" in told
    assert told.endswith("starting it again, once")
    again = store.open_run(run.path)
    assert again.status == "complete"
    assert again.manifest["counts"]["failed"] == 0
    assert (run.path / "server.log").is_file()
    assert (run.path / "server-again.log").is_file()


def test_a_second_death_ends_15_with_one_line_and_the_run_goes_on_elsewhere(
    checkpoint, vllm_server, tmp_path
):
    flags, process, run = _serving(checkpoint, tmp_path, 400)
    kill(_port(run))
    await_lines(tmp_path, process, lines(tmp_path) + 20, seconds=300)

    kill(_port(run))

    _, errors = process.communicate(timeout=120)
    assert process.returncode == 15, errors
    assert "Traceback" not in errors
    last = errors.strip().splitlines()[-1]
    assert "stopped after" in last
    assert "exit -9" in last
    assert "run the same command to go on" in last
    kept = len(store.journal(run).index)

    evalsuite("run", *flags, "--base-url", vllm_server().base_url, cwd=tmp_path)

    again = store.open_run(run.path)
    assert again.status == "complete"
    assert len(store.journal(again).index) > kept
    assert again.manifest["counts"]["failed"] == 0
