"""One attempt at one POST, on connections kept alive (aiohttp). Imported when first used."""

import asyncio
from dataclasses import dataclass
from time import perf_counter

import aiohttp
from yarl import URL

from evalsuite.client.endpoint import Endpoint, Scrubber
from evalsuite.client.failures import one_line
from evalsuite.client.retry import Timeouts, retry_after
from evalsuite.types import Failure

# vLLM closes a connection that was idle for 5 s; one that we let go first cannot be reset
# under a request.
_KEEPALIVE = 4.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status, the body (the key scrubbed), the wait asked for."""

    status: int
    body: bytes
    retry_after: float | None = None


class Transport:
    """A session with one server. Opened and closed inside a running event loop."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        key = endpoint.key()
        self._endpoint, self._timeouts = endpoint, timeouts
        self._scrubber = Scrubber(key)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self._urls: dict[str, URL] = {}
        self._limits: dict[int, aiohttp.ClientTimeout] = {}
        self._session = aiohttp.ClientSession(
            # No limit here: the runner bounds what is in flight.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=2**18,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def post(self, path: str, payload: bytes, max_tokens: int) -> Reply | Failure:
        """Post once; a failure of the transport is returned, any HTTP status is a reply."""
        return await self._exchange("POST", path, payload, self._limit(max_tokens))

    async def get(self, path: str, seconds: float) -> Reply | Failure:
        """Get a page within so many seconds; returns like `post`."""
        return await self._exchange("GET", path, None, aiohttp.ClientTimeout(total=seconds))

    async def _exchange(
        self, method: str, path: str, payload: bytes | None, limit: aiohttp.ClientTimeout
    ) -> Reply | Failure:
        began = perf_counter()
        try:
            # A redirect would turn a POST into a GET and carry the key elsewhere.
            async with self._session.request(
                method, self._url(path), data=payload, timeout=limit, allow_redirects=False
            ) as response:
                if response.content.is_eof():  # usually: it came in one piece with the head
                    body = await response.read()
                else:
                    async with asyncio.timeout(self._timeouts.read):
                        body = await response.read()
                wait = retry_after(response.headers) if response.status >= 400 else None
                return Reply(response.status, self._scrubber.raw(body), wait)
        except Exception as error:
            failure = _failure(error, self._endpoint.root, perf_counter() - began)
            if failure is None:
                raise
            return failure

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
