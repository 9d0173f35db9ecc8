"""The installed corpus of lm-eval: found by name, and loaded or refused in one line."""

import json
import os
import random
import re
import subprocess
import sys

import harness_rows
import jinja2
import jinja2.meta
import pytest

from evalsuite import harness, task
from evalsuite.errors import TaskError
from evalsuite.harness import index

DRAWN = 50
REASONS = re.compile(  # as docs/tasks.md has them
    r"no mean over documents|is better where it is lower|model-written code|only text is asked"
    r"|Python class|made by a function|promptsource|read here without such options"
    r"|expected one local file|no beam search|not known here|no value for a single document"
    r"|a download of Hugging Face"
)
TEMPLATES = ("doc_to_text", "doc_to_target", "doc_to_choice", "description", "gen_prefix")


def drawn() -> list[str]:
    names = sorted(name for name, one in harness.entries().items() if one.kind == "task")
    return random.Random(5).sample(names, DRAWN)


def fields(values) -> set[str]:
    """The fields of a row that the templates of a task name."""
    found = set()
    for key in TEMPLATES:
        text = values.get(key)
        if isinstance(text, str) and not text.startswith("!function"):
            bare = re.fullmatch(r"\w+", text)
            tree = jinja2.Environment().parse(text)
            found |= {text} if bare else jinja2.meta.find_undeclared_variables(tree)
    return found


def splits(values) -> set[str]:
    keys = ("training_split", "validation_split", "test_split", "fewshot_split")
    return {values[key] for key in keys if values.get(key)}


def outcome(path):
    """The task, or else why it is refused."""
    try:
        return task.load(path), ""
    except TaskError as refusal:
        return None, str(refusal)


@pytest.mark.parametrize("name", drawn())
def test_a_task_drawn_from_the_corpus_asks_about_a_row_or_is_refused_with_its_reason(
    name, tmp_path
):
    path = tmp_path / "tasks" / "reasoning" / "drawn.yaml"
    path.parent.mkdir(parents=True)
    one = harness.suite(name, tmp_path).first
    api = "api: completion\n" if one.kind == "generate_until" else ""
    text = f"version: 1\nharness: {name}\nsource: {{revision: '0123456'}}\n{api}"
    path.write_text(text)
    loaded, refusal = outcome(path)
    if loaded is None:
        assert re.match(r"\S+drawn\.yaml:2: harness: \S+\.yaml: lm-eval's ", refusal)
        assert REASONS.search(refusal), refusal
        return
    rows = [harness_rows.row(name, fields(one.values)) | {"n": n} for n in range(12)]
    for split in splits(one.values):
        file = tmp_path / "data" / "drawn" / f"{split}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    samples = task.samples(loaded, data=tmp_path / "data", offline=True, limit=2)

    assert len(samples) == 2
    assert all(sample.inputs[harness.ASKED]["requests"] for sample in samples)


def test_most_of_what_was_drawn_is_asked_and_some_is_refused():
    refused = 0
    for name in drawn():
        try:
            harness.check(harness.suite(name, index.folder()), ())
        except TaskError:
            refused += 1

    assert 0 < refused < DRAWN / 2


def test_the_index_names_the_tasks_and_files_that_lm_eval_itself_finds():
    from lm_eval.tasks._index import TaskIndex

    folder = index.folder() / "gsm8k"

    theirs = TaskIndex.build([folder])

    mine = index.scan(folder)
    assert {name: (one.kind, one.file) for name, one in mine.items() if one.file} == {
        name: (one.kind.name.lower(), one.yaml_path.relative_to(folder).as_posix())
        for name, one in theirs.items()
        if one.yaml_path
    }
    tags = {name: one.tags for name, one in theirs.items() if one.yaml_path is None}
    assert {name: set(one.members) for name, one in mine.items() if not one.file} == tags


def test_the_index_is_kept_and_searched_without_importing_lm_eval(tmp_path):
    code = (
        "import sys; from evalsuite import cli;"
        "code = cli.main(['list', '--harness', 'gsm8k_cot', '--json']);"
        "sys.exit(code or 'lm_eval' in sys.modules)"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True,
            check=True, timeout=100,
        )  # fmt: skip
        assert "gsm8k_cot" in [row["harness"] for row in json.loads(done.stdout)]
    (kept,) = (tmp_path / "evalsuite").iterdir()
    assert kept.name == f"harness-{harness.version()}-1.json"


def test_a_misspelt_name_is_refused_with_the_nearest_one(tmp_path):
    path = tmp_path / "tasks" / "reasoning" / "typo.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("version: 1\nharness: gsm8k_coot\napi: completion\n")

    with pytest.raises(TaskError, match=r"typo\.yaml:2: .*Did you mean 'gsm8k_cot'"):
        task.load(path)


def test_a_group_is_one_task_whose_samples_say_which_task_asks_them(tmp_path):
    path = tmp_path / "tasks" / "reasoning" / "bbh.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        "version: 1\nharness: bbh_zeroshot\nsource: {revision: '0123456'}\napi: completion\n"
    )
    loaded = task.load(path)
    data = tmp_path / "data" / "bbh"
    data.mkdir(parents=True)
    members = harness.suite("bbh_zeroshot", tmp_path).members
    for one in members:
        config = one.values["dataset_name"]
        row = {"input": f"{config}?", "target": "(A)"}
        (data / f"{config}_test.jsonl").write_text(json.dumps(row) + "\n")

    samples = task.samples(loaded, data=tmp_path / "data", offline=True)

    assert len(members) == len(samples) == 27
    assert {sample.tags["task"] for sample in samples} == {one.name for one in members}
