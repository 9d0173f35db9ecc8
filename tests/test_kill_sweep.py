"""`kill -9` at twenty moments of a run of 2,160 items: it ends as if nothing had happened.

Questions whose four repeats go as one request, conversations of two turns and pairs that are
asked together, at a temperature, of a server that answers every seed in its own way. Five of
the moments lie between a write and its fsync, and there the power is cut, too: what the kernel
had not yet put on the disk is gone. In five cases the resumed run is killed as well.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace

import disk
import mock_server
import private_tree
import pytest

from evalsuite import store
from evalsuite.journal import Journal

pytestmark = pytest.mark.slow
SAMPLES, REPEATS = 180, 4
MOMENTS = [0.05 + 0.9 * number / 19 for number in range(20)]  # shares of the journal
CASES = [(moment, number % 4 == 1, number % 4 == 2) for number, moment in enumerate(MOMENTS)]
NAMES = [f"{at:.0%}{'-power' * power}{'-twice' * twice}" for at, power, twice in CASES]


@pytest.fixture(scope="module")
def mock():
    with mock_server.start({"latency": 0.004, "spread": 0.008}) as server:
        yield server


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The private tree, larger and warmer."""
    folder = tmp_path_factory.mktemp("tree")
    flags = private_tree.write_warm(folder, SAMPLES)
    rows = folder / "tasks/manners/rows.py"
    warm = "Sampling(max_tokens=16, temperature=1.0)"
    rows.write_text(rows.read_text().replace("Sampling(max_tokens=16)", warm))
    return flags


@pytest.fixture(scope="module")
def start(tree, mock):
    """`start(folder)`: a process that makes the run in `folder`, or goes on with it."""

    def start(folder):
        flags = ("--base-url", mock.base_url, "--repeats", str(REPEATS), "-o", str(folder))
        return subprocess.Popen(
            [sys.executable, "-m", "evalsuite", "run", *tree, *flags, "-q"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


@pytest.fixture(scope="module")
def whole(start, mock, tmp_path_factory):
    """The run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish(start(folder))
    run = store.open_run(folder)
    sent = mock.stats()["paths"]["/v1/chat/completions"]
    assert run.manifest["counts"]["expected"] == 3 * SAMPLES * REPEATS == 2160
    assert sent < len(answers(run)) - 2 * SAMPLES * (REPEATS - 1) + 20  # `n` was used
    return run


def finish(process):
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def answers(run):
    """What was answered, by key: all of it but when, how fast and by which address."""
    journal = store.journal(run)
    found = {}
    for record in journal.records():
        response = replace(record.response, queued=0.0, served=0.0, server="")
        found[record.key] = (record.digest, record.request, response)
    journal.close()
    return found


def size(folder):
    return sum(path.stat().st_size for path in folder.glob("journal/*.jsonl"))


def kill_at(process, folder, bytes_written, *, power):
    """Kill it once its journal has so many bytes; with `power`, before they are synced."""
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, f"it ended before: {process.stderr.read()}"
        assert time.monotonic() < deadline
        if size(folder) >= bytes_written:
            disk.stop(process.pid)  # so that what is looked at stays as it is
            segment = max(folder.glob("journal/*.jsonl"))
            synced = {path: disk.synced(path) for path in folder.rglob("*") if path.is_file()}
            if not power or synced[segment] < segment.stat().st_size:
                break
            process.send_signal(signal.SIGCONT)
        time.sleep(0.001)
    process.kill()
    process.wait()
    process.stderr.close()
    if power:  # by the account of that moment: the kernel may write on of its own accord
        for path, length in synced.items():
            os.truncate(path, length)


def kept_by(folder):
    """Digests of the requests that the journal on disk holds an answer to."""
    journal = Journal(folder / "journal")
    found = {place.digest for place in journal.index.places() if not place.failed}
    journal.close()
    return found


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_run_killed_at_any_moment_ends_like_one_that_was_not(
    case, whole, start, mock, tmp_path
):
    moment, power, twice = case
    if power and not disk.tells(tmp_path):
        pytest.skip("needs a kernel that tells what is not on the disk")
    folder, total = tmp_path / "run", size(whole.path)
    moments = [moment, min(moment + 0.03, 0.97)][: 1 + twice]
    kills = []
    for at in moments:
        process = start(folder)
        kill_at(process, folder, at * total, power=power)
        kept, before = kept_by(folder), Counter(mock.stats()["asked"])
        assert power or len(kept) > 0.8 * at * len(answers(whole))  # lines differ in size
        assert all(before[digest] for digest in kept)
        kills.append((kept, before))

    finish(start(folder))

    asked = mock.stats()["asked"]
    for kept, before in kills:
        assert not [digest for digest in kept if asked[digest] != before[digest]]
    run = store.open_run(folder)
    assert run.status == "complete"
    assert store.rows(run) == store.rows(whole)
    assert list(store.samples(run).items()) == list(store.samples(whole).items())
    assert answers(run) == answers(whole)
    assert (folder / "summary.json").read_bytes() == (whole.path / "summary.json").read_bytes()
    assert (folder / "plan.json").read_bytes() == (whole.path / "plan.json").read_bytes()


def test_every_moment_is_there():
    assert sum(power for _, power, _ in CASES) == 5
    assert sum(twice for _, _, twice in CASES) == 5
    assert (MOMENTS[0], round(MOMENTS[-1], 9), len(MOMENTS)) == (0.05, 0.95, 20)
