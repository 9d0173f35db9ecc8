"""A made-up airline in tau-bench's layout, and conversations driven without a server."""

import json
import pprint
import sys
from pathlib import Path
from types import ModuleType

from evalsuite import episode, paths, reference, store
from evalsuite import task as tasks
from evalsuite.types import JSON, Response, Sample, Score, Task, ToolCall, Transcript

FOLDER = paths.tasks() / "tools"
DAY = "2024-05-20"
CANCEL = {"name": "cancel_reservation", "kwargs": {"reservation_id": "AAA111"}}
BAGS = {
    "name": "update_reservation_baggages",
    "kwargs": {
        "reservation_id": "BBB222",
        "total_baggages": 2,
        "nonfree_baggages": 1,
        "payment_id": "gift_card_1",
    },
}
TASKS = [
    {"instruction": "Cancel AAA111.", "actions": [CANCEL], "outputs": ["1200"]},
    {"instruction": "Just ask.", "actions": [], "outputs": []},
    {"instruction": "Both.", "actions": [CANCEL, BAGS], "outputs": []},
]


def _flight(number: str, origin: str, destination: str, leaves: str, lands: str) -> dict:
    seats = {"basic_economy": 3, "economy": 2, "business": 0}
    prices = {"basic_economy": 50, "economy": 100, "business": 400}
    day = {"status": "available", "available_seats": seats, "prices": prices}
    return {
        "flight_number": number,
        "origin": origin,
        "destination": destination,
        "scheduled_departure_time_est": leaves,
        "scheduled_arrival_time_est": lands,
        "dates": {DAY: day, "2024-05-21": {"status": "delayed"}},
    }


def _reservation(name: str) -> dict:
    flight = {"flight_number": "HAT001", "date": DAY, "price": 80}
    return {
        "reservation_id": name,
        "user_id": "ann_1",
        "cabin": "economy",
        "flights": [{**flight, "origin": "JFK", "destination": "SEA"}],
        "passengers": [{"first_name": "Ann", "last_name": "Li", "dob": "1990-01-01"}],
        "payment_history": [{"payment_id": "credit_card_1", "amount": 80}],
        "total_baggages": 0,
        "nonfree_baggages": 0,
    }


TABLES = {
    "flights": {
        one["flight_number"]: one
        for one in (
            _flight("HAT001", "JFK", "SEA", "08:00:00", "11:00:00"),
            _flight("HAT002", "JFK", "DEN", "08:00:00", "10:00:00"),
            _flight("HAT003", "DEN", "SEA", "11:00:00", "12:00:00"),
        )
    },
    "reservations": {name: _reservation(name) for name in ("AAA111", "BBB222")},
    "users": {
        "ann_1": {
            "name": {"first_name": "Ann", "last_name": "Li"},
            "payment_methods": {
                "credit_card_1": {"source": "credit_card", "id": "credit_card_1"},
                "gift_card_1": {"source": "gift_card", "amount": 90, "id": "gift_card_1"},
                "certificate_1": {"source": "certificate", "amount": 60, "id": "certificate_1"},
            },
            "reservations": ["AAA111", "BBB222"],
        }
    },
}


def as_json(folder: Path, domain: str, rows: JSON, tables: dict[str, JSON]) -> Path:
    """The data with the tasks as JSON."""
    here = folder / "tau-bench" / domain
    here.mkdir(parents=True)
    (here / "tasks_test.json").write_text(json.dumps(rows))
    (here / "wiki.md").write_text("Be kind.\n")
    for name, table in tables.items():
        (here / f"db_{name}.json").write_text(json.dumps(table))
    return folder


def as_clone(folder: Path, domain: str, rows: JSON, tables: dict[str, JSON]) -> Path:
    """The data as the repository has it: the tasks in Python."""
    here = folder / "tau_bench" / "envs" / domain
    (here / "data").mkdir(parents=True)
    told = [_in_python(row) for row in rows]
    text = f"from tau_bench.types import Action, Task\n\nTASKS = [{', '.join(told)}]\n"
    (here / "tasks_test.py").write_text(text)
    (here / "wiki.md").write_text("Be kind.\n")
    for name, table in tables.items():
        (here / "data" / f"{name}.json").write_text(json.dumps(table))
    return folder


def _in_python(row: dict) -> str:
    actions = ", ".join(
        f"Action(name={one['name']!r}, kwargs={pprint.pformat(one['kwargs'])})"
        for one in row["actions"]
    )
    return (
        f"Task(annotator=0, user_id='x', instruction={row['instruction']!r}, "
        f"actions=[{actions}], outputs={row['outputs']!r})"
    )


def loaded(name: str, data: Path | None, **options: object) -> tuple[Task, list[Sample]]:
    """A task of tau-bench and its samples."""
    task = tasks.load(FOLDER / f"{name}.yaml")
    return task, tasks.samples(task, data=data, offline=True, **options)


def module(name: str) -> ModuleType:
    """The module that the task `name` is written in."""
    return sys.modules[reference.load(f"{name}.py:rows", FOLDER).__module__]


def called(name: str, arguments: JSON, **more: object) -> Response:
    """The response that makes a call."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = ToolCall(name=name, arguments=text, id="c")
    return Response(tool_calls=(call,), finish_reason="tool_calls", **more)


def talk(task: Task, sample: Sample, answers: list[Response]) -> Transcript:
    """The conversation in which exactly these answers are given, to its end."""
    generator = tasks.episode(task, sample)
    steps, state = episode.replay(generator, [(answer,) for answer in answers])
    return episode.transcript(steps, state)


def rewarded(task: Task, sample: Sample, answers: list[Response]) -> Score:
    """What a conversation scores."""
    found = talk(task, sample, answers)
    assert found.status == "ok", found.reason
    assert len(found.steps) == len(answers), "the talk ended before the last answer"
    return tasks.scorer(task)(sample, found)


def acted(actions: list[dict], said: str = "Done.") -> list[Response]:
    """Both sides of a talk: calls, one message, the end."""
    calls = [called(action["name"], action["kwargs"]) for action in actions]
    return [Response(text="Hi."), *calls, Response(text=said), Response(text="###STOP###")]


def scores(folder: Path) -> dict[tuple[str, int], float | None]:
    """The scores of a run by key and repeat."""
    return {(row.key, row.repeat): row.score for row in store.rows(store.open_run(folder))}
