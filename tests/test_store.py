"""Run directories: named, locked, read back whole, and never half written."""

import json
import multiprocessing
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import disk
import pytest

from evalsuite import store
from evalsuite.errors import ComparisonError, IncompleteError, StoreError
from evalsuite.journal import Key, Place
from evalsuite.types import Metric, Plan, Sample, ScoreRow, Source, Task


def manifest(model="m", status="complete", tasks=("t",), created="2026-01-01"):
    return {
        "model": model,
        "status": status,
        "created": created,
        "tasks": {name: {} for name in tasks},
    }


def task(**more):
    fields = {"name": "t", "bucket": "b", "path": Path("t.yaml"), "version": 1}
    return Task(**(fields | more), source=Source(file="x"), scorer="exact_match")


def row(**more):
    fields = {"bucket": "b", "task": "t", "id": "a", "key": "1", "cluster": "a", "repeat": 0}
    values = {"status": "ok", "score": 0.5, "primary": "accuracy", "answer": "Grüße\x1b[31m"}
    return ScoreRow(
        **(fields | values | more),
        metrics={"accuracy": Metric(value=0.5), "rate": Metric(value=1.0, weight=3.0)},
        health={"cut_off": 0.0, "answer_language": "de"},
        tags={"level": "1"},
    )


def test_a_new_run_is_named_by_time_model_and_hash(tmp_path):
    run = store.create(tmp_path, manifest("org/Model 7B"))

    assert run.path.parent == tmp_path
    assert run.name.split("-", 3)[-1].startswith("org-Model-7B") or "org-Model-7B" in run.name
    assert store.open_run(run.path) == run


def test_scores_are_read_back_as_they_were_written(tmp_path):
    run = store.create(tmp_path, manifest())
    rows = [row(), row(id="b", score=None, status="failed", reason="refused: nobody")]

    store.write_scores(run, rows, {Key("t", "a", 0, 0, 0, "model"): Place(1, 42, "d", False)})

    assert store.rows(run) == rows


def test_samples_are_read_back_and_inputs_left_out_where_the_task_says_so(tmp_path):
    run = store.create(tmp_path, manifest(tasks=("t", "secret")))
    sample = Sample(id="a", key="1", inputs={"q": [1, None]}, target={"x": 1}, cluster="c")

    store.write_samples(
        run, [(task(), sample), (task(name="secret", keep_inputs=False), sample)]
    )

    found = store.samples(run)
    assert found["t", "a"] == sample
    assert found["secret", "a"].inputs == {}
    assert found["secret", "a"].target is None
    assert b"null" not in found["secret", "a"].key.encode()


def test_tables_of_many_groups_are_read_back_whole(tmp_path):
    run = store.create(tmp_path, manifest())
    rows = [row(id=f"{n:x}", cluster=f"{n:x}", repeat=n % 3) for n in range(9000)]
    # A column that only late rows have, and one that only early ones have.
    rows[8999] = replace(rows[8999], health={"late": "word", "cut_off": 1.0})
    samples = [
        Sample(id=f"{n:x}", key=str(n), inputs={"q": n}, target=None, cluster=f"{n:x}")
        for n in range(9000)
    ]

    store.write_scores(run, rows, {})
    store.note_samples(run, ((task(), sample) for sample in samples))

    assert store.rows(run) == rows
    assert list(store.samples(run).values()) == samples  # noted
    store.pack_samples(run)
    assert list(store.samples(run).values()) == samples  # packed
    assert not (run.path / "samples.jsonl").exists()


def test_a_power_cut_leaves_every_file_of_a_run_whole(tmp_path):
    if not disk.tells(tmp_path):
        pytest.skip("needs a kernel that tells what is not on the disk")
    sample = Sample(id="a", key="0", inputs={"q": "?" * 9000}, target=None, cluster="a")
    run = store.create(tmp_path, manifest(), path=tmp_path / "run")
    seen = set()
    for write in (
        lambda: store.note_samples(run, [(task(), sample)]),
        lambda: store.write_plan(run, Plan(blocks={})),
        lambda: store.update(run, status="running"),
        lambda: store.pack_samples(run),
        lambda: store.write_scores(run, [row()], {}),
        lambda: store.write_json(run.path / "summary.json", {"estimates": []}),
    ):
        write()
        files = [path for path in run.path.rglob("*") if path.is_file()]
        seen.update(path.name for path in files)
        assert not [path.name for path in files if disk.unsynced(path)]

    tables = {"samples.jsonl", "samples.parquet", "scores.parquet"}
    assert seen == {"run.json", "plan.json", "summary.json"} | tables


@pytest.mark.parametrize(
    ("name", "expected"),
    [("latest", "two-bb"), ("bb", "two-bb"), ("one", "one-aa"), ("one-aa", "one-aa")],
)
def test_a_run_is_found_by_folder_hash_prefix_and_latest(tmp_path, name, expected):
    for folder, created in (("one-aa", "2026-01-01"), ("two-bb", "2026-01-02")):
        store.create(tmp_path, manifest(created=created), path=tmp_path / folder)

    assert store.find(name, tmp_path).name == expected


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_no_run_not_even_the_folder_one_stands_in(tmp_path, name):
    store.create(tmp_path, manifest(), path=tmp_path / "only-aa")

    with pytest.raises(StoreError, match="the name of a run is empty"):
        store.find(name, tmp_path)


def test_an_unknown_run_is_refused_with_the_nearest_name(tmp_path):
    store.create(tmp_path, manifest(), path=tmp_path / "step-1200-aa")

    with pytest.raises(StoreError, match="Did you mean 'step-1200-aa'"):
        store.find("step-1300-aa", tmp_path)


def test_an_ambiguous_prefix_names_the_candidates(tmp_path):
    for name in ("step-1", "step-2"):
        store.create(tmp_path, manifest(), path=tmp_path / name)

    with pytest.raises(StoreError, match="step-1, step-2"):
        store.find("step", tmp_path)


def test_an_unregistered_baseline_is_no_baseline(tmp_path):
    with pytest.raises(ComparisonError, match="no baseline '@release'") as raised:
        store.find("@release", tmp_path)

    assert raised.value.exit_code == 12


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "is no run directory"),
        ("{", "cannot be read"),
        ("[]", "not a manifest"),
        ('{"model": "m", "schema": 99}', "schema 99"),
    ],
)
def test_torn_and_foreign_run_directories_are_refused_in_one_line(tmp_path, content, complaint):
    if content is not None:
        (tmp_path / "run.json").write_text(content)

    with pytest.raises(StoreError, match=complaint) as raised:
        store.open_run(tmp_path)

    assert "\n" not in str(raised.value)


def test_a_folder_with_something_else_in_it_does_not_become_a_run(tmp_path):
    (tmp_path / "thesis.tex").write_text("do not overwrite me")

    with pytest.raises(StoreError, match="not empty"):
        store.create(tmp_path, manifest(), path=tmp_path)


def test_a_process_that_died_while_it_made_a_run_does_not_take_the_place(tmp_path):
    place = tmp_path / "run"
    place.mkdir()
    (place / "run.json.tmp").write_text('{"mod')

    store.check_place(place, a_run=True)

    assert store.open_run(store.create(tmp_path, manifest(), path=place).path).manifest["model"]
    assert [path.name for path in place.iterdir()] == ["run.json"]


def test_a_run_that_was_never_scored_says_so(tmp_path):
    run = store.create(tmp_path, manifest())

    with pytest.raises(IncompleteError, match=r"scores\.parquet is not there"):
        store.rows(run)


def test_a_torn_parquet_file_says_how_to_mend_it(tmp_path):
    run = store.create(tmp_path, manifest())
    store.write_scores(run, [row()], {})
    path = run.path / "scores.parquet"
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(StoreError, match="evalsuite score rewrites it"):
        store.rows(run)


def _hold(path, held, release):
    with store.lock(store.open_run(path)):
        held.set()
        release.wait(20)


def test_two_processes_never_write_one_run(tmp_path):
    run = store.create(tmp_path, manifest())
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(run.path, held, release))
    other.start()
    assert held.wait(20)

    with pytest.raises(StoreError, match=f"in use by process {other.pid}"), store.lock(run):
        pass

    release.set()
    other.join()
    with store.lock(run):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    run = store.create(tmp_path, manifest())
    code = (
        "import sys, os, signal; from pathlib import Path; from evalsuite import store\n"
        "run = store.open_run(Path(sys.argv[1]))\n"
        "with store.lock(run): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(run.path)], check=False)

    with store.lock(run):
        pass


def test_only_the_newest_unfinished_run_of_the_same_model_and_tasks_is_gone_on_with(tmp_path):
    for name, model, status, tasks, day in (
        ("old", "m", "running", ("t",), 1),
        ("new", "m", "incomplete", ("t",), 2),
        ("done", "m", "complete", ("t",), 3),
        ("other", "x", "running", ("t",), 4),
        ("wider", "m", "running", ("t", "u"), 5),
    ):
        facts = manifest(model, status, tasks, f"2026-01-0{day}")
        store.create(tmp_path, facts, path=tmp_path / name)

    assert store.unfinished(tmp_path, manifest()).name == "new"
    assert store.unfinished(tmp_path, manifest("nobody")) is None
    assert store.newest(tmp_path, manifest()).name == "done"


def test_a_shard_is_gone_on_with_by_its_own_command_alone(tmp_path):
    facts = manifest(status="running") | {"shard": {"index": 1, "of": 2}}
    store.create(tmp_path, facts, path=tmp_path / "first")

    assert store.unfinished(tmp_path, facts).name == "first"
    assert store.unfinished(tmp_path, facts | {"shard": {"index": 2, "of": 2}}) is None
    assert store.unfinished(tmp_path, manifest()) is None


def test_a_file_that_cannot_be_written_leaves_the_old_one_whole(tmp_path):
    run = store.create(tmp_path, manifest())
    before = (run.path / "run.json").read_bytes()
    (run.path / "run.json.tmp").mkdir()

    with pytest.raises(IncompleteError, match="cannot write"):
        store.update(run, status="incomplete")

    assert (run.path / "run.json").read_bytes() == before
    assert json.loads(before)["status"] == "complete"
