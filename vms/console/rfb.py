"""The parts of VNC's protocol that the portal takes part in: handshakes, and which messages of a viewer are input.

Follows RFC 6143 and the extensions in https://github.com/rfbproto/rfbproto. Pure but for the streams that are given.
"""

import struct
from asyncio import StreamReader, StreamWriter

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

VERSION = b"RFB 003.008\n"
NO_PASSWORD, PASSWORD = 1, 2  # types of security
ACCEPTED = b"\0\0\0\0"
SHARED = b"\x01"  # the first message of a viewer: others stay connected

# The viewer's messages by their first byte: the size of those that always have the same.
SIZES = {0: 20, 3: 10, 4: 8, 5: 6, 150: 10, 250: 4}
# Others say a number in their head: the size of the head, where the number is, its form, and the size of each item.
COUNTED = {2: (4, 2, ">H", 4), 6: (8, 4, ">i", 1), 248: (9, 8, ">B", 1), 251: (8, 6, ">B", 16)}
QEMU = 255  # with a second byte: 0 is a key, which has 12 bytes
INPUT = {4, 5, 6, QEMU}  # keys, pointer, clipboard
LARGEST = 1024 * 1024  # bytes of a message, which a clipboard may have


class ProtocolError(Exception):
    """A display or viewer says something that is not VNC, or that the portal does not know."""


class PasswordRefused(ProtocolError):
    """The display asks for another kind of login, or does not accept the password."""


def answer(challenge: bytes, password: str) -> bytes:
    """Return what proves the password: the challenge, encrypted by DES with the bits of each character reversed."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode("latin-1", "replace")[:8].ljust(8, b"\0"))
    encryptor = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()
    return encryptor.update(challenge) + encryptor.finalize()


async def log_in(reader: StreamReader, writer: StreamWriter, password: str) -> None:
    """Log in to a display; what follows are the messages of viewer and display.

    Raises ProtocolError, PasswordRefused, or EOFError if it closes the connection.
    """
    if not (await reader.readexactly(len(VERSION))).startswith(b"RFB 003.008"):
        raise ProtocolError("no RFB 3.8")
    writer.write(VERSION)
    kinds = await reader.readexactly((await reader.readexactly(1))[0])
    if NO_PASSWORD in kinds:
        writer.write(bytes([NO_PASSWORD]))
    elif PASSWORD in kinds:
        writer.write(bytes([PASSWORD]))
        writer.write(answer(await reader.readexactly(16), password))
    else:
        raise PasswordRefused(f"security types {list(kinds)}")
    if await reader.readexactly(4) != ACCEPTED:
        raise PasswordRefused("the password")


class ViewerMessages:
    """Splits what a viewer sends into messages, after its handshake with the portal, which asks for no password."""

    GREETING = VERSION
    #: What the portal answers to each step of the viewer: its version, its choice, and whether it shares.
    STEPS = ((len(VERSION), bytes([1, NO_PASSWORD])), (1, ACCEPTED), (1, b""))

    def __init__(self) -> None:
        self._rest, self._steps = b"", list(self.STEPS)

    @property
    def is_greeted(self) -> bool:
        """Return whether the handshake is complete."""
        return not self._steps

    def greeted(self, data: bytes) -> bytes:
        """Take what a viewer sends first; return the answer."""
        self._rest += data
        answers = b""
        while self._steps and len(self._rest) >= self._steps[0][0]:
            size, reply = self._steps.pop(0)
            self._rest, answers = self._rest[size:], answers + reply
        return answers

    def split(self, data: bytes) -> tuple[bytes, bytes]:
        """Return the whole messages that have arrived: all of them, and those that are no input.

        Raises ProtocolError.
        """
        self._rest += data
        whole, harmless = b"", b""
        while self._rest and (size := self._size()) and size <= len(self._rest):
            message, self._rest = self._rest[:size], self._rest[size:]
            whole += message
            harmless += b"" if message[0] in INPUT else message
        return whole, harmless

    def _size(self) -> int:
        """Return the size of the next message; 0 while that is not known."""
        kind = self._rest[0]
        if kind == QEMU:
            return 12 if len(self._rest) > 1 and self._rest[1] == 0 else self._unknown(len(self._rest) > 1)
        if kind in SIZES:
            return SIZES[kind]
        if kind not in COUNTED:
            return self._unknown(True)
        head, place, form, item = COUNTED[kind]
        if len(self._rest) < head:
            return 0
        size = head + abs(struct.unpack_from(form, self._rest, place)[0]) * item  # negative: an extended clipboard
        if size > LARGEST:
            raise ProtocolError(f"a message of {size} bytes")
        return size

    def _unknown(self, certain: bool) -> int:
        if certain:
            raise ProtocolError(f"message {self._rest[:2].hex()}")
        return 0
