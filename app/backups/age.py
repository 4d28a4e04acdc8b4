"""Encryption with a passphrase in the format of age (age-encryption.org/v1), so that `age -d` opens a part too.

A header wraps a random key with the passphrase (scrypt, ChaCha20-Poly1305) and is authenticated; the payload is chunks
of 64 KiB, each authenticated with its place, the last one marked: what is changed, exchanged or cut off does not open.
"""

import hmac
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import IO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from app.domain.backups import ANOTHER, BackupError

VERSION = b"age-encryption.org/v1\n"
LABEL = b"age-encryption.org/v1/scrypt"
WORK = 17  # 128 MB and less than a second for each guess, and for each part
MOST_WORK = 20  # more would be somebody who wants our memory
CHUNK = 64 * 1024
TAG = 16
NO_NONCE = bytes(12)  # a key that wraps once needs no other
B64 = rb"([A-Za-z0-9+/]{%d})"
HEADER = re.compile(
    rb"age-encryption\.org/v1\n-> scrypt " + B64 % 22 + rb" ([1-9]\d?)\n" + B64 % 43 + rb"\n--- " + B64 % 43 + rb"\n"
)
LONGEST_HEADER = 200
LAST = 1


class Target(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object:
        """Take them."""


class Encrypted:
    """Encrypts what is written to it into `out`; what was not closed does not open."""

    def __init__(self, out: Target, passphrase: str, work: int = WORK) -> None:
        key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
        wrapped = ChaCha20Poly1305(_stretched(passphrase, salt, work)).encrypt(NO_NONCE, key, None)
        head = VERSION + b"-> scrypt " + _text(salt) + b" %d\n" % work + _text(wrapped) + b"\n---"
        out.write(head + b" " + _text(_mac(key, head)) + b"\n" + nonce)
        self._out = out
        self._box = _payload(key, nonce)
        self._number = 0
        self._held = bytearray()

    def write(self, data: bytes, /) -> None:
        """Take some more."""
        self._held += data
        while len(self._held) > CHUNK:  # the last one, which may be full, waits for `close`
            self._seal(bytes(self._held[:CHUNK]), 0)
            del self._held[:CHUNK]

    def close(self) -> None:
        """That was all."""
        self._seal(bytes(self._held), LAST)

    def _seal(self, chunk: bytes, last: int) -> None:
        self._out.write(self._box.encrypt(_nonce(self._number, last), chunk, None))
        self._number += 1


def decrypted(source: IO[bytes], passphrase: str, name: str) -> Iterator[bytes]:
    """What was encrypted, in order; BackupError once something does not fit, `name` tells of what."""
    key = _opened(source, passphrase, name)
    nonce = source.read(16)
    if len(nonce) < 16:
        raise _cut(name)
    box, number = _payload(key, nonce), 0
    chunk = source.read(CHUNK + TAG)
    while True:
        following = source.read(CHUNK + TAG)
        last = 0 if following else LAST
        try:
            plain = box.decrypt(_nonce(number, last), chunk, None)
        except InvalidTag:
            raise _cut(name) from None
        yield plain
        if last:
            return
        chunk, number = following, number + 1


def _opened(source: IO[bytes], passphrase: str, name: str) -> bytes:
    begin = source.read(LONGEST_HEADER)
    found = HEADER.match(begin)
    if found is None or int(found[2]) > MOST_WORK:
        raise BackupError(f"{name} does not begin as an encrypted part does", ANOTHER)
    source.seek(found.end())
    salt, wrapped, mac = (_bytes(found[place]) for place in (1, 3, 4))
    try:
        key = ChaCha20Poly1305(_stretched(passphrase, salt, int(found[2]))).decrypt(NO_NONCE, wrapped, None)
    except InvalidTag:
        cure = "Set CDB_BACKUP_KEY to what it was when the backup was made"
        raise BackupError(f"CDB_BACKUP_KEY does not open {name}", cure) from None
    if not hmac.compare_digest(_mac(key, begin[: found.start(4) - 1]), mac):
        raise BackupError(f"The head of {name} was changed", ANOTHER)
    return key


def _cut(name: str) -> BackupError:
    return BackupError(f"{name} was changed, or its end is missing", ANOTHER)


def _stretched(passphrase: str, salt: bytes, work: int) -> bytes:
    return Scrypt(salt=LABEL + salt, length=32, n=2**work, r=8, p=1).derive(passphrase.encode())


def _mac(key: bytes, head: bytes) -> bytes:
    return hmac.digest(_derived(key, b"", b"header"), head, "sha256")


def _payload(key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(_derived(key, nonce, b"payload"))


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=info).derive(key)


def _nonce(number: int, last: int) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _text(data: bytes) -> bytes:
    return b64encode(data).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    return b64decode(text + b"=" * (-len(text) % 4))
