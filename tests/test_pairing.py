"""Pairing by content: order, repeats, missing and changed items."""

import numpy as np
import pytest
from made_runs import paired, row, rows

from evalsuite.errors import ComparisonError
from evalsuite.pairing import Counts, pair, task_weights
from evalsuite.ranges import bucket_range, task_range


def only(baseline, candidate, **options):
    (pairs,) = pair(baseline, candidate, **options)
    return pairs


def test_rows_pair_by_content_whatever_their_order(rng):
    before, now = paired(50, 9, 4, 37)
    shuffled = [now[i] for i in rng.permutation(len(now))]

    straight, mixed = only(before, now), only(before, shuffled)

    assert mixed.ids == straight.ids
    assert (mixed.now.score == straight.now.score).all()
    assert mixed.counts == Counts(paired=100)


def test_repeats_are_averaged_before_anything_is_counted():
    before = [row(0, s, repeat=r) for r, s in enumerate((1, 0, 1, 1))]
    now = [row(0, s, repeat=r) for r, s in enumerate((0, 0, 1, 0))]

    pairs = only(before, now)

    assert pairs.before.score.tolist() == [0.75]
    assert pairs.now.score.tolist() == [0.25]
    assert pairs.counts == Counts(paired=1)


def test_every_way_to_be_missing_is_counted_once():
    before = [row(0, 1), row(1, None), row(2, 1), row(3, None), row(4, 1)]
    now = [row(0, 1), row(1, 1), row(2, None), row(3, None), row(5, 0)]

    counts = only(before, now).counts

    assert (counts.paired, counts.only_baseline, counts.only_candidate) == (4, 1, 1)
    assert (counts.failed_baseline, counts.failed_candidate, counts.failed_both) == (2, 2, 1)
    assert counts.missing == 5


def test_an_item_with_the_same_key_and_other_content_is_changed_not_missing():
    before = [row(0, 1), row(1, 1, id="old text")]
    now = [row(0, 1), row(1, 0, id="new text")]

    pairs = only(before, now)

    assert pairs.counts == Counts(paired=1, changed=1)
    assert pairs.ids == ("simple-0",)
    assert task_range(pairs).observed.losses == 0


def test_a_missing_pair_is_lost_at_its_worst_and_gained_at_its_best():
    before = rows([1, 1, 1, 0, 0, 0, 1, 1, 1, 1])
    now = rows([1, 1, 1, 0, 0, 0, 1, 1])  # two are absent

    found = task_range(only(before, now))

    assert found.observed.estimate == 0
    assert found.worst.estimate == pytest.approx(-0.2)
    assert found.best.estimate == pytest.approx(+0.2)


def test_a_lost_repeat_costs_its_share_of_the_pair_and_no_more():
    before = [row(0, 1, repeat=r) for r in range(4)] + [row(1, 1, repeat=r) for r in range(4)]
    now = [row(0, 1, repeat=r) for r in range(4)]
    now += [row(1, 1, repeat=r) for r in range(3)] + [row(1, None, repeat=3)]

    pairs = only(before, now)
    found = task_range(pairs)

    assert pairs.counts.missing == 1
    assert found.observed.estimate == 0
    assert found.worst.estimate == pytest.approx(-0.25 / 2)


def test_the_primary_metric_weighs_the_samples():
    before = [row(0, 1.0, weight=3), row(1, 0.0, weight=1), row(2, 0.0, weight=0)]
    now = [row(0, 0.0, weight=3), row(1, 1.0, weight=1), row(2, 1.0, weight=0)]

    change = task_range(only(before, now)).observed

    assert change.estimate == pytest.approx(-0.75 + 0.25)
    assert (change.losses, change.gains, change.n) == (1, 1, 2)


def test_bounds_enclose_what_was_observed(rng):
    for _ in range(50):
        scores = [rng.choice([0, 1, None], size=30, p=[0.4, 0.5, 0.1]) for _ in range(2)]
        found = task_range(only(*(rows(list(side)) for side in scores)))
        low, seen, high = (r.estimate for r in (found.worst, found.observed, found.best))
        assert low <= seen + 1e-12
        assert seen <= high + 1e-12


def test_tasks_of_one_run_alone_still_appear_with_all_items_missing():
    before, now = paired(5, 0, 0, 0)
    other = rows([1, 1, 1], task="parallel")

    pairs = {p.task: p for p in pair([*before, *other], now)}

    assert pairs["parallel"].counts == Counts(only_baseline=3)
    assert task_range(pairs["parallel"]).observed is None
    assert task_range(pairs["parallel"]).worst.estimate == -1


def test_a_task_can_be_left_out_by_name():
    before, now = paired(5, 0, 0, 0)
    assert pair(before, now, skip=["simple"]) == ()


def test_the_same_answer_twice_is_refused():
    with pytest.raises(ComparisonError, match="candidate holds simple simple-0 twice"):
        pair([row(0, 1)], [row(0, 1), row(0, 0)])


@pytest.mark.parametrize("score", [1.5, -0.1, float("nan")])
def test_a_score_that_no_scorer_may_give_is_refused(score):
    with pytest.raises(ComparisonError, match="outside 0 to 1"):
        pair([row(0, 1)], [row(0, score)])


def test_clusters_have_the_same_code_in_every_task():
    before = [row(0, 1, cluster="p"), row(1, 0, cluster="q")]
    other = [row(0, 1, task="parallel", cluster="q"), row(1, 1, task="parallel", cluster="r")]

    first, second = pair([*before, *other], [*before, *other])

    assert first.clusters.tolist() == [0, 1]
    assert second.clusters.tolist() == [1, 2]


def test_declared_weights_must_name_every_task():
    assert task_weights(None, ["a"]) == "task"
    assert task_weights({"a": 1, "b": 3}, ["b"]) == [3.0]
    with pytest.raises(ComparisonError, match="no task 'c'"):
        task_weights({"a": 1}, ["c"])


def test_a_bucket_weighs_its_tasks_as_declared():
    first = paired(60, 40, 0, 0, task="one")
    second = paired(100, 0, 0, 0, task="two")
    tasks = pair([*first[0], *second[0]], [*first[1], *second[1]])
    ranges = {pairs.task: task_range(pairs) for pairs in tasks}

    assert bucket_range(ranges, "task").observed.estimate == pytest.approx(-0.2)
    assert bucket_range(ranges, {"one": 3, "two": 1}).observed.estimate == pytest.approx(-0.3)
    assert bucket_range(ranges, {"one": 0, "two": 0}).observed is None


def test_a_slice_keeps_its_samples_together():
    before = [row(i, i % 2, tags={"language": "sw" if i < 3 else "de"}) for i in range(6)]

    part = only(before, before).take(np.array([0, 1, 2]))

    assert part.ids == ("simple-0", "simple-1", "simple-2")
    assert part.counts == Counts(paired=3)
    ((tags, where),) = part.tagged()
    assert (tags, where.tolist()) == ({"language": "sw"}, [0, 1, 2])
