"""Guards beside the score, floors under it, and guards of single tasks."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from gated import judged, policy
from made_runs import paired, row, run, task_entry

from evalsuite import diff, gate, report, words
from evalsuite.journal import Journal, Record
from evalsuite.report import terminal
from evalsuite.stats import ratio_interval
from evalsuite.types import Response

TOOLS = "[buckets.tools]\nmargin = 0.05\n"


def with_health(rates, n=1000, name="cut_off", **fields):
    """Rows of two equally good runs whose first `rate` answers have the figure."""
    sides = []
    for rate in rates:
        sides.append(
            [row(i, i % 2, health={name: float(i < rate * n)}, **fields) for i in range(n)]
        )
    return sides


def check(verdict, name):
    (found,) = (one for one in verdict.checks if one.name == name)
    return found


# --- guards ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "outcome", "code"),
    [(0.008, "PASS", 0), (0.016, "UNDECIDED", 11), (0.1, "FAIL", 10)],
)
def test_a_guard_passes_as_observed_and_fails_only_where_it_is_shown(
    tmp_path, now, outcome, code
):
    rules = policy(tmp_path, f"{TOOLS}[guards]\ntruncation = 0.01\n")

    verdict = judged(*with_health((0.004, now)), policy=rules)
    found = check(verdict, "truncation")

    assert (found.verdict, verdict.exit_code) == (outcome, code)
    assert (found.baseline, found.candidate) == pytest.approx((0.004, now))
    assert found.shown.value == pytest.approx(now - 0.004)
    assert found.shown.low < found.shown.value < found.shown.high
    assert found.shown.level == pytest.approx(0.9)
    assert verdict.buckets[0].verdict == "PASS"


def test_a_guard_says_what_it_saw_in_points():
    verdict = judged_with("truncation = 0.01", with_health((0.004, 0.018)))

    assert check(verdict, "truncation").reason == (
        "0.4 % before, 1.8 % now: +1.4 points (90 %: +0.9 to +2.2), beyond the limit of 1.0 "
        "points, not shown either way"
    )
    assert verdict.headline.startswith("answers cut off in tools: 0.4 % before, 1.8 % now")


def judged_with(guards, rows, extra=""):
    with tempfile.TemporaryDirectory() as folder:
        rules = policy(Path(folder), f"{TOOLS}{extra}[guards]\n{guards}\n")
    return judged(*rows, policy=rules)


def test_a_guard_that_only_warns_is_shown_and_does_not_decide():
    verdict = judged_with(
        "truncation = {max_increase = 0.01, tier = 'warn'}", with_health((0.0, 0.1))
    )

    assert (verdict.verdict, verdict.exit_code) == ("PASS", 0)
    assert (check(verdict, "truncation").verdict) == "FAIL"


def test_a_guard_of_one_bucket_replaces_the_general_one():
    wide = "[buckets.tools.guards]\ntruncation = 0.2\n"
    assert judged_with("truncation = 0.01", with_health((0.0, 0.1)), wide).exit_code == 0
    off = "[buckets.tools.guards]\ntruncation = false\n"
    assert not judged_with("truncation = 0.01", with_health((0.0, 0.1)), off).checks


def test_missing_answers_count_at_their_worst_for_a_pass_and_at_their_best_for_a_fail():
    before, now = with_health((0.0, 0.0), n=400)
    lost = [*now[:-20], *(row(i, None) for i in range(380, 400))]
    hidden = judged_with("truncation = 0.01", (before, lost))

    assert check(hidden, "truncation").verdict == "UNDECIDED"
    assert "with 20 missing answers at their worst" in check(hidden, "truncation").reason

    _, cut = with_health((0.0, 0.3), n=400)
    shown = judged_with("truncation = 0.01", (before, [*cut[:-20], *lost[-20:]]))
    assert check(shown, "truncation").verdict == "FAIL"
    assert check(shown, "truncation").reason.endswith("20 missing answers at their best")


def test_answers_that_never_arrived_have_a_guard_of_their_own():
    before, now = with_health((0.0, 0.0), n=1000)
    lost = [*now[:-50], *(row(i, None) for i in range(950, 1000))]

    for limit, outcome in (("0.1", "PASS"), ("{max = 0.01}", "FAIL")):
        found = check(judged_with(f"failures = {limit}", (before, lost)), "failures")
        assert found.verdict == outcome
        assert found.candidate == pytest.approx(0.05)


def test_repeated_answers_and_clusters_widen_a_guards_interval():
    apart = with_health((0.0, 0.1))
    together = [
        [row(i, i % 2, health={"cut_off": one.health["cut_off"]}, cluster=f"c{i // 20}")
         for i, one in enumerate(side)] for side in apart
    ]  # fmt: skip
    wide, narrow = (
        check(judged_with("truncation = 0.01", rows), "truncation").shown
        for rows in (together, apart)
    )

    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert wide.clusters == 50


@pytest.mark.parametrize(
    ("factor", "limit", "outcome"),
    [(1.1, "1.25", "PASS"), (2.0, "1.25", "FAIL"), (0.4, "{min_ratio = 0.5}", "FAIL"),
     (0.9, "{min_ratio = 0.5}", "PASS"), (2.0, "{max = 100}", "FAIL")],
)  # fmt: skip
def test_lengths_are_limited_as_ratios_or_in_tokens(factor, limit, outcome):
    sides = [
        [row(i, i % 2, health={"answer_tokens": scale * (80 + i % 40)}) for i in range(320)]
        for scale in (1.0, factor)
    ]
    found = check(judged_with(f"answer_tokens = {limit}", sides), "answer_tokens")

    assert found.verdict == outcome
    assert found.baseline == pytest.approx(99.5)
    assert found.candidate == pytest.approx(99.5 * factor)


def test_the_interval_of_a_ratio_is_fiellers(rng):
    before = rng.uniform(50, 150, 400)
    now = before * 1.3 + rng.normal(0, 20, 400)

    found = ratio_interval(now, before)
    for end in (found.low, found.high):
        off = now - end * before
        t = off.mean() / (off.std(ddof=1) / len(off) ** 0.5)
        assert abs(t) == pytest.approx(1.966, abs=2e-3)
    assert found.low < found.estimate < found.high

    nothing = ratio_interval([1.0, 2.0, 3.0], [0.0, 0.0, 0.1])
    assert (nothing.low, nothing.high) == (0.0, float("inf"))


def test_language_is_kept_as_asked_and_the_worst_language_is_named():
    def side(loyal, right):
        rows = []
        for i in range(600):
            asked = ("de", "sw")[i % 2]
            spoken = "en" if asked == "sw" and i % 20 >= 20 * loyal else asked
            score = float(i % 10 < (9 if asked == "de" else right))
            rows.append(
                row(i, score, health={"answer_language": spoken}, tags={"language": asked})
            )
        return rows

    guards = "language_fidelity = 0.02\nworst_language = 0.05"
    bad = judged_with(guards, (side(1.0, 9), side(0.5, 6)))
    good = judged_with(guards, (side(1.0, 9), side(1.0, 9)))

    fidelity, worst = check(bad, "language_fidelity"), check(bad, "worst_language")
    assert (fidelity.verdict, worst.verdict) == ("FAIL", "FAIL")
    assert (fidelity.baseline, fidelity.candidate) == (1.0, 0.75)
    assert worst.title == "the worst language, sw, in tools"
    assert worst.shown.level == pytest.approx(0.95)  # of two languages
    ends = (words.points(-end, sign=True) for end in (worst.shown.high, worst.shown.low))
    assert f": {' to '.join(ends)})" in worst.reason  # the lower end first
    assert [one.verdict for one in good.checks] == ["PASS", "PASS"]
    (beside,) = (h for h in bad.diff.health if h.name == "language_fidelity")
    assert beside.delta.value == pytest.approx(-0.25)


def test_what_no_run_recorded_is_undecided_and_said_once():
    verdict = judged_with("answer_tokens = 1.2\nlatency = 1.5", paired(900, 0, 0, 100))

    assert [one.verdict for one in verdict.checks] == ["UNDECIDED", "UNDECIDED"]
    assert verdict.exit_code == 11
    assert check(verdict, "latency").reason == ("cannot be compared: not both runs recorded it")


def answered(folder, name, served):
    """A run whose journal says how long each of its answers took."""
    made = run(name)
    journal = Journal(folder / name / "journal", write=True)
    for number, seconds in enumerate(served):
        response = Response(text="x", served=seconds)
        key = {"task": "simple", "id": f"simple-{number}", "repeat": 0, "step": 0, "part": 0}
        journal.append(Record(**key, role="model", digest="d", response=response))
    journal.close()
    return replace(made, path=folder / name)


@pytest.mark.parametrize(
    ("limit", "outcome"), [("1.25", "FAIL"), ("3", "PASS"), ("{max = 1}", "FAIL")]
)
def test_latency_is_what_the_journals_say(tmp_path, limit, outcome):
    served = [0.5 + 0.01 * (i % 50) for i in range(200)]
    base = answered(tmp_path, "base", served)
    candidate = answered(tmp_path, "cand", [2 * one for one in served])
    text = f"{TOOLS}[guards]\nlatency = {limit}\n"

    verdict = judged(
        *paired(150, 0, 0, 50), base=base, candidate=candidate, policy=policy(tmp_path, text)
    )

    found = check(verdict, "latency")
    assert found.verdict == outcome
    assert found.baseline == pytest.approx(0.745)
    assert found.candidate == pytest.approx(1.49)
    assert found.reason.startswith("0.745 s before, 1.49 s now")


# --- floors and tasks --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("right", "outcome", "code"), [(760, "PASS", 0), (710, "UNDECIDED", 11), (640, "FAIL", 10)]
)
def test_a_floor_is_a_claim_that_must_be_shown(tmp_path, right, outcome, code):
    rules = policy(tmp_path, "[buckets.tools]\nmargin = 0.05\nmin = 0.70\n")

    verdict = judged(*paired(right, 0, 0, 1000 - right), policy=rules)

    floor = check(verdict, "floor")
    assert (floor.verdict, verdict.exit_code) == (outcome, code)
    assert floor.candidate == right / 1000
    assert floor.shown.low < right / 1000 < floor.shown.high
    told = {"PASS": "reach", "FAIL": "lie below", "UNDECIDED": "reach"}[outcome]
    assert told in floor.reason


def test_a_floor_counts_missing_answers_at_their_worst_and_their_best(tmp_path):
    rules = policy(tmp_path, "[buckets.tools]\nmargin = 0.05\nmin = 0.70\n")
    before, now = paired(740, 0, 0, 260)
    lost = [*(row(i, None) for i in range(60)), *now[60:]]

    floor = check(judged(before, lost, policy=rules), "floor")

    assert floor.verdict == "UNDECIDED"
    assert floor.shown.low < 0.68
    assert floor.shown.high > 0.74


def test_a_floor_leaves_out_what_weighs_nothing(tmp_path):
    rules = policy(tmp_path, "[buckets.tools]\nmargin = 0.05\nmin = 0.70\n")
    good = paired(900, 0, 0, 100, task="good")
    void = paired(0, 0, 0, 50, task="void", weight=0.0)
    runs = [run(n, tasks={t: task_entry() for t in ("good", "void")}) for n in ("a", "b")]
    found = diff.compare(*runs, [*good[0], *void[0]], [*good[1], *void[1]])

    floor = check(gate.judge(found, rules), "floor")

    assert (floor.verdict, floor.candidate) == ("PASS", 0.9)


def two_tasks(losses):
    before, now = paired(900, 4, 4, 92, task="big")
    one, other = paired(60 - losses, losses, 0, 40, task="small")
    tasks = {name: task_entry() for name in ("big", "small")}
    buckets = {"tools": {"title": "tools", "margin": 0.05, "weights": "sample"}}
    runs = [run(name, tasks=tasks, buckets=buckets) for name in ("base", "cand")]
    return diff.compare(*runs, [*before, *one], [*now, *other])


@pytest.mark.parametrize(("losses", "outcome"), [(4, "PASS"), (14, "PASS"), (40, "FAIL")])
def test_a_tasks_guard_fails_only_on_a_catastrophe_that_is_shown(tmp_path, losses, outcome):
    rules = policy(
        tmp_path,
        "[buckets.tools]\nmargin = 0.05\nweights = 'sample'\n[tasks.small]\nmargin = 0.10\n"
        "[tasks.absent]\nmargin = 0.10\ntier = 'warn'\n",
    )

    verdict = gate.judge(two_tasks(losses), rules)

    assert check(verdict, "small").verdict == outcome
    assert check(verdict, "absent").verdict == "UNDECIDED"
    assert verdict.exit_code == (10 if outcome == "FAIL" else 0)
    if outcome == "FAIL":
        assert check(verdict, "small").reason.endswith("more than its guard of 10.0")


def test_every_report_shows_every_check(tmp_path):
    rules = policy(
        tmp_path,
        "[buckets.tools]\nmargin = 0.05\nmin = 0.4\n[guards]\ntruncation = 0.01\n"
        "refusals = 0.01\n",
    )
    verdict = judged(*with_health((0.0, 0.1)), policy=rules)

    shown = "\n".join(
        str(cell)
        for line in terminal.verdict_lines(verdict)
        for column in getattr(line, "columns", [])
        for cell in column.cells
    )
    assert "answers cut off in tools" in shown
    assert "2 guards kept" in shown
    html, markdown, xml = report.html(verdict), report.markdown(verdict), report.junit(verdict)
    for text in (html, markdown, xml):
        for name in ("answers cut off in tools", "answers refused", "the floor of tools"):
            assert name in text
    assert xml.count("<testcase") == 5  # bucket, task, floor, two guards
    assert xml.count("<failure") == 1
    found = gate.plain(verdict)["checks"]
    assert [one["name"] for one in found] == ["floor", "truncation", "refusals"]
