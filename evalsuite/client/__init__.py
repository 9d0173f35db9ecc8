"""`Request -> Response` over HTTP, for anything that speaks the OpenAI API.

    Request ── wire.encode ──> Call ── transport.post ──> Reply ── decode.responses ──> Response
                                |             |              └─ failures.of_reply ──> Failure
                              digest      retry.delay

Whatever a *server* does becomes a `Response`, never an exception; what a *person* wrote wrongly
(a base URL, a key's environment variable, a reserved field of `extra_body`) raises `UsageError`
before anything is sent. Importing this package imports no aiohttp: `Client` does, when opened.
"""

from evalsuite.client.endpoint import Endpoint
from evalsuite.client.loop import run_async
from evalsuite.client.pacing import Pace
from evalsuite.client.probe import (
    Count,
    Served,
    check_model,
    count_tokens,
    detokenize,
    is_healthy,
    list_models,
    metrics,
    opens_thinking,
    version,
)
from evalsuite.client.replicas import Replicas
from evalsuite.client.retry import Retry, Timeouts
from evalsuite.client.session import Client, Options
from evalsuite.client.wire import Call, digest, encode

__all__ = [
    "Call",
    "Client",
    "Count",
    "Endpoint",
    "Options",
    "Pace",
    "Replicas",
    "Retry",
    "Served",
    "Timeouts",
    "check_model",
    "count_tokens",
    "detokenize",
    "digest",
    "encode",
    "is_healthy",
    "list_models",
    "metrics",
    "opens_thinking",
    "run_async",
    "version",
]
