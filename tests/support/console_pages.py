"""A console as its page uses it, by the websocket. A name may be HYPERVISOR/NAME."""

import json
import time
from types import TracebackType
from typing import Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .portal import Portal


class ConsolePage:
    """An open page with the console of a VM; it says what it has shown, unless it never reads."""

    def __init__(
        self, portal: Portal, name: str, kind: str = "serial", *, take: bool = False, **headers: str | None
    ) -> None:
        headers = {"Origin": portal.url, "Cookie": portal.cookies(), **headers}
        path = f"/vms/{name if '/' in name else f'lab/{name}'}/console/{kind}/{'?take=1' if take else ''}"
        address = portal.url.replace("http", "ws", 1) + path
        given = {key: value for key, value in headers.items() if value is not None}
        self._connecting = connect(address, additional_headers=given, compression=None, max_size=None)
        self.output, self.messages = b"", []

    def __enter__(self) -> Self:
        self.socket = self._connecting.__enter__()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connecting.__exit__(kind, error, trace)

    def read(self, seconds: float = 0.1) -> bool:
        """Take the next message; return whether there was one."""
        try:
            message = self.socket.recv(timeout=seconds)
        except TimeoutError:
            return False
        if isinstance(message, bytes):
            self.output += message
            self.tell(type="shown", bytes=len(message))
        else:
            self.messages.append(json.loads(message))
        return True

    def expect(self, text: str, seconds: float = 20) -> None:
        """Wait until the console has shown a text, and forget all output up to it."""
        deadline = time.monotonic() + seconds
        while text.encode() not in self.output:
            assert time.monotonic() < deadline, f"no {text!r} in {self.output[-2000:]!r} {self.messages}"
            self.read()
        self.output = self.output.partition(text.encode())[2]

    def wait_for(self, kind: str, seconds: float = 20, **values: object) -> dict:
        """Wait for a message of that type with these values, and return it."""
        deadline = time.monotonic() + seconds
        while True:
            for message in self.messages:
                if message["type"] == kind and values.items() <= message.items():
                    self.messages.remove(message)
                    return message
            assert time.monotonic() < deadline, f"no {kind} {values} in {self.messages}"
            try:
                self.read()
            except ConnectionClosed:
                assert self.messages, "closed without a word"

    def type(self, text: str) -> None:
        self.socket.send(text.encode())

    def tell(self, **message: object) -> None:
        self.socket.send(json.dumps(message))
