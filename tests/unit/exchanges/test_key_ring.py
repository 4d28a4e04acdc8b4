"""The keys that are signed with: replaced when others are wanted and found, kept otherwise."""

import pytest
from structlog.testing import capture_logs

from app.exchanges.mexc import key_ring
from app.exchanges.mexc.key_ring import ApiKeys, KeyRing

OLD, NEW, STRANGE = ApiKeys("old", "s1"), ApiKeys("new", "s2"), ApiKeys("strange", "s3")


class Farm:
    """What is wanted, and what stands in the files."""

    def __init__(self) -> None:
        self.wanted: ApiKeys | None = None
        self.files: ApiKeys | None = OLD
        self.looks: list[str] = []
        self.ring = KeyRing(OLD, self._wish, lambda: self.files)

    def _wish(self, mine: str) -> str | None:
        self.looks.append(mine)
        return None if self.wanted is None or self.wanted.fingerprint == mine else self.wanted.fingerprint


@pytest.fixture
def farm(monkeypatch: pytest.MonkeyPatch) -> Farm:
    monkeypatch.setattr(key_ring, "LOOK_S", 0.0)
    return Farm()


def test_without_a_wish_the_keys_of_the_start_are_used_whatever_the_files_say(farm: Farm) -> None:
    farm.files = NEW

    assert farm.ring() == OLD


def test_keys_that_are_wanted_and_there_are_used_and_said_to_be(farm: Farm) -> None:
    farm.files = farm.wanted = NEW

    with capture_logs() as logs:
        assert farm.ring() == NEW

    assert [line["event"] for line in logs] == ["signs with other keys now"]
    assert farm.looks == [OLD.fingerprint, NEW.fingerprint]
    assert farm.ring() == NEW


@pytest.mark.parametrize("found", [OLD, STRANGE, None])
def test_keys_that_are_not_here_yet_are_told_once_and_taken_later(farm: Farm, found: ApiKeys | None) -> None:
    farm.wanted, farm.files = NEW, found

    with capture_logs() as logs:
        assert farm.ring() == OLD
        assert farm.ring() == OLD
    assert [line["log_level"] for line in logs] == ["error"]

    farm.files = NEW
    assert farm.ring() == NEW


def test_it_is_looked_once_a_second_at_most(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_ring, "LOOK_S", 600.0)

    farm.ring()
    farm.ring()

    assert len(farm.looks) == 1


def test_a_fingerprint_tells_keys_and_secrets_apart_and_shows_neither() -> None:
    seen = {one.fingerprint for one in (OLD, NEW, ApiKeys("old", "s2"))}

    assert len(seen) == 3
    assert repr(OLD) == f"ApiKeys({OLD.fingerprint})"
    assert "old" not in repr(OLD)
