"""Log lines as JSON, if VIRTERWEB_LOG=json: each says to which request, user and object it belongs."""

import logging
import re
import time
import uuid
from collections.abc import Callable

from celery import current_task
from django.http import HttpRequest, HttpResponse
from pythonjsonlogger.json import JsonFormatter

from . import context

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
FIELDS = ("asctime", "levelname", "name", "message")
NAMES = {"asctime": "at", "levelname": "level", "name": "logger"}
READING = ("GET", "HEAD", "OPTIONS")


class Context(logging.Filter):
    """Adds what is known about the request, the task and the block to a line; it reads nothing from the database."""

    def filter(self, record: logging.LogRecord) -> bool:
        given = record.__dict__.get("request")  # Django's own lines name it, also those after its middleware
        request = context.request.get() or (given if isinstance(given, HttpRequest) else None)
        record.__dict__.update(_of_task() | _of_request(request) | dict(context.facts()))
        return True


def formatter() -> JsonFormatter:
    return JsonFormatter(list(FIELDS), style="{", rename_fields=NAMES, datefmt="%Y-%m-%dT%H:%M:%S%z")


def _of_request(request: HttpRequest | None) -> dict[str, object]:
    if request is None:
        return {}
    facts = {"request": getattr(request, "id", None)}
    if user := getattr(request, "_cached_user", None):  # the page has asked who it is
        facts["user"] = user.get_username() or None
    if match := request.resolver_match:
        facts |= {"view": match.view_name, "object": "/".join(map(str, match.kwargs.values())) or None}
    return {name: value for name, value in facts.items() if value}


def _of_task() -> dict[str, object]:
    request = current_task.request if current_task else None
    if request is None or not request.id:
        return {}
    return {"task": current_task.name, "request": request.id, "object": "/".join(map(str, request.args or ()))}


class RequestLog:
    """Gives each request an ID, its proxy's if that sends one, and logs the requests that may change something."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        request.id = given if re.fullmatch(r"[\w.-]{1,64}", given, re.ASCII) else uuid.uuid4().hex
        token, began = context.request.set(request), time.monotonic()
        try:
            response = self.get_response(request)
            if request.method not in READING or response.status_code >= 500:
                facts = {"status": response.status_code, "milliseconds": round(1000 * (time.monotonic() - began))}
                log.info("%s %s", request.method, request.path, extra=facts)
        finally:
            context.request.reset(token)
        response.headers[HEADER] = request.id
        return response
