"""A web server of files for downloads, which can misbehave in many ways."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer(ThreadingHTTPServer):
    """Serves `files` by path. `redirects` lead from path to URL; `ends_after` bytes each answer is cut off.

    `waits` are the seconds before each answer. `resumes`: it knows Range. An answer may be `endless`, or not `sized`.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.ends_after: int | None = None
        self.waits, self.tag, self.resumes, self.endless, self.sized = 0.0, '"1"', True, False, True
        self.pause_each, self.stopped = 0.0, threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self, path: str) -> list[dict[str, str]]:
        """Return the headers of the requests for a path."""
        return [headers for each, headers in self.requests if each == path]

    def handle_error(self, *args: object) -> None:
        """Say nothing of clients that are gone."""


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        server = self.server
        server.requests.append((self.path, dict(self.headers)))
        server.stopped.wait(server.waits)
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            self.end_headers()
        elif self.path.partition("?")[0] not in server.files:
            self.send_error(404)
        else:
            with suppress(OSError):
                self._send(server.files[self.path.partition("?")[0]])

    def _send(self, data: bytes) -> None:
        server, start = self.server, 0
        asked = self.headers.get("Range", "")
        if server.resumes and asked and self.headers.get("If-Range", server.tag) == server.tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if server.sized and not server.endless:
            self.send_header("Content-Length", str(len(data) - start))
        if server.tag:
            self.send_header("ETag", server.tag)
        self.end_headers()
        end = len(data) if server.ends_after is None else min(len(data), start + server.ends_after)
        step = 2**18
        while not server.stopped.is_set():
            for at in range(start, end, step):
                self.wfile.write(data[at : min(at + step, end)])
                time.sleep(server.pause_each)
            if not server.endless:
                return

    def log_message(self, *args: object) -> None:
        """Say nothing of requests."""


@contextmanager
def file_server() -> Iterator[FileServer]:
    server = FileServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
