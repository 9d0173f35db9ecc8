"""Whether one request for `n` answers gives what `n` requests give."""

import asyncio
from collections.abc import Callable, Sequence

from evalsuite.client import Client, Replicas
from evalsuite.types import Api, Request, Response, Sampling, user

_N = 4
_SEED = 20_261_120
_SINGLY = "the server answers n at once otherwise than singly: repeats are asked one by one"
_TEXT = "Tell me a short story about a fox, a lamp and the sea."


class Together:
    """Asks a server once, when it first matters, and remembers what came of it.

    With `n` and a seed vLLM answers as it does to requests with seed, seed + 1, ...; other
    servers may ignore the seed, count the answers' tokens together only, or refuse `n`.

    Args:
        say: shows one line to a person: that repeats are asked one by one.
    """

    def __init__(self, say: Callable[[str], None] = lambda line: None) -> None:
        self._say = say
        self._found: dict[tuple[int, Api], asyncio.Task[bool]] = {}
        self._counts = False  # whether a server says how many tokens of an answer are thought
        self._thought = False  # whether it did so of several answers in sum

    async def allowed(self, client: Client | Replicas, kind: Api) -> bool:
        """Whether `n` is only transport for requests of a kind to this server."""
        if self._thought:
            return False
        key = (id(client), kind)
        if key not in self._found:
            self._found[key] = asyncio.create_task(self._is_transport(client, kind))
        return await asyncio.shield(self._found[key])

    def accepts(self, responses: Sequence[Response]) -> bool:
        """Whether answers to one request say all that single ones would have said.

        A server with a reasoning parser counts the tokens of thinking, of `n` answers in sum:
        where there was any, each is asked for alone, now and from now on.
        """
        if self._counts and any(r.reasoning and r.usage.reasoning is None for r in responses):
            self._thought = True
        return not self._thought

    async def _is_transport(self, client: Client | Replicas, kind: Api) -> bool:
        """Ask a probe four times with successive seeds, and once for four answers."""
        sampling = Sampling(max_tokens=16, temperature=1.0)
        if kind == "chat":
            request = Request(messages=(user(_TEXT),), sampling=sampling)
        else:
            request = Request(kind=kind, prompt=_TEXT, sampling=sampling)
        calls = [client.prepare(request, seed=_SEED + index) for index in range(_N)]
        async with client.slot(calls[0], 2 * _N):
            together, single = await asyncio.gather(
                client.ask_many(calls[0], _N), asyncio.gather(*map(client.ask, calls))
            )
        self._counts |= any(one.usage.reasoning is not None for one in single)
        same = all(_told(one) == _told(two) for one, two in zip(together, single, strict=True))
        if not same:
            self._say(_SINGLY)
        return same


def _told(response: Response) -> tuple[object, ...]:
    """What of an answer must not depend on how it was asked for; a failure equals nothing."""
    if response.failure is not None or response.usage.completion is None:
        return (object(),)
    usage = (response.usage.prompt, response.usage.completion, response.usage.reasoning)
    parts = (response.text, response.reasoning, response.tool_calls, response.token_ids)
    return (*parts, response.finish_reason, *usage)
