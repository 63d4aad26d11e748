"""Limits of request bodies: size, speed and sender. Nothing is read before the sender is known.

Public pages accept a small form, and no thread waits for it. Every other page reads its body when Django asks for it,
after the user is known; views that accept files are marked with `takes_upload`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from io import BytesIO, RawIOBase

from django.conf import settings
from django.core.exceptions import RequestAborted, RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.core.handlers.asgi import ASGIHandler
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import resolve
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from . import spool

SMALL = 64 * 1024  # bytes of a form that everybody may send: a name and a password
SILENCE_TIMEOUT = 20  # seconds without a byte
GRACE, SLOWEST = 30, 1024  # seconds, and from then on bytes a second on average
KEY = "virterweb.body"  # of the scope

Message = dict
Receive = Callable[[], Awaitable[Message]]


class RequestTooSlow(SuspiciousOperation):
    """The rest of a request does not arrive."""


class Body(RawIOBase):
    """The body of a request as a file that arrives while it is read, from a thread; `limit` is in bytes."""

    def __init__(self, scope: dict, receive: Receive) -> None:
        headers = dict(scope["headers"])
        self.none = b"content-length" not in headers and b"transfer-encoding" not in headers
        self.declared = _number(headers.get(b"content-length", b""))
        self.public = _is_public(scope["path"])
        self.limit = SMALL if self.public else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        self.receive, self.complete = receive, asyncio.Event()
        self._loop, self._began = asyncio.get_running_loop(), 0.0  # the moment of the first read
        self._size, self._rest = 0, b""

    async def next(self) -> bytes:
        """Return the next part, empty at the end; raise an exception that Django answers with 413 or 408."""
        part, self._began = b"", self._began or time.monotonic()
        while not part and not self.complete.is_set():
            if max(self._size, self.declared) > self.limit:
                raise RequestDataTooBig(f"The request has more than {self.limit:,} bytes.")
            part = await self._part()
            self._size += len(part)
            if self._size > self.limit:
                raise RequestDataTooBig(f"The request has more than {self.limit:,} bytes.")
            waited = time.monotonic() - self._began - GRACE
            if not self.complete.is_set() and self._size < SLOWEST * waited:
                raise RequestTooSlow("The rest of the request came too slowly.")
        return part

    async def _part(self) -> bytes:
        try:
            async with asyncio.timeout(SILENCE_TIMEOUT):
                message = await self.receive()
        except TimeoutError as silence:
            raise RequestTooSlow("The rest of the request did not come.") from silence
        gone = message["type"] == "http.disconnect"
        if gone or not message.get("more_body", False):
            self.complete.set()
        if gone:
            raise ConnectionAbortedError("The connection was closed.")
        return message.get("body", b"")

    async def whole(self) -> bytes:
        """Return the whole body, without occupying a thread."""
        parts = []
        while part := await self.next():
            parts.append(part)
        return b"".join(parts)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, length = [self._rest], len(self._rest)
        while (size < 0 or length < size) and (part := self._wait_for_next()):
            parts.append(part)
            length += len(part)
        found = b"".join(parts)
        cut = len(found) if size < 0 else size
        self._rest = found[cut:]
        return found[:cut]

    def _wait_for_next(self) -> bytes:
        return asyncio.run_coroutine_threadsafe(self.next(), self._loop).result()


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() and len(text) < 19 else 0


def _is_public(path: str) -> bool:
    """Return whether the path needs no sign-in; also for a path that does not exist."""
    try:
        return not getattr(resolve(path).func, "login_required", True)
    except Http404:
        return True


class Handler(ASGIHandler):
    """Django's handler, without its step that first reads the whole body into /tmp."""

    async def handle(self, scope: dict, receive: Receive, send: Callable) -> None:
        body = Body(scope, receive)
        await super().handle({**scope, KEY: body}, body, send)

    async def read_body(self, receive: Body) -> RawIOBase | BytesIO:
        if not receive.public and not receive.none:
            return receive
        try:
            return BytesIO(await receive.whole())
        except ConnectionAbortedError as gone:
            raise RequestAborted from gone
        except SuspiciousOperation as problem:
            return _Broken(problem)

    async def listen_for_disconnect(self, receive: Body) -> None:
        await receive.complete.wait()
        await super().listen_for_disconnect(receive.receive)


class _Broken(RawIOBase):
    """A body that cannot be read: reading it raises the reason."""

    def __init__(self, problem: SuspiciousOperation) -> None:
        self.problem = problem

    def read(self, size: int = -1) -> bytes:
        raise self.problem


class SpoolUpload(TemporaryFileUploadHandler):
    """Upload handler that writes a file to the spool folder while the disk has room, beside other writers."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if spool.room() < len(raw_data):
            raise RequestDataTooBig("The disk has no room for the rest of the file.")
        super().receive_data_chunk(raw_data, start)


def takes_upload(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Allow a view's form to upload files as large as the free disk space, written to the spool folder on arrival.

    Use a decorator around this one to refuse users without the right, so that nothing is read before.
    """
    protected = csrf_protect(view)

    @csrf_exempt  # until the limit and the handler are set: the token is in the body
    @wraps(view)
    def run(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method != "POST":
            return protected(request, *args, **kwargs)
        handler = SpoolUpload(request)
        request.upload_handlers = [handler]
        if body := getattr(request, "scope", {}).get(KEY):  # not in tests without a server
            body.limit = max(body.limit, spool.room())
        try:
            return protected(request, *args, **kwargs)
        finally:
            handler.upload_interrupted()  # also after a success: a file that is kept was renamed

    return run


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for a request that is not read: too large, too slow or malformed."""
    if isinstance(exception, RequestDataTooBig):
        return render(request, "413.html", status=413)
    return render(request, "400.html", status=408 if isinstance(exception, RequestTooSlow) else 400)
