"""`evalsuite copy`: a finished run to another place, on this machine or at a URL."""

from pathlib import Path

from evalsuite.cli import Arguments


def main(arguments: Arguments) -> int:
    """Copy, and say where the run is now."""
    from evalsuite import store
    from evalsuite.cli import show

    run = store.find(arguments.positionals["RUN"], Path(arguments.runs))
    place = store.copy(run, arguments.positionals["PLACE"])
    if arguments.json:
        show.as_json({"run": run.where, "copy": place})
    else:
        print(place)
    return 0
