"""What `--json` prints is what the published schemas say."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import jsonschema
import orjson
import pytest
from gated import BUCKETS, judged, policy
from made_runs import paired, row, run, task_entry

from evalsuite import diff, gate, noise, plan, store
from evalsuite.policy import default_policy

SCHEMAS = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def schema(name):
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def check(name, value):
    """Hold a value against a schema as another program reads it."""
    data = orjson.loads(orjson.dumps(value))
    validator = jsonschema.Draft202012Validator(
        schema(name), format_checker=jsonschema.FormatChecker()
    )
    validator.validate(data)
    return data


def verdict_of_everything(tmp_path):
    """A gate with missing answers, flips, slices, guards, floors, tasks, waivers and noise."""
    before, now = (
        [replace(one, tags={"language": ("de", "sw")[at % 2]}) for at, one in enumerate(side)]
        for side in paired(700, 90, 10, 100, health={"cut_off": 0.0})
    )
    now = [*now[:-5], *(row(i, None) for i in range(895, 900))]
    one, other = paired(60, 9, 6, 25, bucket="reasoning", task="sums")
    tasks = {"simple": task_entry(), "sums": task_entry(bucket="reasoning")}
    runs = [run(name, buckets=BUCKETS, tasks=tasks) for name in ("base", "cand")]
    found = diff.compare(*runs, [*before, *one], [*now, *other])
    bucket = noise.BucketNoise(items=9, flip_rate=0.01, differences=(0.0,), stderrs=(0.1,))
    measured = noise.Noise(
        model="m", runs=("a", "b"), exact=False, variance=1e-6, upper=2e-6,
        extra_variance=4e-6, df=2.0, buckets={"tools": bucket},
    )  # fmt: skip
    store.write_json(tmp_path / "noise.json", noise.plain(measured))
    check("noise", noise.plain(measured))
    text = (
        'noise = "noise.json"\n[buckets.tools]\nmin = 0.5\n[guards]\ntruncation = 0.01\n'
        "latency = 2\nfailures = 0.02\n[tasks.simple]\nmargin = 0.02\n"
    )
    waivers = "".join(
        gate.waiver_text(found, name, date(year, 1, 31))
        .replace('reason = ""', 'reason = "r"')
        .replace('owner = ""', 'owner = "o"')
        for name, year in (("tools", 2027), ("simple", 2026))
    )
    rules = policy(tmp_path, text + waivers)
    return gate.judge(found, rules, today=date(2026, 12, 1))


def test_a_verdict_and_its_diff_are_what_their_schemas_say(tmp_path):
    verdict = verdict_of_everything(tmp_path)

    data = check("gate", gate.plain(verdict))
    check("diff", diff.plain(verdict.diff))

    assert {one["kind"] for one in data["checks"]} == {"floor", "guard", "task", "waiver"}
    assert {one["state"] for one in data["waivers"]} == {"used", "expired"}
    assert {one["verdict"] for one in data["buckets"]} == {"FAIL", "UNDECIDED"}
    for name in ("flips", "slices", "health", "tasks"):
        assert data["diff"][name]


@pytest.mark.parametrize("status", ["complete", "incomplete"])
def test_runs_that_cannot_be_judged_are_what_the_schema_says(status):
    other = run("cand", status=status, tasks={"simple": task_entry(version=2)})
    for options in ({}, {"candidate": other, "refuse": False}):
        check("gate", gate.plain(judged(*paired(60, 9, 6, 25), **options)))


def test_a_forecast_is_what_its_schema_says():
    buckets = {"tools": BUCKETS["tools"]}
    described = run(buckets=buckets)
    for n in (30, 4000):
        before, _ = paired(n, 0, 0, n)
        found = plan.forecast(described, before, default_policy(buckets))
        check("plan", {**plan.plain(found), "suggested_file": None})


@pytest.mark.parametrize("name", ["diff", "gate", "plan", "noise"])
def test_every_schema_is_one_and_refuses_what_it_does_not_know(name):
    found = schema(name)

    jsonschema.Draft202012Validator.check_schema(found)
    with pytest.raises(jsonschema.ValidationError):
        check(name, {"verdict": "PASS"})
    assert found["additionalProperties"] is False
