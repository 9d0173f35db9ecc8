"""A disk that is full: one line, 13, everything written before intact, and on it goes later."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import disk
import mock_server
import private_tree
import pytest

from evalsuite import store
from evalsuite.journal import Journal


@pytest.fixture(scope="module")
def mock():
    with mock_server.start({"latency": 0.005}) as server:
        yield server


@pytest.fixture
def run(tmp_path, mock):
    """The command line of a run of the private bucket."""
    tree = private_tree.write(tmp_path / "private")
    return (
        *(sys.executable, "-m", "evalsuite", "run", *tree, "--base-url", mock.base_url),
        *("--repeats", "2", "-q"),
    )


@contextlib.contextmanager
def small_disk(folder, size):
    """A file system of so many bytes, in memory; root may mount one."""
    folder.mkdir()
    mounted = ("mount", "-t", "tmpfs", "-o", f"size={size}", "small", str(folder))
    done = subprocess.run(mounted, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(("umount", "-l", str(folder)), check=True)


@pytest.mark.parametrize("size", [40_960, 131_072])
def test_a_run_on_a_disk_that_fills_up_ends_with_one_line_and_goes_on_once_there_is_room(
    run, mock, tmp_path, size
):
    with small_disk(tmp_path / "small", size) as folder:
        command = (*run, "-o", folder / "run")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 13, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert "No space left on device" in done.stderr
        journal = Journal(folder / "run/journal")
        kept = {place.digest for place in journal.index.places()}
        journal.close()
        asked = mock.stats()["asked"]
        remount = ("mount", "-o", "remount,size=16m", str(folder))
        subprocess.run(remount, check=True)

        again = subprocess.run(command, capture_output=True, text=True, check=False)

        assert again.returncode == 0, again.stderr
        after = mock.stats()["asked"]
        assert not [digest for digest in kept if after.get(digest) != asked.get(digest)]
        found = store.open_run(folder / "run")
        assert found.status == "complete"
        assert len(store.rows(found)) == 180


def test_sync_always_leaves_nothing_but_the_last_answer_to_be_lost(run, tmp_path):
    if not disk.tells(tmp_path):
        pytest.skip("needs a kernel that tells what is not on the disk")
    command = (*run, "-o", tmp_path / "run", "--sync", "always", "--concurrency", "4")
    segment = tmp_path / "run/journal/0001.jsonl"
    with subprocess.Popen(command) as process:
        for size in (20_000, 60_000):
            while not segment.is_file() or segment.stat().st_size < size:
                assert process.poll() is None
                time.sleep(0.002)
            process.send_signal(signal.SIGSTOP)
            pages = disk.unsynced(segment)
            process.send_signal(signal.SIGCONT)
            assert pages <= 2, "more than a record was not on the disk"
    assert process.returncode == 0


def test_a_word_that_sync_does_not_know_is_refused(run):
    done = subprocess.run(
        (*run, "--sync", "sometimes"), capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "expected batch or always, found 'sometimes'" in done.stderr
    assert os.linesep not in done.stderr.strip()
