"""
Stands in for the Hugging Face hub, as far as its HTTP interface is needed to download a model: what
a model is made of, small files from the hub itself, large ones by a redirect to another port.
Requests are recorded, and some can be made to fail.

    python hub_stand_in.py NAME=FOLDER …

prints where it is, and takes faults at `POST /faults`: a list of objects as `Fault` has them.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

small_bytes = 100_000
"""Up to this size a file lies in git, and is named by git's hash."""


@dataclass
class Fault:
    """What happens to requests whose path has `path` in it, `times` in a row."""

    path: str
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    """Of a file so many bytes are sent, then the connection breaks …"""
    holds: bool = False
    """… or stays, and nothing comes any more."""
    changes: bool = False
    """A byte of it is another one."""
    whole: bool = False
    """A range is not understood: all of it is sent."""


@dataclass(frozen=True)
class Seen:
    path: str
    range: str | None
    token: str | None
    agent: str


@dataclass(frozen=True)
class StoredFile:
    content: bytes

    @property
    def is_large(self) -> bool:
        return len(self.content) > small_bytes

    @cached_property
    def blob_id(self) -> str:
        head = b"blob %d\0" % len(self.content)
        return hashlib.sha1(head + self.content).hexdigest()

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_large else self.blob_id


class HubStandIn:
    """`token`: who does not show it is told that there is no such model, as the hub does."""

    def __init__(self, token: str | None = None) -> None:
        self.models: dict[str, dict[str, StoredFile]] = {}
        self.token = token
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self._servers = [self._serve(HubHandler), self._serve(StorageHandler)]
        self.url, self.storage_url = (
            f"http://127.0.0.1:{server.server_address[1]}" for server in self._servers
        )

    def add(self, name: str, files: Mapping[str, bytes]) -> None:
        self.models[name] = {path: StoredFile(content) for path, content in files.items()}

    def add_folder(self, name: str, folder: Path) -> None:
        files = [path for path in folder.rglob("*") if path.is_file()]
        self.add(name, {str(path.relative_to(folder)): path.read_bytes() for path in files})

    def commit(self, name: str) -> str:
        parts = sorted((path, file.etag) for path, file in self.models[name].items())
        return hashlib.sha1(json.dumps(parts).encode()).hexdigest()

    def fault(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.path in path and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _serve(self, handler: type[Handler]) -> ThreadingHTTPServer:
        bound = type(handler.__name__, (handler,), {"hub": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), bound)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server


class Handler(BaseHTTPRequestHandler):
    hub: HubStandIn
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        token = self.headers.get("authorization")
        agent = self.headers.get("user-agent", "")
        seen = Seen(self.path, self.headers.get("range"), token, agent)
        self.hub.seen.append(seen)
        fault = self.hub.fault(self.path)
        if fault and fault.status:
            self.answer(fault.status, {"error": "as it was told to"}, fault.headers)
        else:
            self.route(unquote(urlsplit(self.path).path), fault)

    def route(self, path: str, fault: Fault | None) -> None:
        raise NotImplementedError

    def answer(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.head(status, {"content-type": "application/json", **(headers or {})}, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: int, headers: Mapping[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(length))
        self.end_headers()

    def send(self, file: StoredFile, headers: Mapping[str, str], fault: Fault | None) -> None:
        content = file.content
        if fault and fault.changes:
            content = content[:-1] + bytes([content[-1] ^ 1])
        start, status, more = 0, 200, {**headers}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        if asked and not (fault and fault.whole):
            start, status = int(asked[1]), 206
            more["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.head(status, more, len(content) - start)
        if self.command == "HEAD":
            return
        if fault is None or fault.sent is None:
            self.wfile.write(content[start:])
            return
        self.wfile.write(content[start : start + fault.sent])
        self.wfile.flush()
        if fault.holds:
            self.connection.recv(1)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class HubHandler(Handler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.hub.faults = [Fault(**each) for each in json.loads(body)]
        self.answer(200, {})

    def route(self, path: str, fault: Fault | None) -> None:
        if path == "/seen":
            self.answer(200, [vars(seen) for seen in self.hub.seen])
            return
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+?)(/revision/\w+|/tree/\w+)?", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/\w+/(.+)", path)
        name = api[1] if api else file[1] if file else ""
        files = self.hub.models.get(name)
        is_shown = self.hub.token in (None, (self.headers.get("authorization") or "")[7:])
        if files is None or not is_shown:
            message = "Invalid username or password."
            self.answer(401, {"error": message}, {"x-error-message": message})
        elif api and (api[2] or "").startswith("/tree/"):
            self.answer(200, [tree_entry(path, stored) for path, stored in files.items()])
        elif api:
            siblings = [sibling(path, stored) for path, stored in files.items()]
            self.answer(200, {"id": name, "sha": self.hub.commit(name), "siblings": siblings})
        elif file and file[2] in files:
            self.resolve(files[file[2]], self.hub.commit(name), fault)
        else:
            self.answer(404, {"error": "Entry not found"}, {"x-error-code": "EntryNotFound"})

    def resolve(self, file: StoredFile, commit: str, fault: Fault | None) -> None:
        headers = {"x-repo-commit": commit, "etag": f'"{file.etag}"'}
        if not file.is_large:
            self.send(file, headers, fault)
            return
        self.head(
            302,
            {
                **headers,
                "location": f"{self.hub.storage_url}/{file.sha256}?signature=1",
                "x-linked-etag": f'"{file.sha256}"',
                "x-linked-size": str(len(file.content)),
                "x-xet-hash": file.sha256,
                "x-xet-refresh-route": f"{self.hub.url}/api/xet",
            },
            0,
        )


class StorageHandler(Handler):
    """Another host: it is asked for content by its hash, and must not be shown the token."""

    def route(self, path: str, fault: Fault | None) -> None:
        for files in self.hub.models.values():
            for file in files.values():
                if path == f"/{file.sha256}":
                    self.send(file, {"etag": f'"{file.sha256}"'}, fault)
                    return
        self.answer(404, {"error": "not found"})


def sibling(path: str, file: StoredFile) -> dict[str, object]:
    size = len(file.content)
    lfs = {"sha256": file.sha256, "size": size, "pointerSize": 134}
    about = {"rfilename": path, "size": size, "blobId": file.blob_id}
    return {**about, "lfs": lfs} if file.is_large else about


def tree_entry(path: str, file: StoredFile) -> dict[str, object]:
    size = len(file.content)
    about = {"type": "file", "path": path, "size": size, "oid": file.blob_id}
    lfs = {"oid": file.sha256, "size": size, "pointerSize": 134}
    return {**about, "lfs": lfs} if file.is_large else about


if __name__ == "__main__":
    stand_in = HubStandIn()
    for argument in sys.argv[1:]:
        model, _, folder = argument.partition("=")
        stand_in.add_folder(model, Path(folder))
    print(json.dumps({"url": stand_in.url}), flush=True)
    sys.stdin.read()
