"""A small real HTTP server that plays the model hub: with ranges, and with every bad habit a server can have."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass
class Hub:
    """What the server holds, how it behaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    drop_after_bytes: int | None = None
    num_errors: int = 0
    flip: bool = False
    no_length: bool = False
    token: str | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""
    pause_after_bytes: int | None = None
    released: threading.Event = field(default_factory=threading.Event)

    def serve(self, repo: str, file: str, data: bytes, revision: str = "main") -> None:
        """Puts one file of a repository there."""
        self.files[f"/{repo}/resolve/{revision}/{file}"] = data

    def release(self) -> None:
        """Ends the pause in the middle of an answer, and all later ones."""
        self.pause_after_bytes = None
        self.released.set()

    def ranges_asked(self) -> list[str | None]:
        """The Range header of every request so far."""
        return [headers.get("range") for _, headers in self.asked]

    def serve_repo(self, repo: str, commit: str, files: dict[str, bytes], kind: str = "models", **told: object) -> None:
        """A whole repository with the answer of the API about it; large files are those with weights or rows."""
        siblings = []
        for name, data in files.items():
            self.serve(repo if kind == "models" else f"{kind}/{repo}", name, data, commit)
            entry: dict[str, object] = {"rfilename": name, "size": len(data),
                                        "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
            if name.endswith((".safetensors", ".gguf", ".bin", ".parquet")):
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            siblings.append(entry)
        answer = json.dumps({"id": repo, "sha": commit, "siblings": siblings, **told}).encode()
        self.files[f"/api/{kind}/{repo}/revision/main"] = answer


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        hub, path = self.hub, unquote(urlsplit(self.path).path)
        hub.asked.append((path, {key.lower(): value for key, value in self.headers.items()}))
        if hub.num_errors > 0:
            hub.num_errors -= 1
            self.send_error(503)
        elif hub.token is not None and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self.send_error(401)
        elif path in hub.redirects:
            self.send_response(302)
            self.send_header("Location", hub.redirects[path])
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif path in hub.files:
            self._send(hub.files[path])
        else:
            self.send_error(404)

    def _send(self, data: bytes) -> None:
        hub, start = self.hub, 0
        wanted = self.headers.get("Range")
        if wanted and hub.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        body = bytearray(data[start:])
        if hub.flip and body:
            body[-1] ^= 1
        if not hub.no_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if hub.drop_after_bytes is not None:
            body = body[:hub.drop_after_bytes]
        try:
            if hub.pause_after_bytes is not None:
                self.wfile.write(body[:hub.pause_after_bytes])
                self.wfile.flush()
                hub.released.wait(60)
                del body[:hub.pause_after_bytes]
            self.wfile.write(body)
        except ConnectionError:  # the client was killed, as a test wants
            pass
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Stays silent."""


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    """The server on a free port of this machine while the block lasts."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        hub.release()
        server.shutdown()
        thread.join()
        server.server_close()
