"""Encryption: what age itself made opens here, and nothing that was changed, cut off or exchanged does."""

from base64 import b64decode
from io import BytesIO

import pytest

from app.backups.age import CHUNK, TAG, Encrypted, decrypted
from app.domain.backups import BackupError

KEY = "correct horse battery"
QUICK = 4
# `age -p` 1.1.1 made this of "made by age itself\n".
MADE_BY_AGE = b64decode(
    "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCBQK2cyekwxdWdyQ212WG5FNm1TdWdBIDE4CmpacWdkU2dtbGZSRC9FWkxZV0thM2g5M2My"
    "Q1dGODNpRGJ4WFk1TWpHNG8KLS0tIG56QlFXN2xtT2ZpRWhEcFNGVGErb2dkU1JtZitNQmhjZitBbnJRVjd6R3MKxSB+CB2vbUrvXwiC1++PEiRd"
    "/q36w6Ms74oZNz+cgkHfROL2uYiA4ghOK5TlfVEwfnpn"
)


def encrypted(*pieces: bytes) -> bytes:
    out = BytesIO()
    box = Encrypted(out, KEY, work=QUICK)
    for piece in pieces:
        box.write(piece)
    box.close()
    return out.getvalue()


def opened(data: bytes, key: str = KEY) -> bytes:
    return b"".join(decrypted(BytesIO(data), key, "a part"))


def head_of(data: bytes) -> int:
    """Where the chunks begin."""
    return data.index(b"\n---") + len(b"\n--- ") + 43 + 1 + 16


def test_what_age_made_opens() -> None:
    assert opened(MADE_BY_AGE) == b"made by age itself\n"


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_was_written_comes_back(size: int) -> None:
    data = bytes(number % 251 for number in range(size))

    assert opened(encrypted(data[:100], data[100:])) == data


def test_two_of_the_same_are_not_alike() -> None:
    assert encrypted(b"same") != encrypted(b"same")


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(BackupError, match=r"CDB_BACKUP_KEY does not open a part\. Set CDB_BACKUP_KEY"):
        opened(encrypted(b"books"), "another horse battery")


@pytest.mark.parametrize("place", [0, 30, 60, 110, 150, 170, -1, -20])
def test_a_changed_byte_anywhere_is_found(place: int) -> None:
    data = bytearray(encrypted(b"books"))
    data[place] ^= 1

    with pytest.raises(BackupError):
        opened(bytes(data))


def test_a_missing_end_is_found_though_it_was_whole_chunks() -> None:
    data = encrypted(bytes(3 * CHUNK))

    for end in (head_of(data), head_of(data) + CHUNK + TAG, len(data) - 1, head_of(data) - 5, 100):
        with pytest.raises(BackupError):
            opened(data[:end])


def test_exchanged_chunks_are_found() -> None:
    data = encrypted(bytes(CHUNK) + b"1" * CHUNK + b"2" * CHUNK)
    begin, step = head_of(data), CHUNK + TAG
    first, second = data[begin : begin + step], data[begin + step : begin + 2 * step]

    with pytest.raises(BackupError, match="was changed, or its end is missing"):
        opened(data[:begin] + second + first + data[begin + 2 * step :])


def test_what_was_added_is_found() -> None:
    with pytest.raises(BackupError):
        opened(encrypted(b"books") + b"more")


def test_a_header_that_wants_all_our_memory_is_refused() -> None:
    with pytest.raises(BackupError, match="does not begin as an encrypted part does"):
        opened(encrypted(b"books").replace(b" 4\n", b" 30\n", 1))


def test_what_was_not_closed_does_not_open() -> None:
    out = BytesIO()
    Encrypted(out, KEY, work=QUICK).write(bytes(2 * CHUNK + 1))

    with pytest.raises(BackupError):
        opened(out.getvalue())
