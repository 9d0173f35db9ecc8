"""`evalsuite noise`: how far runs of one checkpoint differ, for the gate to allow for."""

from pathlib import Path
from typing import TYPE_CHECKING

from evalsuite.cli import Arguments
from evalsuite.errors import UsageError

if TYPE_CHECKING:
    from evalsuite.noise import Noise


def main(arguments: Arguments) -> int:
    """Measure, print, and write the file that `noise = ...` of a policy names."""
    from evalsuite import noise
    from evalsuite.cli import opening, show

    for path in map(Path, arguments.out):
        if path.suffix != ".json":
            raise UsageError(f"-o {path}: a measurement is JSON: expected {path.stem}.json")
        show.check_writable(path)
    runs = [opening.found(name, arguments.runs) for name in arguments.positionals["RUN"]]
    measured = noise.measure(runs, [opening.rows(run) for run in runs])
    for path in map(Path, arguments.out):
        _write(path, measured)
    if arguments.json:
        show.as_json(noise.plain(measured))
        return 0
    from evalsuite.report.planned import noise_lines

    show.console(*noise_lines(measured))
    for path in arguments.out:
        print(f'{path}: name it in the policy: noise = "{Path(path).name}"')
    return 0


def _write(path: Path, measured: "Noise") -> None:
    """Write a measurement as `noise.load` reads it."""
    from evalsuite import noise, store

    path.parent.mkdir(parents=True, exist_ok=True)
    store.write_json(path, noise.plain(measured))
