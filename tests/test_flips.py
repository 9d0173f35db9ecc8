"""Which answers flipped, and the documented precedence of causes."""

import pytest
from made_runs import paired, row

from evalsuite.flips import CAUSES, cause, due, flips, tally, told
from evalsuite.pairing import pair
from evalsuite.ranges import task_range


def worse(**fields):
    return row(0, 0, **{"answer": "41", **fields})


def better(**fields):
    return row(0, 1, **{"answer": "42", **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "truncated"}, "truncated"),
        ({"health": {"cut_off": 1.0}}, "truncated"),
        ({"status": "refused"}, "refused"),
        ({"health": {"refused": 1.0}}, "refused"),
        ({"health": {"leaked_call": 1.0}}, "tool call leaked into text"),
        ({"reason": "leaked_call: <tool_call>"}, "tool call leaked into text"),
        ({"status": "parse_error", "answer": None}, "format"),
        ({"answer": "42"}, "format"),
        ({"health": {"answer_language": "en"}}, "language switched"),
        ({"health": {"repetition": 0.8}}, "repetition"),
        ({}, "different answer"),
        ({"health": {"repetition": 0.2, "answer_language": "unknown"}}, "different answer"),
    ],
)
def test_the_cause_is_read_off_the_worse_answer(fields, expected):
    good = better(health={"answer_language": "sw"})
    assert cause(worse(**fields), good) == expected
    assert expected in CAUSES


def test_the_first_rule_that_holds_wins_in_the_documented_order():
    shown = {
        "cut_off": (1.0, "truncated"),
        "refused": (1.0, "refused"),
        "leaked_call": (1.0, "tool call leaked into text"),
        "repetition": (0.9, "repetition"),
        "answer_language": ("en", "language switched"),
        "broken_off": (1.0, "truncated"),
        "unparsed": (1.0, "format"),
    }
    good = better(health={"answer_language": "sw"})
    left = {name: value for name, (value, _) in shown.items()}
    for name, (_, expected) in shown.items():
        assert cause(worse(health=dict(left)), good) == expected
        del left[name]

    assert cause(worse(health=left), good) == CAUSES[-1] == "different answer"
    assert set(CAUSES) == {*(expected for _, expected in shown.values()), CAUSES[-1]}


def test_an_answer_that_opens_in_another_language_than_it_goes_on_in_has_switched():
    good = better(health={"answer_language": "tr"})
    mixed = {"answer_language": "tr", "opening_language": "en"}
    assert cause(worse(health=mixed), good) == "language switched"
    assert cause(worse(health=mixed), better(health=mixed)) == "different answer"


def test_what_both_answers_show_is_no_cause():
    both = {"status": "truncated", "health": {"repetition": 0.9}}
    assert cause(worse(**both), better(**both)) == "different answer"


def test_the_language_that_the_sample_asks_for_is_no_switch():
    good = better(health={"answer_language": "en"})
    asked = worse(health={"answer_language": "sw"}, tags={"language": "sw"})
    assert cause(asked, good) == "different answer"


def test_losses_and_gains_are_told_apart_and_the_cause_of_a_gain_is_the_baselines():
    before = [row(0, 1), row(1, 0, status="refused"), row(2, 1), row(3, None), row(4, 0)]
    now = [row(0, 0, status="truncated"), row(1, 1), row(2, 1), row(3, 1), row(4, None)]
    (pairs,) = pair(before, now)

    loss, gain = flips(pairs)

    assert (loss.kind, loss.cause, loss.key) == ("loss", "truncated", "0")
    assert (gain.kind, gain.cause, gain.key) == ("gain", "refused", "1")
    assert loss.baseline is before[0]
    assert loss.candidate is now[0]


def test_of_repeats_the_pair_of_answers_furthest_apart_is_shown():
    before = [row(0, score, repeat=r) for r, score in enumerate((0.2, 0.9, 0.5))]
    now = [row(0, score, repeat=r) for r, score in enumerate((0.6, 0.3, 0.1))]
    (pairs,) = pair(before, now)

    (flip,) = flips(pairs)

    assert (flip.kind, flip.repeat) == ("loss", 2)
    assert (flip.baseline.score, flip.candidate.score) == (0.9, 0.1)


def test_swapping_the_runs_swaps_losses_and_gains():
    before, now = paired(5, 4, 2, 1)
    (one,), (other,) = pair(before, now), pair(now, before)

    kinds = [flip.kind for flip in flips(one)]

    assert (kinds.count("loss"), kinds.count("gain")) == (4, 2)
    assert [f.id for f in flips(one) if f.kind == "loss"] == [
        f.id for f in flips(other) if f.kind == "gain"
    ]


def test_a_sample_that_does_not_apply_does_not_flip():
    (pairs,) = pair([row(0, 1, weight=0)], [row(0, 0, weight=0)])
    assert flips(pairs) == []


def test_causes_are_tallied_the_most_frequent_first():
    before = [row(i, 1) for i in range(4)]
    now = [row(i, 0, status="truncated" if i else "ok") for i in range(4)]
    (pairs,) = pair(before, now)

    found = tally(flips(pairs), "loss")

    assert list(found.items()) == [("truncated", 3), ("different answer", 1)]
    assert tally(flips(pairs), "gain") == {}


# --- what a change is due to -------------------------------------------------------------


def test_the_change_of_a_task_is_put_down_to_causes_that_add_up_to_it():
    before = [row(at, 1) for at in range(60)] + [row(at, 0) for at in range(60, 100)]
    now = [
        *(row(at, 0, status="parse_error") for at in range(10)),
        *(row(at, 0) for at in range(10, 15)),
        *(row(at, 1) for at in range(15, 62)),  # two gains
        *(row(at, 0) for at in range(62, 100)),
    ]
    before[60] = row(60, 0, status="parse_error")
    (pairs,) = pair(before, now)

    parts = due(flips(pairs))

    assert [(p.cause, p.losses, p.gains) for p in parts] == [
        ("format", 10, 1),
        ("different answer", 5, 1),
    ]
    assert [p.change for p in parts] == pytest.approx([-0.09, -0.04])
    assert told(parts) == "\N{MINUS SIGN}9.0 format, \N{MINUS SIGN}4.0 different answer"


def test_shares_add_up_with_repeats_weights_and_missing_answers(rng):
    weights = rng.choice([0.0, 1.0, 3.0], size=80)
    sides = []
    for _ in range(2):
        scores = rng.integers(0, 5, size=(80, 3)) / 4
        sides.append([
            row(at, None if rng.random() < 0.1 else float(score), repeat=r, weight=weights[at])
            for at in range(80)
            for r, score in enumerate(scores[at].tolist())
        ])  # fmt: skip
    (pairs,) = pair(*sides)
    change = task_range(pairs).observed.estimate
    assert sum(flip.share for flip in flips(pairs)) == pytest.approx(change)
