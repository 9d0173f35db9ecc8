"""The simulated gate is the gate: every array formula against the product's own function."""

import numpy as np
import pytest
from array_gate import Part, estimate, z_against, z_below
from drawn_pairs import Population, _clusters, _differences, _sizes, _summed, correlation, draw

from evalsuite import stats

NULLS = (-0.1, -0.02, 0.0, 0.03)


def agree(change, parts, row):
    """Every statistic of one run among many, at every null."""
    assert estimate(parts)[row, -1] == pytest.approx(change.estimate)
    for null in NULLS:
        found = z_against(parts, null)[row, -1], z_below(parts, null)[row, -1]
        own = stats.z_against(change, null), stats.z_below(change, null)
        assert found == pytest.approx(own, rel=1e-6, abs=1e-7), null


def expanded(values, counts):
    """Before and now, in [0, 1], with these differences."""
    d = np.repeat(values, counts.astype(int))
    same = 0.5 if values.size > 3 else 0.0  # repeats: not every prompt is all right or wrong
    before = np.where(d == 0, same, np.maximum(-d, 0.0))
    return before, before + d


@pytest.mark.parametrize("weighting", ["sample", "task"])
@pytest.mark.parametrize("discordance", [0.02, 0.20])
def test_independent_pairs_are_judged_as_the_product_judges_them(rng, weighting, discordance):
    items = (60, 30, 10)
    weights = tuple(n / 100 for n in items) if weighting == "sample" else (1 / 3,) * 3
    population = Population(items=items, weights=weights, discordance=discordance)
    parts = draw(population, -0.02, 12, rng)
    if weighting == "sample":
        counts = np.sum([part.counts for part in parts], axis=0)
        parts = [Part(values=population.values, counts=counts)]
    for row in range(12):
        changes = [
            stats.differences(*expanded(population.values, part.counts[row, -1]))
            for part in parts
        ]
        agree(stats.bucket_change(changes, weighting), parts, row)


@pytest.mark.parametrize(("repeats", "discordance"), [(2, 0.02), (4, 0.2), (8, 0.2), (8, 0.05)])
def test_repeats_are_judged_as_the_product_judges_them(rng, repeats, discordance):
    population = Population(
        items=(40, 15), accuracies=(0.8, 0.5), weights=(0.5, 0.5), repeats=repeats,
        discordance=discordance,
    )  # fmt: skip
    parts = draw(population, -0.05, 15, rng)
    for row in range(15):
        changes = [
            stats.differences(*expanded(population.values, part.counts[row, -1]))
            for part in parts
        ]
        agree(stats.bucket_change(changes, "task"), parts, row)


@pytest.mark.parametrize("pattern", [(5,), (1, 1, 2, 3, 13)])
@pytest.mark.parametrize("repeats", [1, 4])
@pytest.mark.parametrize("discordance", [0.02, 0.2])
def test_clusters_are_judged_as_the_product_judges_them(rng, pattern, repeats, discordance):
    population = Population(
        items=(100,), accuracies=(0.7,), weights=(1.0,), discordance=discordance,
        repeats=repeats, cluster=pattern, icc=0.5,
    )  # fmt: skip
    sizes, marks = _sizes(100, pattern), np.array([12])
    half = int(sizes[:12].sum())
    found = _differences(population, correlation(population), (0.7, 0.68), (12, sizes), rng)
    counts, *sums = _summed(found, repeats, sizes, marks)
    part = Part(values=population.values, counts=counts, clusters=_clusters(sizes, marks, sums))
    codes = np.repeat(np.arange(sizes.size), sizes)[:half]
    for row in range(12):
        d = found[row, :half] / repeats
        before = np.where(d == 0, 0.5 if repeats > 1 else 0.0, np.maximum(-d, 0.0))
        change = stats.differences(before, before + d, clusters=codes)
        agree(change, [part], row)


@pytest.mark.parametrize("change", [0.0, -0.05])
def test_quadrature_and_drawing_every_prompt_are_one_model(rng, change):
    shape = {"items": (2000,), "accuracies": (0.7,), "weights": (1.0,), "repeats": 3}
    shape |= {"discordance": 0.1, "anew": 0.5}
    alone = draw(Population(**shape), change, 300, rng)[0]
    drawn = draw(Population(**shape, cluster=(4,), icc=0.3), change, 300, rng)[0]

    shares = [part.counts[:, -1].mean(axis=0) / 2000 for part in (alone, drawn)]

    assert shares[0] == pytest.approx(shares[1], abs=0.002)
    assert shares[0] @ alone.values == pytest.approx(change, abs=0.001)
