"""One attempt at one POST, on connections kept alive (aiohttp). Imported when first used."""

import asyncio
from collections.abc import Coroutine
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import aiohttp
from yarl import URL

from evalsuite.client.endpoint import Endpoint, Scrubber
from evalsuite.client.failures import one_line
from evalsuite.client.retry import Timeouts, retry_after
from evalsuite.types import Failure

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.tracing import Trace

# vLLM closes a connection that was idle for 5 s; one that we let go first cannot be reset
# under a request.
_KEEPALIVE = 4.0
_STREAM = "text/event-stream"
_SOON = 1.0  # seconds within which a closed connection shows


class Reply(NamedTuple):
    """What came back: the HTTP status, the body (the key scrubbed), the wait asked for."""

    status: int
    body: bytes
    retry_after: float | None = None


_Coming = Coroutine[Any, Any, Reply | Failure]


class _Connector(aiohttp.TCPConnector):
    """Remembers which tasks got a new connection, and when.

    A server may close an idle connection in the moment in which a request is written to it:
    that says nothing of the server. On a new connection a reset is the server's.
    """

    def __init__(self, *, limit: int, keepalive_timeout: float) -> None:
        super().__init__(limit=limit, keepalive_timeout=keepalive_timeout)
        self._made: WeakKeyDictionary[asyncio.Task[Any], float] = WeakKeyDictionary()

    def is_new(self, since: float) -> bool:
        """Whether the running task has been given a new connection since then."""
        task = asyncio.current_task()
        return task is not None and self._made.get(task, -1.0) >= since

    async def _create_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: "list[Trace]",
        timeout: aiohttp.ClientTimeout,
    ) -> "ResponseHandler":
        made = await super()._create_connection(req, traces, timeout)
        task = asyncio.current_task()
        if task is not None:
            self._made[task] = perf_counter()
        return made


class Transport:
    """A session with one server. Opened and closed inside a running event loop."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        key = endpoint.key()
        self._endpoint, self._timeouts = endpoint, timeouts
        self._scrubber = Scrubber(key)
        accepted = f"application/json, {_STREAM}"
        headers = {"Content-Type": "application/json", "Accept": accepted}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._urls: dict[str, URL] = {}
        self._limits: dict[int, aiohttp.ClientTimeout] = {}
        # No limit here: the pace bounds what is in flight, and nothing queues after dispatch.
        self._connector = _Connector(limit=0, keepalive_timeout=_KEEPALIVE)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=2**18,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    def post(self, path: str, payload: bytes, max_tokens: int) -> _Coming:
        """Post once; a failure of the transport is returned, any HTTP status is a reply."""
        return self._exchange("POST", path, payload, self._limit(max_tokens))

    def get(self, path: str, seconds: float) -> _Coming:
        """Get a page within so many seconds; returns like `post`."""
        return self._exchange("GET", path, None, aiohttp.ClientTimeout(total=seconds))

    async def _exchange(
        self,
        method: str,
        path: str,
        payload: bytes | None,
        limit: aiohttp.ClientTimeout,
        *,
        again: bool = False,
    ) -> Reply | Failure:
        """One attempt; a connection that was closed while it lay idle makes none."""
        began = perf_counter()
        try:
            # A redirect would turn a POST into a GET and carry the key elsewhere.
            response = await self._session.request(
                method, self._url(path), data=payload, timeout=limit, allow_redirects=False
            )
            if response.connection is None:  # given back: the whole came in one piece, as usual
                body = response.content.read_nowait()
            else:
                async with response:
                    body = await self._rest(response)
            status, wait = response.status, None
            if status >= 400:
                wait = retry_after(response.headers.get("Retry-After", ""))
            return Reply(status, self._scrubber.raw(body), wait)
        except Exception as error:
            seconds = perf_counter() - began
            failure = _failure(error, self._endpoint.root, seconds)
            if failure is None:
                raise
        stale = failure.kind == "reset" and seconds < _SOON
        if again or not stale or self._connector.is_new(began):
            return failure
        return await self._exchange(method, path, payload, limit, again=True)

    async def _rest(self, response: aiohttp.ClientResponse) -> bytes:
        """The body that follows the head, in one go or as a stream."""
        if response.content_type == _STREAM:
            return await self._streamed(response)
        async with asyncio.timeout(self._timeouts.read):
            return await response.read()

    async def _streamed(self, response: aiohttp.ClientResponse) -> bytes:
        """The body of a stream; once it has begun, no silence is longer than `read`.

        Before that the request may wait for its turn, as long as for an unstreamed answer.
        """
        pieces = [await response.content.readany()]
        while not response.content.at_eof():
            async with asyncio.timeout(self._timeouts.read):
                pieces.append(await response.content.readany())
        return b"".join(pieces)

    def _url(self, path: str) -> URL:
        if path not in self._urls:
            self._urls[path] = URL(self._endpoint.url(path), encoded=True)
        return self._urls[path]

    def _limit(self, max_tokens: int) -> aiohttp.ClientTimeout:
        if max_tokens not in self._limits:
            self._limits[max_tokens] = aiohttp.ClientTimeout(
                total=self._timeouts.total(max_tokens), sock_connect=self._timeouts.connect
            )
        return self._limits[max_tokens]


def _failure(error: Exception, where: str, seconds: float) -> Failure | None:
    """What an exception says about the server, or None where it is a fault of ours."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return Failure(
            kind="refused", message=f"no connection to {where} in time", transient=True
        )
    if isinstance(error, TimeoutError):
        text = f"no whole answer from {where} after {seconds:.0f} s"
        return Failure(kind="timeout", message=text, transient=True)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        text = f"no secure connection to {where}: {one_line(str(error))}"
        return Failure(kind="refused", message=text, transient=False)
    if isinstance(error, aiohttp.ClientConnectorError):
        text = f"connection to {where} refused: {one_line(error.strerror or str(error))}"
        return Failure(kind="refused", message=text, transient=True)
    if isinstance(error, aiohttp.ClientPayloadError):
        text = f"the answer from {where} was cut off"
        return Failure(kind="cut", message=text, transient=True)
    if isinstance(error, aiohttp.ClientResponseError):
        text = f"no valid HTTP from {where}: {one_line(error.message)}"
        return Failure(kind="malformed", message=text, transient=True)
    if isinstance(error, aiohttp.ClientError | OSError):
        text = f"connection to {where} lost ({type(error).__name__})"
        return Failure(kind="reset", message=text, transient=True)
    return None
