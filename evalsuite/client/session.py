"""The client of one server: `Request -> Response`, with retries and lanes."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import orjson

from evalsuite.client import decode, failures
from evalsuite.client.decode import Misnamed, Origin, Unusable
from evalsuite.client.endpoint import Endpoint
from evalsuite.client.failures import is_absent
from evalsuite.client.gauges import read
from evalsuite.client.lane import Lane
from evalsuite.client.pacing import Pace, connections
from evalsuite.client.probe import is_healthy, list_models
from evalsuite.client.retry import Retry, Timeouts
from evalsuite.client.slots import Slot
from evalsuite.client.windows import Done, asked
from evalsuite.client.wire import Call, encode, shift_spaces, tokenize_body, with_extras
from evalsuite.errors import ServerError
from evalsuite.types import JSON, Failure, Request, Response

if TYPE_CHECKING:
    from evalsuite.client.transport import Transport

T = TypeVar("T")

_WATCH = 5.0  # seconds that /metrics may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a client behaves towards its server.

    Args:
        timeouts: limits of one attempt.
        retry: the budget for transient failures.
        pace: how many requests are in flight, shared by the replicas of a checkpoint; None:
            as many as are asked.
        tokenize: find where a continuation begins by the server's `/tokenize`, where it has
            one; False: by the texts of the tokens that it echoes.
    """

    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: Retry = field(default_factory=Retry)
    pace: Pace | None = None
    tokenize: bool = True


class _Refused(Exception):
    """A failed attempt, and how many seconds the server asked to wait."""

    def __init__(self, failure: Failure, retry_after: float | None = None) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.retry_after = retry_after


class Client:
    """One server's client; `async with Client(endpoint) as client: await client.send(...)`.

    `send`, `ask` and `ask_many` never raise for what a server does: refused and reset
    connections, time-outs, error statuses, broken or empty answers are the `failure` of the
    Response that they return. They are cancelled cleanly.

    Raises:
        UsageError: entering it, where the endpoint's API key cannot be read.
    """

    def __init__(self, endpoint: Endpoint, options: Options | None = None) -> None:
        self.endpoint = endpoint
        self.options = options or Options()
        self._transport: Transport | None = None
        self.pace = self.options.pace or Pace(connections())
        self._watching: asyncio.Task[None] | None = None
        self._names = frozenset({endpoint.model})  # that answers may give
        self._can_tokenize: bool | None = None  # None: not tried yet
        self._counts: dict[str, int] = {}  # tokens of loglikelihood contexts
        self._context: int | None = None  # tokens that the server takes, as /tokenize tells
        self.in_flight = 0  # requests handed in and not answered yet
        self.heard = 0  # times that the server has answered, an error status included

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every server that may answer: this one."""
        return (self.endpoint,)

    @property
    def where(self) -> str:
        """The base URL, for people."""
        return self.endpoint.base_url

    async def __aenter__(self) -> Self:
        from evalsuite.client.transport import Transport

        self._transport = Transport(self.endpoint, self.options.timeouts)
        if self.pace.fixed is None:
            self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        if self._transport is not None:
            await self._transport.close()
            self._transport = None

    # ------------------------------------------------------------------ asking

    def prepare(self, request: Request, *, seed: int | None = None) -> Call:
        """Encode a request for this server; `Call.digest` is the journal's.

        Raises:
            UsageError: see `wire.encode`.
        """
        return encode(request, model=self.endpoint.model, seed=seed)

    async def send(
        self, request: Request, *, seed: int | None = None, created: float | None = None
    ) -> Response:
        """Ask one request; `prepare`, `slot` and `ask` in one."""
        call = self.prepare(request, seed=seed)
        created = perf_counter() if created is None else created
        async with self.slot(call):
            return await self.ask(call, created=created)

    def slot(self, call: Call, n: int = 1) -> Slot:
        """The place that a call waits for and holds while it is asked: `async with`."""
        return self._lane(call).slot(n)

    def _lane(self, call: Call) -> Pace | Lane:
        return self.pace.lane if call.heavy else self.pace

    async def ask(self, call: Call, *, created: float | None = None) -> Response:
        """Ask one encoded request, inside its `slot`, which it leaves between two attempts.

        Args:
            call: made by `prepare`.
            created: `time.perf_counter()` when the request came to be; None: now. What
                lies between it and the dispatch is `Response.queued`.
        """
        return (await self.ask_many(call, 1, created=created))[0]

    async def ask_many(
        self, call: Call, n: int, *, created: float | None = None
    ) -> tuple[Response, ...]:
        """Ask for `n` answers in one HTTP request; a failure is every one's.

        Only transport: the answers are what seeds s … s+n-1 give where the server sees
        to that (vLLM does). A loglikelihood has one answer.
        """
        self.in_flight += 1
        try:
            return await self._persist(call, n, created)
        finally:
            self.in_flight -= 1

    async def _persist(self, call: Call, n: int, created: float | None) -> tuple[Response, ...]:
        """Attempt until there is an answer or the retry budget is spent."""
        created = perf_counter() if created is None else created
        await self.pace.ready()
        began = since = perf_counter()
        attempt = 0
        done: Done = {}  # windows of a long text that were answered
        while True:
            attempt, known = attempt + 1, len(done)
            times = (created, began, perf_counter())
            try:
                return await self._attempt(call, n, times, done, again=attempt > 1)
            except _Refused as refused:
                failure, wait_asked = refused.failure, refused.retry_after
            if len(done) > known:  # every window has the whole budget
                attempt, since = 1, perf_counter()
            elapsed = perf_counter() - since
            wait = self.options.retry.delay(failure, attempt, elapsed, wait_asked)
            if wait is None:
                failure = replace(failure, attempts=attempt)
                return (decode.failed(failure, self._origin(*times)),) * n
            await self._lane(call).rest(wait, n)
            await self.pace.ready()

    async def _attempt(
        self,
        call: Call,
        n: int,
        times: tuple[float, float, float],
        done: Done,
        *,
        again: bool,
    ) -> tuple[Response, ...]:
        """One attempt, which the pace is told of from its dispatch to its end."""
        lane = self._lane(call)
        ticket = lane.sent(n)
        try:
            if call.request.kind == "loglikelihood":
                answers: tuple[Response, ...] = (await self._continuation(call, times, done),)
            else:
                answers = await self._once(call, n, times)
        except _Refused as refused:
            asked = refused.retry_after
            if asked and asked <= self.options.retry.seconds:
                self.pace.hold(asked)
            lane.failed(ticket, refused.failure, n, again=again)
            raise
        except BaseException:
            lane.lost(n)
            raise
        lane.served(n)
        return answers

    async def _watch(self) -> None:
        """Tell the pace what the server's /metrics say, for as long as it has some."""
        while True:
            await asyncio.sleep(self.pace.every)
            if self._transport is None:
                return
            reply = await self._transport.get("//metrics", _WATCH)
            if isinstance(reply, Failure):
                continue  # a server that is gone says nothing, and comes back
            gauges = read(reply.body) if reply.status == 200 else None
            if gauges is None:
                return
            self.pace.observe(self.endpoint.base_url, gauges)

    async def _once(
        self, call: Call, n: int, times: tuple[float, float, float]
    ) -> tuple[Response, ...]:
        extras: dict[str, JSON] = {"return_token_ids": True} if self.endpoint.token_ids else {}
        if n > 1:
            extras["n"] = n
        payload = with_extras(call.payload, extras)
        raw = await self._post(call.path, payload, call.max_tokens * n)
        try:
            return decode.responses(raw, call, self._origin(*times), n)
        except Unusable:
            return await self._decoded(
                lambda: decode.responses(raw, call, self._origin(*times), n)
            )

    async def _decoded(self, read_answer: Callable[[], T]) -> T:
        """What an answer says; `_Refused` where it is unusable, or another model's."""
        try:
            try:
                return read_answer()
            except Misnamed as error:
                if not await self._is_called(error.name):
                    raise
            return read_answer()
        except Unusable as error:
            raise _Refused(error.failure) from None

    async def _is_called(self, name: str) -> bool:
        """Whether a name in an answer is the asked model's: a longer form, or an alias of it.

        Hosted models are asked by a short name and answer with a dated one; vLLM answers
        with the first of its names.
        """
        short, long = sorted((self.endpoint.model.lower(), name.lower()), key=len)
        if not re.search(rf"(?<![a-z0-9]){re.escape(short)}(?![a-z0-9])", long):
            try:
                listed = await asyncio.to_thread(list_models, self.endpoint)
            except ServerError:
                return False
            roots = {one.name: one.root for one in listed}
            if roots.get(name) is None or roots[name] != roots.get(self.endpoint.model):
                return False
        self._names |= {name}
        return True

    async def _post(self, path: str, payload: bytes, max_tokens: int) -> bytes:
        """The body of a 200; anything else raises `_Refused`."""
        if self._transport is None:
            raise RuntimeError("a Client is used inside `async with`")
        reply = await self._transport.post(path, payload, max_tokens)
        if isinstance(reply, Failure):
            raise _Refused(reply)
        self.heard += 1
        if reply.status != 200:
            raise _Refused(failures.of_status(reply.status, reply.body), reply.retry_after)
        return reply.body

    def _origin(self, created: float, began: float, dispatched: float) -> Origin:
        queued, served = max(0.0, began - created), perf_counter() - dispatched
        server = self.endpoint
        return Origin(server.base_url, queued, served, server.opens_thinking, self._names)

    # -------------------------------------------------------- log-probabilities

    async def _continuation(
        self, call: Call, times: tuple[float, float, float], done: Done
    ) -> Response:
        """The log-probability of a continuation, its first token found by re-tokenising."""
        body: dict[str, JSON] = orjson.loads(call.payload)
        text = body.pop("continuation")
        if isinstance(body["prompt"], list):
            boundary: int | str = len(body["prompt"])
            body["prompt"] += await self._required_tokens(text)
        else:
            context, text = shift_spaces(body["prompt"], text)
            ids = await self._tokens(context + text) if self.options.tokenize else None
            boundary = text if ids is None else await self._context_tokens(context)
            body["prompt"] = context + text if ids is None else ids
        origin = partial(self._origin, *times)
        if not call.request.rolling or isinstance(boundary, str):
            return await self._echoed(call, body, origin, boundary)
        whole = body["prompt"]
        most = self._context - 1 if self._context else len(whole)  # one token is generated
        return await asked(
            whole,
            boundary,
            most,
            done,
            lambda ids, before: self._echoed(call, body | {"prompt": ids}, origin, before),
        )

    async def _echoed(
        self,
        call: Call,
        body: dict[str, JSON],
        origin: Callable[[], Origin],
        boundary: int | str,
    ) -> Response:
        """The log-probability of what follows the boundary in one prompt."""
        tokens = len(body["prompt"]) if isinstance(body["prompt"], list) else None
        raw = await self._post(call.path, orjson.dumps(body), call.max_tokens)
        return await self._decoded(lambda: decode.continuation(raw, origin(), boundary, tokens))

    async def _required_tokens(self, text: str) -> list[int]:
        """The ids of a text that follows token ids; nothing else could continue them."""
        ids = await self._tokens(text, special=False)
        if ids is None:
            problem = "a prompt of token ids needs a server with /tokenize"
            raise _Refused(Failure(kind="status", message=problem, transient=False))
        return ids

    async def _context_tokens(self, context: str) -> int:
        """How many tokens a context has; the choices of one question share it."""
        if context not in self._counts:
            if len(self._counts) >= 4096:
                self._counts.clear()
            ids = await self._tokens(context)
            self._counts[context] = len(ids or ())
        return self._counts[context]

    async def _tokens(self, text: str, *, special: bool = True) -> list[int] | None:
        """The ids of a text, or None where the server has no `/tokenize`."""
        body = {"model": self.endpoint.model, "prompt": text, "add_special_tokens": special}
        answer = await self._tokenize(body)
        return None if answer is None else list(answer["tokens"])

    async def _tokenize(self, body: Mapping[str, JSON]) -> dict[str, JSON] | None:
        if self._can_tokenize is False:
            return None
        try:
            raw = await self._post("//tokenize", orjson.dumps(body), 0)
        except _Refused as refused:
            # Only before it ever worked: later a 404 is a fault, not an absence.
            absent = refused.failure.kind == "status" and is_absent(refused.failure.status)
            if absent and not self._can_tokenize:
                self._can_tokenize = False
                return None
            raise
        answer = await self._decoded(lambda: decode.tokenized(raw))
        self._can_tokenize = True
        told = answer.get("max_model_len")
        self._context = told if isinstance(told, int) else None
        return answer

    async def alive(self, *, seconds: float = 2.0) -> bool:
        """Whether the server answers within `seconds` and says that it can work."""
        return await asyncio.to_thread(is_healthy, self.endpoint, seconds=seconds)

    async def count_tokens(self, request: Request) -> int | Failure | None:
        """How many tokens the prompt of a request has, the chat template applied.

        Returns:
            The count; None where the server has no `/tokenize`; or what went wrong.
        """
        if not isinstance(request.prompt, str):
            return len(request.prompt)
        try:
            answer = await self._tokenize(tokenize_body(request, model=self.endpoint.model))
        except _Refused as refused:
            return refused.failure
        return None if answer is None else int(answer["count"])
