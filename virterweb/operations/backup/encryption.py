"""Encryption of a backup by a passphrase, in chunks: libsodium's secretstream, with a key by Argon2id.

The stream tells a wrong passphrase, any changed byte and a missing end: https://doc.libsodium.org/secret-key_cryptography
"""

from io import RawIOBase
from typing import BinaryIO

from nacl import bindings, utils
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id

from virterweb.messages import Message

from .wording import BackupError

MAGIC = b"virterweb-encrypted-backup-1\n"
CHUNK = 64 * 1024  # bytes before encryption
OVERHEAD = bindings.crypto_secretstream_xchacha20poly1305_ABYTES
MORE, FINAL = (
    bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
    bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL,
)


def _key(passphrase: str, salt: bytes) -> bytes:
    size = bindings.crypto_secretstream_xchacha20poly1305_KEYBYTES
    cost = {"opslimit": argon2id.OPSLIMIT_MODERATE, "memlimit": argon2id.MEMLIMIT_MODERATE}
    return argon2id.kdf(size, passphrase.encode(), salt, **cost)


class Encrypting(RawIOBase):
    """A file to write to, which writes encrypted chunks to another; close() ends the stream, not the other file."""

    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        self._file, self._waiting = file, bytearray()
        self._state = bindings.crypto_secretstream_xchacha20poly1305_state()
        salt = utils.random(argon2id.SALTBYTES)
        header = bindings.crypto_secretstream_xchacha20poly1305_init_push(self._state, _key(passphrase, salt))
        file.write(MAGIC + salt + header)
        self._push(b"", MORE)  # an empty chunk tells the passphrase

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) >= CHUNK:
            self._push(bytes(self._waiting[:CHUNK]), MORE)
            del self._waiting[:CHUNK]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._push(bytes(self._waiting), FINAL)
        super().close()

    def _push(self, chunk: bytes, tag: int) -> None:
        self._file.write(bindings.crypto_secretstream_xchacha20poly1305_push(self._state, chunk, None, tag))


class Decrypting(RawIOBase):
    """A file to read from, which decrypts another that is open behind its MAGIC; BackupError if that fails."""

    def __init__(self, file: BinaryIO, passphrase: str, name: str) -> None:
        self._file, self._name, self._rest, self._ended = file, name, b"", False
        self._state = bindings.crypto_secretstream_xchacha20poly1305_state()
        salt = file.read(argon2id.SALTBYTES)
        header = file.read(bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES)
        begin = file.read(OVERHEAD)
        if len(begin) < OVERHEAD:
            raise BackupError(Message("backup.damaged", file=name))
        bindings.crypto_secretstream_xchacha20poly1305_init_pull(self._state, header, _key(passphrase, salt))
        self._pull(begin, "backup.passphrase")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        while not self._rest and not self._ended:
            self._rest = self._pull(self._file.read(CHUNK + OVERHEAD), "backup.damaged")
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)

    def _pull(self, chunk: bytes, code: str) -> bytes:
        try:
            found, tag = bindings.crypto_secretstream_xchacha20poly1305_pull(self._state, chunk)
        except (CryptoError, ValueError, RuntimeError) as problem:
            raise BackupError(Message(code, file=self._name)) from problem
        self._ended = tag == FINAL
        return found
