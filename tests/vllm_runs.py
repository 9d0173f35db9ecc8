"""What tests of whole runs on a real server share: the command line, and how answers part."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

from processes import vllm_processes

from evalsuite import store

GAP = 0.02  # in log-probability: closer than this, greedy decoding may fall either way
TASKS = ("--task", "word_problems", "--task", "pick_function", "--task", "two_step_calls")
SMALL = (*TASKS, "--level", "0", "--limit", "40", "--max-tokens", "96")


def command(*args):
    return [sys.executable, "-m", "evalsuite", *map(str, args)]


def evalsuite(*args, cwd, code=0):
    """Call it, and insist on its exit code and on errors without traceback."""
    done = subprocess.run(
        command(*args), cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def lines(folder, said="\n"):
    """Answers in the journals of the runs made in a folder; those with a text in them."""
    paths = (folder / "runs").glob("*/journal/*.jsonl")
    return sum(path.read_bytes().count(said.encode()) for path in paths)


def await_lines(folder, process, least, *, seconds=240, said="\n"):
    """Wait until a run in the background has so many answers (with a text in them)."""
    deadline = time.monotonic() + seconds
    while lines(folder, said) < least:
        assert process.poll() is None, process.stderr.read() if process.stderr else "it ended"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def kill(port):
    """SIGKILL the vLLM that listens on a port."""
    found = vllm_processes(port)
    assert found
    for pid in found:
        os.kill(pid, signal.SIGKILL)


def differing(one, two):
    """Keys of answers that differ between two runs of the same requests."""
    first = {r.key: r.response.token_ids for r in store.journal(one).records()}
    second = {r.key: r.response.token_ids for r in store.journal(two).records()}
    assert set(first) == set(second)
    return [key for key, tokens in first.items() if tokens != second[key]]


def both(one, two, key):
    """The prompt, and the tokens of its answer in either run."""
    first, second = (store.journal(run).get(key).response for run in (one, two))
    return first.prompt_token_ids, first.token_ids, second.token_ids


def gap(server, prompt, first, second):
    """How far the best token is ahead of the next one, in log-probability, where two part."""
    common = 0
    while common < min(len(first), len(second)) and first[common] == second[common]:
        common += 1
    body = {
        "model": server.model,
        "prompt": [*prompt, *first[:common]],
        "max_tokens": 1,
        "temperature": 0,
        "logprobs": 2,
    }
    asked = urllib.request.Request(
        f"{server.base_url}/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:
        (choice,) = json.load(answer)["choices"]
    best, second_best = sorted(choice["logprobs"]["top_logprobs"][0].values())[::-1][:2]
    return best - second_best


def assert_same_but_for_ties(server, one, two):
    """Answers differ in one of a hundred at most, and only where the server itself is torn."""
    parted = differing(one, two)
    gaps = {key: gap(server, *both(one, two, key)) for key in parted}
    print("answers that differ, with the gap where they part:", gaps)
    assert len(parted) <= 0.01 * len(store.journal(one).index), gaps
    assert all(value < GAP for value in gaps.values()), gaps
    return gaps
