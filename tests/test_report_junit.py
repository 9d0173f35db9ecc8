"""JUnit: a case a bucket and a task, valid XML whatever is in it."""

from dataclasses import replace
from xml.etree import ElementTree

import made_runs
import pytest
import report_runs
from report_runs import HOSTILE, NAME

from evalsuite import diff, gate, report


def verdict_of(before, now, policy=None, **manifest):
    """The verdict on two runs of these rows."""
    runs = made_runs.run("base", **manifest), made_runs.run("next", **manifest)
    found = diff.compare(*runs, before, now)
    buckets = manifest.get("buckets") or {"tools": {"title": "Tools", "margin": 0.05}}
    return gate.judge(found, policy or gate.default_policy(buckets))


def cases(value):
    """Result by case name; "passed" where there is no child that says otherwise."""
    root = ElementTree.fromstring(report.junit(value))
    found = {}
    for case in root.iter("testcase"):
        kinds = [child.tag for child in case if child.tag != "system-out"]
        found[case.get("name")] = kinds[0] if kinds else "passed"
    return found


@pytest.mark.parametrize(
    ("table", "verdict", "result"),
    [((100, 40, 2, 8), "FAIL", "failure"), ((100, 6, 4, 10), "UNDECIDED", "error"),
     ((140, 2, 2, 6), "PASS", "passed")],
)  # fmt: skip
def test_a_bucket_is_a_failure_an_error_or_passed_as_the_gate_says(table, verdict, result):
    judged = verdict_of(*made_runs.paired(*table))

    assert judged.buckets[0].verdict == verdict
    assert cases(judged)["tools (bucket)"] == result


def test_a_task_that_fell_is_skipped_with_its_figures_because_its_bucket_decides():
    judged = verdict_of(*made_runs.paired(100, 40, 2, 8))
    root = ElementTree.fromstring(report.junit(judged))

    (skipped,) = root.iter("skipped")
    assert "does not block, its bucket does: worse, beyond the margin" in skipped.get("message")
    assert cases(judged)["simple"] == "skipped"


def test_a_bucket_that_only_warns_is_skipped_with_the_reason():
    before, now = made_runs.paired(100, 40, 2, 8)
    rule = gate.Rule(margin=0.05, blocking=False)
    other = made_runs.paired(100, 0, 0, 0, bucket="other", task="o")
    policy = gate.Policy(buckets={"tools": rule, "other": gate.Rule(margin=0.05)})
    buckets = {"tools": {"margin": 0.05}, "other": {"margin": 0.05}}
    tasks = {"simple": made_runs.task_entry(), "o": made_runs.task_entry(bucket="other")}
    judged = verdict_of(before + other[0], now + other[1], policy, buckets=buckets, tasks=tasks)
    root = ElementTree.fromstring(report.junit(judged))

    messages = [one.get("message") for one in root.iter("skipped")]
    assert messages[0].startswith("does not block: FAIL: tools fell by")
    assert root.get("failures") == root.get("errors") == "0"


def test_an_undecided_bucket_that_the_policy_lets_through_is_no_error():
    before, now = made_runs.paired(100, 6, 4, 10)
    policy = gate.Policy(buckets={"tools": gate.Rule(margin=0.05)}, undecided="warn")
    judged = verdict_of(before, now, policy)

    assert (judged.verdict, judged.exit_code) == ("UNDECIDED", 0)
    assert cases(judged)["tools (bucket)"] == "skipped"


def test_runs_that_cannot_be_compared_or_are_incomplete_are_errors():
    before, now = made_runs.paired(140, 2, 2, 6)
    entry = made_runs.task_entry(scorer="other")
    runs = made_runs.run("base"), made_runs.run("next", tasks={"simple": entry})
    found = diff.compare(*runs, before, now, refuse=False)
    policy = gate.default_policy({"tools": {"margin": 0.05}})
    assert cases(gate.judge(found, policy)) == {"the runs can be compared": "error"}

    unfinished = verdict_of(before, now, status="incomplete")
    assert unfinished.verdict == "INCOMPLETE"
    assert cases(unfinished)["the runs are complete"] == "error"


def test_counts_of_the_document_and_its_suites_are_those_of_its_cases():
    judged = verdict_of(*made_runs.paired(100, 40, 2, 8))
    root = ElementTree.fromstring(report.junit(judged))

    for element in (root, *root.iter("testsuite")):
        assert int(element.get("tests")) == len(list(element.iter("testcase")))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(name)) == len(list(element.iter(tag)))
    assert (root.get("tests"), root.get("failures")) == ("2", "1")


def test_a_diff_without_a_policy_fails_what_fell_beyond_the_margin():
    judged = verdict_of(*made_runs.paired(100, 40, 2, 8))

    assert cases(judged.diff) == {"tools (bucket)": "failure", "simple": "skipped"}


def test_a_run_passes_unless_answers_never_arrived(tmp_path):
    good, bad = (
        report_runs.write(
            tmp_path,
            report_runs.Made(name=name, rows=made_runs.rows([1, 0, 1, last])),
        )
        for name, last in (("good", 1), ("bad", None))
    )

    assert set(cases(good).values()) == {"passed"}
    assert cases(bad) == {"tools (bucket)": "error", "simple": "error"}
    assert "1 answer never arrived" in report.junit(bad)


def test_hostile_names_and_messages_give_valid_xml():
    text = f"{HOSTILE}\x0b\ufffe\x00"  # of a name; half a surrogate pair is none
    before, now = made_runs.paired(100, 40, 2, 8, bucket=text, task=NAME)
    buckets = {text: {"title": text, "margin": 0.05}}
    tasks = {NAME: made_runs.task_entry(bucket=text)}
    judged = verdict_of(before, now, buckets=buckets, tasks=tasks)
    advice = f"{text}\ud800"
    judged = replace(judged, buckets=(replace(judged.buckets[0], advice=advice),))

    xml = report.junit(judged)

    root = ElementTree.fromstring(xml)
    assert [case.get("name")[:8] for case in root.iter("testcase")] == [HOSTILE[:8], NAME[:8]]
    assert {element.tag for element in root.iter()} <= {
        "testsuites", "testsuite", "testcase", "properties", "property", "failure", "skipped",
    }  # fmt: skip
    lxml = pytest.importorskip("lxml.etree")
    assert len(list(lxml.fromstring(xml.encode()).iter("testcase"))) == 2
