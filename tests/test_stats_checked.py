"""Where few pairs flip, in clusters and in repeats, the gate errs no more than it says."""

import itertools

import numpy as np
import pytest

from evalsuite import stats
from evalsuite.stats.tables import restricted_variances
from evalsuite.stats.tango import restricted_variance
from evalsuite.stats.tilted import UNSEEN, flip_together

Z95 = 1.6448536269514722


def from_differences(d, clusters=None):
    """Right/wrong pairs with these differences."""
    d = np.asarray(d, dtype=float)
    return stats.differences(np.maximum(-d, 0), np.maximum(d, 0), clusters=clusters)


# --- what flips together -----------------------------------------------------------------


def test_pairs_of_their_own_cluster_have_nothing_in_common():
    d = np.array([1.0, 0, 0, -1])

    assert flip_together(d, 0.0, np.arange(4)) == 0.0


def test_clusters_that_only_ever_flip_whole_are_copies_of_one_pair():
    d = np.repeat([1.0, 0, 0, -1, 0, 0], 5)

    assert flip_together(d, 0.0, np.repeat(np.arange(6), 5)) == pytest.approx(1.0)


def test_half_a_cluster_that_flips_whole_is_counted_beside_what_was_seen():
    d = np.zeros(100)
    d[[0, 25, 50, 75]] = 1.0  # four flips, none together

    found = flip_together(d, 0.0, np.repeat(np.arange(20), 5))

    assert found == pytest.approx(UNSEEN * 5 / (4 + UNSEEN * 5))
    many = np.tile([1.0, 0, 0, 0, 0, 0, 0, 0, -1, 0], 200)
    assert flip_together(many, 0.0, np.repeat(np.arange(400), 5)) < 0.01


def test_a_large_cluster_that_did_not_flip_is_no_evidence_that_it_would_not_flip_whole():
    sizes = np.tile([2, 20], 30)
    codes = np.repeat(np.arange(60), sizes)
    d = np.where((sizes[codes] == 2) & (codes % 20 == 0), 1.0, 0.0)  # small ones flip whole

    found = from_differences(d, codes).parts[0]

    assert flip_together(d, float(d.mean()), codes) > 0.95
    assert found.spread.trials < found.n / 15
    assert found.effective == pytest.approx(660**2 / (sizes**2).sum())


@pytest.mark.parametrize(
    ("sizes", "together"), list(itertools.product([(5,), (1, 1, 2, 3, 13)], [0.3, 1.0]))
)
def test_rare_flips_of_whole_clusters_do_not_pass_a_loss_of_the_margin(rng, sizes, together):
    margin, sizes = 0.05, np.resize(sizes, 60)
    codes = np.repeat(np.arange(60), sizes)
    odds = [margin, 1 - margin, 0.0]
    passed = 0
    for _ in range(1500):
        alone = rng.choice([-1, 0, 1], p=odds, size=codes.size)
        whole = rng.choice([-1, 0, 1], p=odds, size=60)[codes]
        d = np.where((rng.random(60) < together)[codes], whole, alone)
        passed += stats.z_against(from_differences(d, codes), -margin) > Z95

    # A design effect as it was seen passes up to 24 % of them.
    assert passed / 1500 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1500)


# --- losses beyond the margin ------------------------------------------------------------


def test_evidence_of_a_loss_is_the_same_statistic_at_no_change():
    change = from_differences([-1] * 20 + [1] * 9 + [0] * 371)

    assert stats.z_below(change) == -stats.z_against(change)


def test_half_a_pair_is_granted_before_a_loss_exceeds_the_margin():
    change = from_differences([-1] * 20 + [0] * 80)

    found = stats.z_below(change, -0.1)

    # 9.5 of the 10 pairs beyond the margin are left.
    assert found == pytest.approx(-0.95 * stats.z_against(change, -0.1))
    small = from_differences([-1] * 10 + [0] * 90)
    assert stats.z_below(small, -0.1) == 0.0


def test_few_losses_at_the_margin_are_rarely_called_more_than_the_margin(rng):
    odds, margin = [0.04, 0.95, 0.01], 0.03
    plain = granted = 0
    for losses, same, gains in rng.multinomial(100, odds, size=3000):
        change = from_differences(np.repeat([-1, 0, 1], [losses, same, gains]))
        plain += -stats.z_against(change, -margin) > Z95
        granted += stats.z_below(change, -margin) > Z95

    assert plain / 3000 > 0.07
    assert granted / 3000 <= 0.05


# --- repeats and graded scores -----------------------------------------------------------


def test_tied_differences_are_held_against_a_skewed_distribution(rng):
    chances = np.full(60, 0.75)
    plain = tested = 0
    for _ in range(1500):
        before, now = (rng.binomial(8, c) / 8 for c in (chances, chances - 0.10))
        worse = rng.random(60) < 0.02
        now = np.where(worse, 0.0, now)
        true = -0.10 - 0.02 * 0.65
        change = stats.differences(before, now)
        d = now - before
        t = (d.mean() - true) / (d.std(ddof=1) / np.sqrt(60))
        plain += t > 1.671
        tested += stats.z_against(change, true) > Z95

    assert tested <= plain
    assert tested / 1500 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1500)


def test_few_distinct_differences_never_narrow_the_interval(rng):
    before, now = (rng.integers(0, 5, 90) / 4 for _ in range(2))
    change = stats.differences(before, now)

    assert change.parts[0].spread.dense
    for null in (-0.3, -0.02, 0.0, 0.1):
        assert stats.variance_at(change, null) >= change.stderr**2


def test_scores_without_ties_keep_students_t(rng):
    change = stats.differences(rng.random(90), rng.random(90))

    assert change.method == "cluster t"
    assert change.parts[0].spread is None


# --- what was not checked ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "margin", "clusters", "said"),
    [
        (200, 0.02, 1e9, ""),
        (6000, 0.10, 10, ""),
        (199, 0.02, 1e9, "fewer than 200 pairs"),
        (500, 0.02, 9.5, "fewer than 10 clusters"),
        (500, 0.005, 100, "a margin outside 1 to 10 points"),
        (50, 0.2, 5, "fewer than 200 pairs and fewer than 10 clusters and a margin"),
    ],
)
def test_what_lies_outside_the_simulated_range_is_said(pairs, margin, clusters, said):
    found = stats.outside_checked_range(pairs, margin, clusters=clusters)

    assert found.startswith(said)
    assert bool(found) == bool(said)


# --- many tables at once -----------------------------------------------------------------


@pytest.mark.parametrize("null", [-0.1, -0.01, 0.0, 0.04])
def test_restricted_variances_are_those_of_each_table(rng, null):
    losses, gains, _ = rng.multinomial(80, [0.05, 0.03, 0.92], size=200).T.astype(float)

    found = restricted_variances(losses, gains, 80.0, null)

    alone = [restricted_variance(b, c, 80, null) for b, c in zip(losses, gains, strict=True)]
    assert found == pytest.approx(np.array(alone), rel=1e-12)
