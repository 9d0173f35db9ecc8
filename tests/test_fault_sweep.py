"""Every way a server or a wire can fail, at 1 to 20 % of requests: scores as if none had.

A real TCP proxy stands before the real mock server (and before a real vLLM): connections are
refused, reset and left hanging, answers are lost, cut, malformed, empty, or errors of every
status. What heals leaves no trace; what does not is listed, and asked again when told to.
"""

import re
import subprocess
import sys
import threading
import time

import fault_proxy
import mock_server
import private_tree
import pytest
from processes import eventually
from vllm_runs import SMALL, assert_same_but_for_ties, evalsuite

from evalsuite import store

pytestmark = pytest.mark.slow
SAMPLES, REPEATS = 60, 4
EVERY = (*fault_proxy.TRANSIENT, *fault_proxy.FINAL)


@pytest.fixture(scope="module")
def mock():
    with mock_server.start({"latency": 0.002, "spread": 0.004}) as server:
        yield server


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The private tree, larger; questions are warm, so that repeats go together."""
    return private_tree.write_warm(tmp_path_factory.mktemp("tree"), SAMPLES)


@pytest.fixture(scope="module")
def run(tree):
    """`run(base_url, folder, *flags)`: a run of the tree, finished; its exit code and words."""

    def run(base_url, folder, *flags):
        command = ("run", *tree, "--base-url", base_url, "--repeats", REPEATS, "-o", folder)
        done = subprocess.run(
            [sys.executable, "-m", "evalsuite", *map(str, (*command, "-q", *flags))],
            capture_output=True, text=True, check=False, timeout=400,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr

    return run


@pytest.fixture(scope="module")
def calm(run, mock, tmp_path_factory):
    """The run without a fault."""
    folder = tmp_path_factory.mktemp("calm") / "run"
    assert run(mock.base_url, folder)[0] == 0
    return store.open_run(folder)


def same(one, two):
    """Whether nothing of a run's conclusions tells it from another."""
    summaries = [(each.path / "summary.json").read_bytes() for each in (one, two)]
    return store.rows(one) == store.rows(two) and summaries[0] == summaries[1]


def answered(run):
    """Digests of what has an answer."""
    journal = store.journal(run)
    found = {place.digest for place in journal.index.places() if not place.failed}
    journal.close()
    return found


def until_complete(run, base_url, folder, *flags):
    """Run, and ask for what failed until nothing does: five attempts may all be hit."""
    code, said = run(base_url, folder, *flags)
    for _ in range(5):
        if code == 0:
            return
        assert code == 13, said
        code, said = run(base_url, folder, *flags, "--retry-failed")
    assert code == 0, said


# --- what heals --------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_faults_that_heal_leave_no_trace(run, mock, calm, tmp_path, rate):
    with fault_proxy.start(mock.base_url, rate=rate, seed=7, seconds=0.3) as proxy:
        until_complete(run, proxy.base_url, tmp_path / "run")
        injected = proxy.stats()

    assert same(store.open_run(tmp_path / "run"), calm)
    hits = sum(injected.get(kind, 0) for kind in fault_proxy.TRANSIENT)
    assert 0.3 * rate < hits / injected["requests"] < 2 * rate
    if rate == 0.2:
        assert set(fault_proxy.TRANSIENT) <= set(injected)


def test_connections_that_are_refused_for_a_while_cost_nothing(run, mock, calm, tmp_path):
    folder = tmp_path / "run"
    with fault_proxy.start(mock.base_url, rate=0.2, seed=2, kinds=["reset"]) as proxy:
        closing = threading.Thread(target=_close_now_and_then, args=(proxy, folder))
        closing.start()
        until_complete(run, proxy.base_url, folder, "--concurrency", 16)
        closing.join()

    assert same(store.open_run(folder), calm)


def _close_now_and_then(proxy, folder):
    """Three times, once answers come: whoever's connection is reset finds the port closed."""
    segment = folder / "journal/0001.jsonl"
    assert eventually(lambda: segment.is_file() and segment.stat().st_size > 20_000, 60)
    for _ in range(3):
        proxy.refuse(0.4)
        time.sleep(0.7)


def test_an_answer_that_never_comes_is_given_up_in_time_and_asked_for_again(tree, tmp_path):
    fault = {"kind": "hang", "first": 1, "match": "s-0-3."}
    flags = (*tree, "--limit", 5, "-o", tmp_path / "run")
    with mock_server.start({"faults": [fault]}) as mock:
        began = time.monotonic()

        evalsuite("run", *flags, "--base-url", mock.base_url, cwd=tmp_path)

        hung = mock.stats()["faults"]["hang"]
    assert hung >= 3
    assert 124 < time.monotonic() - began < 290  # 120 s and a quarter of one for each token
    assert store.open_run(tmp_path / "run").status == "complete"


# --- what does not -----------------------------------------------------------------------


def test_faults_that_stay_are_listed_and_nothing_else_is_lost_or_asked_again(
    run, mock, calm, tmp_path
):
    folder = tmp_path / "run"
    with fault_proxy.start(
        mock.base_url, rate=0.1, seed=3, seconds=0.3, heals=False, kinds=list(EVERY)
    ) as proxy:
        code, said = run(proxy.base_url, folder, "--concurrency", 64)
        assert code == 13
        stormy = store.open_run(folder)
        failed = _listed(said, stormy)
        rows = {(row.task, row.id, row.repeat): row for row in store.rows(stormy)}
        kept = answered(stormy)
        before = mock.stats()["asked"]
        proxy.change(rate=0.0)

        assert run(proxy.base_url, folder, "--retry-failed")[0] == 0

    assert {"status", "model", "empty", "malformed"} <= set(failed)
    for row in store.rows(calm):
        found = rows[row.task, row.id, row.repeat]
        assert found == row or (found.status == "failed" and found.score is None)
    after = mock.stats()["asked"]
    assert not [digest for digest in kept if after.get(digest) != before.get(digest)]
    assert same(store.open_run(folder), calm)


def _listed(said, run):
    """The classes of failure that were told, each with its count; all of them are."""
    told = re.findall(r"([\d,]+) (\w+), the first: ([^;)]+)", said)
    counts = {kind: int(count.replace(",", "")) for count, kind, _ in told}
    lost = [row for row in store.rows(run) if row.score is None]
    assert sum(counts.values()) == len(lost) == run.manifest["counts"]["failed"]
    assert all(message.strip() for *_, message in told)
    assert f"{len(lost):,} samples have no answer" in said
    assert "--retry-failed" in said
    return counts


def test_retry_failed_starts_no_run_and_asks_nothing_where_nothing_failed(
    run, mock, calm, tmp_path
):
    asked = mock.stats()["requests"]

    assert run(mock.base_url, tmp_path / "none", "--retry-failed")[0] == 2
    code, _ = run(mock.base_url, calm.path, "--retry-failed")

    assert code == 0
    assert mock.stats()["requests"] == asked
    assert not (tmp_path / "none").exists()


# --- a real server -----------------------------------------------------------------------


@pytest.mark.needs("vllm")
def test_faults_before_a_real_server_leave_its_answers_as_they_were(vllm_server, tmp_path):
    server = vllm_server()
    flags = ("run", *SMALL, "--model", server.launch.checkpoint, "-q")
    evalsuite(*flags, "--base-url", server.base_url, "-o", tmp_path / "calm", cwd=tmp_path)
    with fault_proxy.start(server.base_url, rate=0.1, seed=5, seconds=1.0) as proxy:
        evalsuite(*flags, "--base-url", proxy.base_url, "-o", tmp_path / "run", cwd=tmp_path)
        injected = proxy.stats()

    calm, stormy = (store.open_run(tmp_path / name) for name in ("calm", "run"))
    assert injected["requests"] - injected["passed"] >= 5
    assert stormy.manifest["counts"] == calm.manifest["counts"]
    parted = assert_same_but_for_ties(server, calm, stormy)
    changed = [
        (one.task, one.id)
        for one, two in zip(store.rows(calm), store.rows(stormy), strict=True)
        if one != two
    ]
    assert {(key.task, key.id) for key in parted} >= set(changed)
