"""`evalsuite merge`: the shards of a run as one run."""

from pathlib import Path

from evalsuite.cli import Arguments
from evalsuite.cli.progress import Progress


def main(arguments: Arguments) -> int:
    """Merge, print the scores, write what `-o` asks for; 13 where something is missing."""
    from evalsuite import merge, store
    from evalsuite.cli import show
    from evalsuite.cli.run import run_folder

    show.check_out(arguments.out, folder=True)
    runs = [store.find(name, Path(arguments.runs)) for name in arguments.positionals["RUN"]]
    progress = Progress(quiet=arguments.quiet or arguments.json)
    folder = run_folder(arguments.out)
    run = merge.merge(runs, Path(arguments.runs), path=folder, say=progress.say)
    show.scores(run, json=arguments.json)
    show.write(run, [path for path in arguments.out if not show.is_folder(path)])
    missing = show.missing(run)
    if missing is not None:
        raise missing
    return 0
