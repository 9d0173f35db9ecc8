"""The number of requests at once as a person meets it: the flag, the last line, the report."""

import os
import subprocess
import sys

import mock_server
import private_tree
import pytest

from evalsuite import store


@pytest.fixture
def mock():
    with mock_server.start({"latency": 0.02}) as server:
        yield server


@pytest.fixture
def evalsuite(tmp_path):
    tree = private_tree.write(tmp_path / "private")

    def call(*words, code=0):
        words = [str(word) for word in words]
        words += map(str, tree) if words[0] == "run" else ()
        done = subprocess.run(
            [sys.executable, "-m", "evalsuite", *words], cwd=tmp_path, env=os.environ,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def test_what_was_chosen_is_told_after_the_run_kept_in_it_and_in_its_report(
    evalsuite, mock, tmp_path
):
    found = evalsuite("run", "--base-url", mock.base_url)
    (run,) = store.all_runs(tmp_path / "runs")
    pace = run.manifest["pace"]
    evalsuite("report", run.path, "-o", "page.md")

    assert pace["mode"] == "auto"
    assert pace["said"].startswith("128 requests at once (")
    assert pace["said"] in " ".join(found.stdout.split())
    assert "128 requests at once" in (tmp_path / "page.md").read_text()


def test_a_fixed_number_is_kept_to(evalsuite, mock, tmp_path):
    found = evalsuite("run", "--base-url", mock.base_url, "--concurrency", 3, "-o", "fixed")

    assert "3 requests at once (fixed by --concurrency)" in found.stdout
    assert mock.stats()["max_in_flight"] <= 3
    assert store.open_run(tmp_path / "fixed").manifest["pace"]["mode"] == "fixed"


@pytest.mark.parametrize("wrong", ["0", "fast", "-1"])
def test_a_number_that_is_none_is_refused_in_one_line(evalsuite, mock, wrong):
    done = evalsuite("run", "--base-url", mock.base_url, f"--concurrency={wrong}", code=2)

    assert f"expected auto, or a whole number of at least 1, found '{wrong}'" in done.stderr
    assert mock.stats()["requests"] == 0
