"""tau-bench's rows: a clone of its repository or JSON files, and what is said without them."""

import pytest
import tau_made
from tau_made import TABLES, TASKS

from evalsuite.errors import SourceError


def test_a_clone_of_the_repository_gives_the_rows_of_the_json_files(tmp_path):
    one = tau_made.as_json(tmp_path / "json", "airline", TASKS, TABLES)
    two = tau_made.as_clone(tmp_path / "clone", "airline", TASKS, TABLES)
    parent = tau_made.as_clone(tmp_path / "all" / "tau-bench", "airline", TASKS, TABLES).parent

    ids = [
        [sample.id for sample in tau_made.loaded("tau_airline", data, limit=3)[1]]
        for data in (one, two, parent)
    ]

    assert ids[0] == ids[1] == ids[2]


def test_rows_that_are_not_there_are_asked_for_in_one_line(tmp_path):
    for data in (None, tmp_path):
        with pytest.raises(SourceError, match=r"tau_airline: .* a clone of https://.*--data"):
            tau_made.loaded("tau_airline", data)
    with pytest.raises(SourceError, match="no such folder"):
        tau_made.loaded("tau_airline", tmp_path / "none")

    data = tau_made.as_clone(tmp_path, "airline", TASKS, TABLES)
    with pytest.raises(SourceError, match="gave 3 of 50 rows"):
        tau_made.loaded("tau_airline", data)
    file = data / "tau_bench/envs/airline/tasks_test.py"
    for text, said in (
        ("TASKS = [open('x')]", r"tasks_test.py:1: expected a literal"),
        ("TASKS = [", r"tasks_test.py:1: not Python"),
        ("OTHER = []", r"expected TASKS = \[...\], found none"),
        ("TASKS = [Task(instruction='x')]", "task 0: actions: expected a list"),
        (
            "TASKS = [Task(instruction='x', actions=[Action(name='x')], outputs=[])]",
            "task 0: actions: expected name and kwargs each",
        ),
    ):
        file.write_text(text)
        with pytest.raises(SourceError, match=said):
            tau_made.loaded("tau_airline", data, limit=1)
    (data / "tau_bench/envs/airline/data/users.json").unlink()
    with pytest.raises(SourceError, match=r"db_users.json or .*users.json, found neither"):
        tau_made.loaded("tau_airline", data, limit=1)
