"""Requests to web servers, each to an address that was checked, at the first URL and at each redirect."""

import http.client
import socket
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from urllib.parse import urljoin

from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import InvalidValue, Message

from .addresses import resolve
from .unavailable import Unavailable
from .urls import Source, parse

CONNECT_TIMEOUT = 10.0  # seconds
SILENCE_TIMEOUT = 20.0  # seconds without any byte
HEADER_TIMEOUT = 30.0  # seconds for all headers of an answer
MOST_REDIRECTS = 5
REDIRECTS = {
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
}
LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}  # beside all from 500 on


@contextmanager
def answer(source: Source, headers: Mapping[str, str], allowed: Collection[str]) -> Iterator[http.client.HTTPResponse]:
    """Give the answer to a GET request, after redirects; its body is not read yet.

    `allowed` are the hosts that may have any address. Errors inside the block are translated too.

    Raises:
        Refused: The source cannot be used.
        Unavailable: A retry can help.
    """
    connection = None
    try:
        for _ in range(MOST_REDIRECTS + 1):
            connection, response = _ask(source, headers, allowed)
            if response.status not in REDIRECTS:
                yield response
                return
            connection.close()
            source = _redirected(source, response.headers.get("Location", ""))
        raise Refused(Message("source.redirects", most=MOST_REDIRECTS))
    except ssl.SSLCertVerificationError as problem:
        raise Refused(Message("source.certificate", host=source.host), str(problem)) from problem
    except TimeoutError as problem:
        raise Unavailable(Message("source.silent", host=source.host)) from problem
    except (http.client.HTTPException, OSError) as problem:
        raise Unavailable(Message("source.interrupted", host=source.host), str(problem)) from problem
    finally:
        if connection:
            connection.close()


def _redirected(source: Source, location: str) -> Source:
    try:
        target = parse(urljoin(f"{source.scheme}://{_host(source)}:{source.port}{source.target}", location))
    except (InvalidValue, ValueError) as problem:
        reason = problem.message if isinstance(problem, InvalidValue) else Message("source.invalid")
        raise Refused(Message("source.redirect", host=source.host, reason=reason)) from problem
    if (source.scheme, target.scheme) == ("https", "http"):
        raise Refused(Message("source.redirect", host=source.host, reason=Message("source.downgrade")))
    return target


def _host(source: Source) -> str:
    return f"[{source.host}]" if ":" in source.host else source.host


def _ask(
    source: Source, headers: Mapping[str, str], allowed: Collection[str]
) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    secure = source.scheme == "https"
    connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(source.host, source.port)
    connection.sock = _connect(source, resolve(source.host, source.port, allowed))
    sent = {"User-Agent": "Virterweb", "Accept-Encoding": "identity", "Connection": "close", **headers}
    watch = threading.Timer(HEADER_TIMEOUT, _cut, [connection.sock])  # against headers that never end
    watch.daemon = True
    watch.start()
    try:
        connection.request("GET", source.target, headers=sent)
        return connection, connection.getresponse()
    except BaseException:
        connection.close()
        raise
    finally:
        watch.cancel()


def _cut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _connect(source: Source, addresses: list[str]) -> socket.socket:
    """Return a connection to the first address that accepts one; the name is used for TLS and the Host header alone."""
    problem: OSError | None = None
    for address in addresses:
        try:
            connected = socket.create_connection((address, source.port), CONNECT_TIMEOUT)
        except OSError as error:
            problem = error
            continue
        connected.settimeout(SILENCE_TIMEOUT)
        if source.scheme == "http":
            return connected
        try:
            return ssl.create_default_context().wrap_socket(connected, server_hostname=source.host)
        except BaseException:
            connected.close()
            raise
    raise Unavailable(Message("source.unreachable", host=source.host, port=source.port), str(problem)) from problem


def check_status(source: Source, status: int) -> None:
    """Refuse an answer without the file.

    Raises:
        Refused: The file is not there.
        Unavailable: A retry can help.
    """
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    reason = Message("source.status", host=source.host, status=status)
    raise Unavailable(reason) if status in LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused(reason)
