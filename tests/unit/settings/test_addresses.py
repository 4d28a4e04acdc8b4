"""What is secret within an address is found, and no more than that."""

import pytest

from app.settings.addresses import secret_parts


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("postgresql://cdb:swordfish@db.example.com/cdb", ["swordfish"]),
        ("postgresql://cdb:sword%40fish@db/cdb", ["sword%40fish", "sword@fish"]),
        ("redis://:swordfish@127.0.0.1:6379/0", ["swordfish"]),
        ("postgresql://postgres:postgres@127.0.0.1/a-database-with-a-long-name", []),
        ("postgresql://cdb:abc@127.0.0.1/cdb", []),
        ("unix:///a/very-long-folder-name-indeed/redis.sock", []),
        ("sqlite:////a/very-long-folder-name-indeed/cdb.sqlite", []),
        ("tgram://123456789:AAE-a-token-of-telegram/4711", ["AAE-a-token-of-telegram"]),
        ("mailto://ann:swordfish@gmail.example.com", ["swordfish"]),
        ("json://hooks.example.com:8080/T0000000/a-token-of-a-web-hook?x=1", ["a-token-of-a-web-hook"]),
        ("https://[broken/a-token-of-a-web-hook", ["a-token-of-a-web-hook"]),
        ("no address", []),
    ],
)
def test_only_passwords_and_tokens_are_secret(address: str, secrets: list[str]) -> None:
    assert secret_parts(address) == secrets
