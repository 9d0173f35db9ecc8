"""What a model generated before any parser touched it: raw.jsonl of a run.

The text of a response's token ids through the server's `/detokenize`, special tokens included:
the same reply, never another draw.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from evalsuite.client import Endpoint, detokenize
from evalsuite.errors import ServerError

FILE = "raw.jsonl"
Key = tuple[str, str, int, int, int]  # task, id of the sample, repeat, step, part
_AT_ONCE = 8  # requests to /detokenize


@dataclass(frozen=True, slots=True, kw_only=True)
class RawText:
    """One line: the text of one response of an episode, as generated."""

    task: str
    id: str
    repeat: int
    step: int
    part: int
    text: str

    @property
    def key(self) -> Key:
        """Which response it is of."""
        return self.task, self.id, self.repeat, self.step, self.part


_LINE = msgspec.json.Decoder(RawText)


def known(folder: Path) -> dict[Key, str]:
    """The texts that a run holds; a line that was torn is as if it was not there."""
    path, found = folder / FILE, {}
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        with suppress(msgspec.DecodeError):
            one = _LINE.decode(line)
            found[one.key] = one.text
    return found


def fetch(
    folder: Path, owed: Mapping[Key, tuple[int, ...]], endpoint: Endpoint, into: dict[Key, str]
) -> None:
    """Ask a server for texts, and keep them in the run.

    What it does not tell (it is gone, or has no `/detokenize`) or what cannot be kept stays
    unknown: nothing is raised.

    Args:
        folder: of the run.
        owed: token ids of the responses whose texts are wanted.
        endpoint: the server that generated them.
        into: takes the texts.
    """
    if not owed:
        return
    with suppress(OSError), (folder / FILE).open("ab") as file:
        file.write(b"\n" * bool(file.tell()))  # after a line that may be torn
        with ThreadPoolExecutor(_AT_ONCE) as threads, suppress(ServerError):
            try:
                texts = threads.map(lambda ids: detokenize(endpoint, ids), owed.values())
                for key, text in zip(owed, texts, strict=True):
                    if text is None:
                        break
                    into[key] = text
                    task, name, repeat, step, part = key
                    line = RawText(
                        task=task, id=name, repeat=repeat, step=step, part=part, text=text
                    )
                    file.write(msgspec.json.encode(line) + b"\n")
            finally:
                threads.shutdown(wait=False, cancel_futures=True)
