"""Runs as a command line names them: what `store.find` knows, and files of scores."""

from collections.abc import Sequence
from pathlib import Path

from evalsuite import baselines, score_file, store
from evalsuite.errors import UsageError
from evalsuite.store import Run
from evalsuite.types import ScoreRow


def found(name: str, runs: str) -> Run:
    """A run by its name, or a CSV, JSONL or Parquet file of scores.

    Args:
        name: folder, URL, hash, unique prefix, `latest`, `@name`, or a file of scores.
        runs: where runs are kept.

    Raises:
        StoreError: no run, or more than one, has that name.
        ComparisonError: a registered name that is not registered.
        UsageError: there is no such file, or a line of it is wrong.
    """
    place = baselines.read().get(name[1:], name) if name.startswith("@") else name
    if score_file.is_score_file(place):
        return score_file.open_file(Path(place))
    return store.find(name, Path(runs))


def whole(run: Run) -> Run:
    """The run, refused where it is a file of scores: that has no page of its own.

    Raises:
        UsageError: it is such a file.
    """
    if run.path.is_file():
        raise UsageError(
            f"{run.path} is a file of scores: it is compared (evalsuite diff, gate), and has "
            "no page of its own"
        )
    return run


def rows(run: Run) -> Sequence[ScoreRow]:
    """The rows of a run's scores, wherever they are kept.

    Raises:
        StoreError: a run that has not been scored yet, or whose scores cannot be read.
    """
    return score_file.rows(run) if run.path.is_file() else store.scores(run)
