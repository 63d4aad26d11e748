"""Handshakes of websockets, without a web server."""

import json

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.test import Client

from vms.console.routing import websocket_urlpatterns

ORIGIN = "http://testserver"


def session_of(user: AbstractBaseUser | None) -> str:
    """Return the session cookie of a user who has signed in; "" for nobody."""
    client = Client()
    if user:
        client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value if user else ""


def answers(session: str, path: str, scheme: str = "ws", count: int = 1, **headers: str) -> list[dict]:
    """Return the first answers to a websocket: its acceptance, or its refusal, which servers send as 403."""
    cookie = f"{settings.SESSION_COOKIE_NAME}={session}"
    given = {"host": "testserver", "origin": ORIGIN, "cookie": cookie, **headers}
    raw = [(name.encode(), value.encode()) for name, value in given.items() if value]

    async def run() -> list[dict]:
        scope = {"type": "websocket", "scheme": scheme, "path": path, "headers": raw, "query_string": b""}
        socket = ApplicationCommunicator(URLRouter(websocket_urlpatterns), scope)
        await socket.send_input({"type": "websocket.connect"})
        found = [await socket.receive_output(10) for _ in range(count)]
        await socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await socket.wait(10)
        return found

    return async_to_sync(run)()


def is_open(session: str, path: str, **values: str) -> bool:
    """Return whether a websocket is accepted."""
    return answers(session, path, **values)[0]["type"] == "websocket.accept"


def failure(session: str, path: str) -> dict:
    """Return what a websocket says first after its acceptance, before the portal closes it."""
    _, said, end = answers(session, path, count=3)
    assert (end["type"], end["code"]) == ("websocket.close", 4000)
    return json.loads(said["text"])
