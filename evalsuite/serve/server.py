"""A vLLM server of our own: started, waited for, watched, and always stopped."""

import atexit
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from evalsuite.errors import ServerError
from evalsuite.serve.launch import Launch, command, environment

READY_LIMIT = 1800.0  # seconds until healthy: large weights load for many minutes
GRACE = 15.0  # seconds between asking a server to stop and killing it
LOOK = 0.2  # seconds between two looks at a server that is starting

Waiting = Callable[[float, str], None]  # seconds so far, the log's last line

# "ValueError: ...", argparse's "error: ...", the line under pydantic's "1 validation error".
_ERROR = re.compile(r"\b(\w*(?:Error|Exception|Killed|error)\b:? .*\S|Value error, .*\S)")
# These say only that there was a cause, told elsewhere in the log.
_HOLLOW = re.compile(
    r"Engine core initialization failed|Failed core proc|WorkerProc initialization"
    r"|\d+ validation errors? for"
)
# Proxies are for other machines: never ask one for a server on this one.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """A vLLM server that is running between `start` (or `with`) and `stop`.

    It is stopped at the end of the `with` block, at exit, on Ctrl-C, and also when this process
    is killed. Starting does not wait: two servers can be started, then waited for in turn.
    """

    def __init__(self, launch: Launch, *, log: Path | None, limit: float = READY_LIMIT) -> None:
        """Prepare; nothing runs yet.

        Args:
            launch: what to serve.
            log: file that takes what the server prints (replaced); None: our own output.
            limit: seconds until it must be healthy.
        """
        self.launch = launch
        self.log = log
        self.limit = limit
        self.port = launch.port or 0
        self.restarts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._hold: socket.socket | None = None
        self._started = 0.0

    @property
    def model(self) -> str:
        """The name that requests must give."""
        return self.launch.model

    @property
    def url(self) -> str:
        """The server's root, such as `http://127.0.0.1:41873`."""
        host = "127.0.0.1" if self.launch.host in ("0.0.0.0", "::") else self.launch.host
        return f"http://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """The root of the OpenAI-compatible part, `.../v1`."""
        return f"{self.url}/v1"

    @property
    def exit_code(self) -> int | None:
        """None while it runs or before it was started; -n where signal n ended it."""
        code = self._process.poll() if self._process else None
        return code if code is None or code <= 128 else 128 - code

    def start(self) -> Self:
        """Start the process and return at once.

        Raises:
            ServerError: the checkpoint or vLLM is missing, or the port is taken.
        """
        if self._process is not None:
            raise ServerError(f"{self.model} was already started on {self.url}")
        self._hold = _hold_port(self.launch.host, self.port)
        self.port = self._hold.getsockname()[1]
        try:
            self._process = self._spawn()
        except BaseException:
            self._hold.close()
            raise
        self._started = time.monotonic()
        atexit.register(self.stop)
        return self

    def restart(self) -> Self:
        """Start it again after it died, on the port that it had, with a log of its own.

        Raises:
            ServerError: see `start`.
        """
        self.stop()
        self._process = None
        self.restarts += 1
        if self.log is not None:  # the old one says why it died
            self.log = self.log.with_name(f"{self.log.stem}-again{self.log.suffix}")
        return self.start()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        watch = Path(__file__).with_name("_supervise.py")
        parent = [sys.executable, "-I", "-S", str(watch), str(os.getpid()), str(GRACE)]
        whole = parent + command(self.launch, self.port)
        with contextlib.ExitStack() as stack:
            output = None
            if self.log is not None:
                self.log.parent.mkdir(parents=True, exist_ok=True)
                output = stack.enter_context(self.log.open("wb"))
            return subprocess.Popen(
                whole,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                env=os.environ | environment(self.launch),
                start_new_session=True,
            )

    def wait(self, on_wait: Waiting | None = None) -> float:
        """Wait until it answers; return the seconds since `start`.

        Args:
            on_wait: called about five times a second with the seconds since `start` and the
                last line of the log ("" where there is none).

        Raises:
            ServerError: it died, or was not healthy within `limit` seconds (it is stopped).
        """
        if self._process is None:
            raise ServerError(f"{self.model} was not started")
        while not _answers(f"{self.url}/health"):
            self.check()
            seconds = time.monotonic() - self._started
            if seconds > self.limit:
                self.stop()
                late = f"vLLM did not get {self.model} ready in {self.limit:.0f} s"
                raise ServerError(late + self._last_words())
            if on_wait:
                on_wait(seconds, last_line(self.log))
            time.sleep(LOOK)
        self._release_port()
        return time.monotonic() - self._started

    def check(self) -> None:
        """Raise a ServerError with its exit code and last error where the server is gone."""
        code = self.exit_code
        if code is None and self._process is not None:
            return
        self.stop()
        state = "was not started" if code is None else f"stopped (exit {code})"
        raise ServerError(f"the vLLM server of {self.model} {state}{self._last_words()}")

    def stop(self) -> None:
        """Stop it and wait until it is gone; harmless where it is not running."""
        self._release_port()
        process = self._process
        if process is None:
            return
        atexit.unregister(self.stop)
        if process.poll() is None:
            process.terminate()  # the supervisor's: it ends the whole group
            try:
                process.wait(GRACE + 10)
            except subprocess.TimeoutExpired:
                process.kill()  # the server dies with its supervisor
                process.wait()

    def _release_port(self) -> None:
        if self._hold is not None:
            self._hold.close()
            self._hold = None

    def _last_words(self) -> str:
        if self.log is None:
            return ""
        return f"; last log line: {json.dumps(last_error(self.log))} (log: {self.log})"

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def serve(launch: Launch, say: Callable[[str], None]) -> None:
    """Serve in the foreground until interrupted; the server prints to our own output.

    Args:
        launch: what to serve.
        say: told the address, once when starting and once when ready.

    Raises:
        ServerError: it could not be started, or died.
        KeyboardInterrupt: Ctrl-C, after the server was stopped.
    """
    server = Server(launch, log=None)
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        server.start()
        say(f"serving {server.model} on {server.base_url} (Ctrl-C stops it)")
        seconds = server.wait()
        say(f"{server.model} is ready on {server.base_url} after {seconds:.0f} s")
        while True:
            server.check()
            time.sleep(LOOK)


def _hold_port(host: str, port: int) -> socket.socket:
    """Bind a port without listening: vLLM may bind it too (SO_REUSEADDR), nobody else can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    hold = socket.socket(family, socket.SOCK_STREAM)
    hold.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        hold.bind((host, port))
    except OSError as error:
        hold.close()
        raise ServerError(f"cannot serve on {host}:{port}: {error.strerror}") from error
    return hold


def last_line(log: Path | None) -> str:
    """Return the last line of a log that is not blank; "" where there is none."""
    lines = _tail(log, 4096)
    return lines[-1] if lines else ""


def last_error(log: Path) -> str:
    """Return the line of a log that says why the server died, else its last line."""
    lines = _tail(log, 200_000)
    errors = [found[1] for line in lines if (found := _ERROR.search(line))]
    telling = [error for error in errors if not _HOLLOW.search(error)]
    return (telling or errors or lines or ["(empty log)"])[-1][:300]


def _tail(log: Path | None, size: int) -> list[str]:
    if log is None or not log.is_file():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - size))
        text = file.read().decode("utf-8", errors="replace")
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def _answers(url: str) -> bool:
    try:
        with _OPENER.open(url, timeout=2.0) as reply:
            return bool(reply.status == 200)
    except (OSError, ValueError):
        return False
