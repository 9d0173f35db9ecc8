"""A loopback Hub: the few endpoints that huggingface_hub and datasets need, over one folder.

    with Hub("team/sums", folder, commit=COMMIT) as hub:
        env = {"HF_ENDPOINT": hub.url}   # in a subprocess: both libraries read it on import

Each repository has one pinned revision (found by its commit or a prefix of it); `hub.add` puts
others beside the first. Everything else is answered as the real Hub does: 404 with
`X-Error-Code`. `hub.seen` lists what was asked.
"""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


class Repository:
    """A dataset repository: what stands in `folder`, at one commit."""

    def __init__(self, repository: str, folder: Path, *, commit: str) -> None:
        self.repository, self.folder, self.commit = repository, folder, commit

    def files(self) -> list[Path]:
        """Every file of the repository."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def entry(self, path: Path) -> dict:
        """A file or folder as the tree listing has it."""
        name = path.relative_to(self.folder).as_posix()
        if path.is_dir():
            return {"type": "directory", "oid": "0" * 40, "size": 0, "path": name}
        data = path.read_bytes()
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        return {"type": "file", "oid": blob, "size": len(data), "path": name}

    def info(self) -> dict:
        """The repository as the API describes it."""
        return {
            "_id": "0" * 24,
            "id": self.repository,
            "sha": self.commit,
            "private": False,
            "gated": False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "lastModified": "2026-01-01T00:00:00.000Z",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "siblings": [{"rfilename": self.entry(path)["path"]} for path in self.files()],
        }


class Hub(Repository):
    """Repositories served until the `with` block ends; it is the first of them itself."""

    def __init__(self, repository: str, folder: Path, *, commit: str) -> None:
        super().__init__(repository, folder, commit=commit)
        self._repositories: list[Repository] = [self]
        self.seen: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Hub":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, repository: str, folder: Path, *, commit: str) -> None:
        """Serve one more repository."""
        self._repositories.append(Repository(repository, folder, commit=commit))

    def at(self, path: str) -> Repository:
        """The repository that a path asks for; the first where there is no such."""
        for one in self._repositories:
            if f"{path}/".startswith(
                (f"/api/datasets/{one.repository}/", f"/datasets/{one.repository}/")
            ):
                return one
        return self


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size).decode() if size else ""
        path = unquote(urlsplit(self.path).path)
        self.server.hub.seen.append(f"{self.command} {path}")
        hub: Repository = self.server.hub.at(path)
        api, files = f"/api/datasets/{hub.repository}", f"/datasets/{hub.repository}/resolve/"
        if path == api:
            self._json(hub.info())
        elif path.startswith(f"{api}/"):
            verb, _, rest = path.removeprefix(f"{api}/").partition("/")
            self._api(hub, verb, rest, body)
        elif path.startswith(files):
            revision, _, name = path.removeprefix(files).partition("/")
            self._file(hub, revision, name)
        else:
            self._missing("RepoNotFound", "Repository not found")

    def _api(self, hub: Repository, verb: str, rest: str, body: str) -> None:
        revision, _, below = rest.partition("/")
        if not hub.commit.startswith(revision) or len(revision) < 7:
            self._missing("RevisionNotFound", f"Invalid rev id: {revision}")
        elif verb == "revision":
            self._json(hub.info())
        elif verb == "tree":
            query = parse_qs(urlsplit(self.path).query)
            self._tree(hub, below, deep=query.get("recursive", ["false"])[0].lower() == "true")
        elif verb == "paths-info":
            wanted = json.loads(body)["paths"]
            there = [hub.folder / name for name in wanted]
            self._json([hub.entry(path) for path in there if path.exists()])
        else:
            self._missing("EntryNotFound", f"no {verb}")

    def _tree(self, hub: Repository, below: str, *, deep: bool) -> None:
        folder = hub.folder / below
        if not folder.is_dir():
            self._missing("EntryNotFound", f"no folder {below}", commit=hub.commit)
            return
        there = sorted(folder.rglob("*") if deep else folder.iterdir())
        self._json([hub.entry(path) for path in there])

    def _file(self, hub: Repository, revision: str, name: str) -> None:
        path = hub.folder / name
        if not hub.commit.startswith(revision) or len(revision) < 7:
            self._missing("RevisionNotFound", f"Invalid rev id: {revision}")
        elif not path.is_file():
            self._missing("EntryNotFound", f"no file {name}", commit=hub.commit)
        else:
            oid = hub.entry(path)["oid"]
            headers = {"ETag": f'"{oid}"', "X-Repo-Commit": hub.commit}
            self._send(200, path.read_bytes(), headers)

    def _json(self, value: object) -> None:
        headers = {"Content-Type": "application/json"}
        self._send(200, json.dumps(value).encode(), headers)

    def _missing(self, code: str, message: str, commit: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        headers |= {"X-Repo-Commit": commit} if commit else {}
        self._send(404, json.dumps({"error": message}).encode(), headers)

    def _send(self, status: int, data: bytes, headers: dict) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
