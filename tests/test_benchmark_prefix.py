"""The benchmark of orders asks the same of a server in each, and counts what it says."""

from itertools import pairwise

import prefix
import pytest

from evalsuite import order


def changes(units):
    """How often the next prompt begins otherwise."""
    heads = [unit[0].sample.inputs["prompt"][:1000] for unit in units]
    return 1 + sum(one != two for one, two in pairwise(heads))


@pytest.mark.parametrize(("task", "groups"), [("few-shot", 57), ("long-context", 24)])
def test_every_order_asks_the_same_and_only_ours_keeps_groups_together(tmp_path, task, groups):
    work = prefix.prepared(task, tmp_path)
    asked = {}
    for name, arrange in prefix.ORDERS.items():
        plan, hints = arrange(work)
        (block,) = plan.blocks["prefix"]
        asked[name] = order.arrange(block, hints)

    ids = [{unit[0].sample.id for unit in units} for units in asked.values()]
    assert ids[0] == ids[1] == ids[2]
    assert len(ids[0]) == groups * 6
    assert changes(asked["ours"]) == groups
    assert changes(asked["random"]) > 3 * groups
    sizes = [len(unit[0].sample.inputs["prompt"]) for unit in asked["by length"]]
    assert sizes == sorted(sizes, reverse=True)


def test_the_table_says_what_was_computed_and_what_others_took_longer(capsys):
    one = prefix.Figures(seconds=2.0, prompt=1000, cached=600, shareable=800)
    two = prefix.Figures(seconds=3.0, prompt=1000, cached=200, shareable=800)

    prefix.show("few-shot", [[one] * 5, [two] * 5, [one] * 5])

    shown = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert shown[2] == ["ours", "400", "0.75", "2.00"]
    assert shown[3] == ["random", "800", "0.25", "3.00", "1.50", "(1.50)"]
