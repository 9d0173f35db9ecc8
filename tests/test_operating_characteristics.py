"""The simulated gate is the gate: every array formula against the product's own function."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import operating_characteristics
import pytest
from array_gate import Part, estimate, z_against, z_below
from drawn_pairs import Population, _clusters, _differences, _sizes, _summed, correlation, draw
from made_runs import paired, run
from operating_characteristics import State, by_size, grid, tasks
from simulated_gate import FAIL, OPEN, PASS, Cell, fixed, holm, judged, looks_of

from evalsuite import diff, gate, stats
from evalsuite.looks.order import look_places
from evalsuite.policy import Policy, Rule

COMMAND = Path(operating_characteristics.__file__)
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


# --- decisions ---------------------------------------------------------------------------


def test_adjusted_p_are_holms(rng):
    p = rng.random((20, 5)) ** 3

    found = holm(p)

    for row in range(20):
        assert found[row] == pytest.approx(np.asarray(stats.holm(p[row]).p))


@pytest.mark.parametrize("rule", ["regression", "inferior"])
def test_whole_runs_are_decided_as_the_gate_decides_them(rng, rule):
    """Five buckets a release, judged by `gate.judge` and by `simulated_gate.fixed`."""
    margin, buckets = 0.03, 5
    odds = ([0.15, 0.03, 0.82], [0.09, 0.05, 0.86], [0.05, 0.07, 0.88])
    tables = [one for p in odds for one in rng.multinomial(200, p, size=(4, buckets))]
    values = np.array([-1.0, 0.0, 1.0])
    entry = {f"b{i}": {"margin": margin} for i in range(buckets)}
    runs = [run(name, buckets=entry) for name in ("base", "cand")]
    asked = Policy(buckets={name: Rule(margin=margin, fail=rule) for name in entry})
    seen = set()
    for release in tables:
        parts = [
            Part(values=values, counts=np.array([[[losses, same, gains]]], dtype=float))
            for losses, gains, same in release
        ]
        bad = [z_below([part], -margin if rule == "inferior" else 0.0) for part in parts]
        columns = (
            [z_against([part], -margin) for part in parts],
            bad,
            [(estimate([part]) < -margin) | (rule == "inferior") for part in parts],
        )
        mine = fixed(*(np.concatenate(column, axis=1) for column in columns))[0]
        sides = [
            paired(60, losses, gains, same - 60, bucket=f"b{i}", task=f"t{i}")
            for i, (losses, gains, same) in enumerate(release.tolist())
        ]
        before, now = ([row for side in sides for row in side[at]] for at in (0, 1))
        verdicts = gate.judge(diff.compare(*runs, before, now), asked).buckets
        words = {"PASS": PASS, "FAIL": FAIL, "UNDECIDED": OPEN}
        assert [words[one.verdict] for one in verdicts] == mine.tolist()
        seen |= set(mine.tolist())
    assert seen == {PASS, FAIL, OPEN}


def test_looks_are_where_the_product_puts_them():
    task = SimpleNamespace(name="a")
    clusters = [[SimpleNamespace(task=task)] for _ in range(200)]

    found = looks_of(Population(items=(120, 60, 20)))

    places = look_places(clusters)
    assert found == pytest.approx([place / 200 for place in places])


def test_an_equal_candidate_passes_at_5000_items_and_one_3_points_worse_never_does():
    bucket = by_size(Population(items=tasks(5000), discordance=0.10))

    found = {
        change: judged(
            Cell(group="", buckets=(bucket,), changes=(change,), margins=(0.02,)), 3000, 0
        )["0.02"]
        for change in (0.0, -0.03)
    }

    for kind in ("fixed", "early"):
        assert found[0.0][f"{kind} regression pass"] >= 0.90
        assert found[-0.03][f"{kind} regression pass"] <= 0.01


# --- the command -------------------------------------------------------------------------


def test_the_seed_of_a_cell_is_its_own():
    cells = list(grid())

    assert len({cell.key for cell in cells}) == len(cells)
    assert judged(cells[0], 50, 7) == judged(cells[0], 50, 7) != judged(cells[0], 50, 8)


def test_a_run_that_was_killed_goes_on_with_the_cells_that_it_has(tmp_path):
    path, cells = tmp_path / "state.jsonl", list(grid())[:3]
    first = State(path, "code")
    found = [first.result(cell, 50) for cell in cells]
    torn = path.read_text()[:-40]
    path.write_text(torn)

    again = State(path, "code")

    assert len(again.found) == 2
    assert [again.result(cell, 50) for cell in reversed(cells)] == found[::-1]
    assert State(path, "code").found == again.found
    assert not State(path, "other code").found


def test_a_quick_look_writes_a_page(tmp_path):
    page = tmp_path / "docs" / "page.md"
    command = [sys.executable, str(COMMAND), "--quick", "--state", str(tmp_path / "s.jsonl")]

    done = [
        subprocess.run([*command, "-o", str(page)], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]

    assert done[0].stdout == done[1].stdout == f"{page}\n"
    text = page.read_text()
    assert "## Does it err more often than it says?" in text
    assert "## What `evalsuite plan` foretells" in text
    assert text.count("| release |") == 1


def test_the_page_is_of_the_whole_grid():
    text = (COMMAND.parent.parent / "docs" / "operating-characteristics.md").read_text()

    assert f"{len(list(grid())):,} cells of 4,000" in text
