"""VNC's protocol, as far as the portal takes part in it."""

import asyncio

import pytest
from asgiref.sync import async_to_sync

from vms.console import rfb

KEY = b"\x04\x01\0\0\0\0\0a"
POINTER = b"\x05\0\0\x01\0\x02"
CLIPBOARD = b"\x06\0\0\0\0\0\0\x03abc"
EXTENDED_CLIPBOARD = b"\x06\0\0\0\xff\xff\xff\xfcABCD"
QEMU_KEY = b"\xff\0\0\x01\0\0\0a\0\0\0\x1e"
INPUT = (KEY, POINTER, CLIPBOARD, EXTENDED_CLIPBOARD, QEMU_KEY)
PIXELS = b"\0" * 20
ENCODINGS = b"\x02\0\0\x02" + b"\0\0\0\x07" * 2
UPDATE = b"\x03\x01" + b"\0" * 8
CONTINUOUS = b"\x96\x01" + b"\0" * 8
FENCE = b"\xf8\0\0\0\0\0\0\x01\x02xy"
SIZE = b"\xfb\0\x04\0\x03\0\x01\0" + b"\0" * 16
OTHERS = (PIXELS, ENCODINGS, UPDATE, CONTINUOUS, FENCE, SIZE)


def greeted() -> rfb.ViewerMessages:
    """Return the messages of a viewer after its handshake."""
    messages = rfb.ViewerMessages()
    assert messages.greeted(rfb.VERSION[:5]) == b""
    assert messages.greeted(rfb.VERSION[5:] + b"\x01") == b"\x01\x01" + b"\0\0\0\0"
    assert not messages.is_greeted
    assert messages.greeted(b"\0") == b""
    assert messages.is_greeted
    return messages


@pytest.mark.parametrize("message", INPUT)
def test_keys_pointer_and_clipboard_are_input(message):
    assert greeted().split(message) == (message, b"")


@pytest.mark.parametrize("message", OTHERS)
def test_other_messages_are_no_input(message):
    assert greeted().split(message) == (message, message)


def test_messages_may_arrive_in_any_pieces():
    messages, whole, harmless = greeted(), b"", b""
    everything = b"".join(INPUT + OTHERS)
    for number in range(len(everything)):
        found = messages.split(everything[number : number + 1])
        whole, harmless = whole + found[0], harmless + found[1]
    assert (whole, harmless) == (everything, b"".join(OTHERS))


@pytest.mark.parametrize("data", [b"\x09", b"\xff\x01", b"\xff\x07", b"\x06\0\0\0\x7f\xff\xff\xff"])
def test_an_unknown_or_huge_message_is_refused(data):
    with pytest.raises(rfb.ProtocolError):
        greeted().split(data)


def log_in(said: bytes, password: str = "") -> bytes:
    """Return what the portal writes to a display that says this."""
    written: list[bytes] = []

    class Writer:
        def write(self, data: bytes) -> None:
            written.append(data)

    async def run() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(said)
        reader.feed_eof()
        await rfb.log_in(reader, Writer(), password)

    async_to_sync(run)()
    return b"".join(written)


def test_a_display_without_password_is_logged_in_to():
    assert log_in(rfb.VERSION + b"\x01\x01" + b"\0\0\0\0") == rfb.VERSION + b"\x01"


def test_a_display_gets_the_answer_to_its_challenge():
    written = log_in(rfb.VERSION + b"\x01\x02" + bytes(16) + b"\0\0\0\0", "secret12")
    assert written[:13] == rfb.VERSION + b"\x02"
    assert written[13:] == rfb.answer(bytes(16), "secret12")
    assert rfb.answer(bytes(16), "secret12") == rfb.answer(bytes(16), "secret12 and more")
    assert rfb.answer(bytes(16), "secret12") != rfb.answer(bytes(16), "secret")


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"HTTP/1.1 200 OK\r\n", rfb.ProtocolError),
        (b"RFB 003.003\n", rfb.ProtocolError),
        (rfb.VERSION + b"\x01\x13", rfb.PasswordRefused),  # VeNCrypt
        (rfb.VERSION + b"\x01\x02" + bytes(16) + b"\0\0\0\x01", rfb.PasswordRefused),
        (rfb.VERSION + b"\x01", EOFError),
        (b"", EOFError),
    ],
)
def test_a_display_that_says_something_else_is_a_failure(said, problem):
    with pytest.raises(problem):
        log_in(said)
