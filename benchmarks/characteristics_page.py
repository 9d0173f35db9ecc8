"""The page of operating characteristics, from finished cells."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from drawn_pairs import Population
from simulated_gate import Cell, errors, limit, standard_error

Result = Mapping[str, Mapping[str, float]]
Found = Sequence[tuple[Cell, Result, int]]

PLANNED: tuple[tuple[Population, float], ...] = ()


def page(found: Found, trials: int, again: int) -> str:
    """The whole page as Markdown.

    Args:
        found: cells, what they gave, and of how many trials.
        trials: of a cell.
        again: of one that was over its limit, drawn afresh.
    """
    return "\n".join(found[0][1])
