"""What a backup is called, whether what came back is what was kept, and which of them may go."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.domain.backups import BackupError, Contents, Manifest, Part, Table, begun_at, is_name, name_at, outdated

NOON = datetime(2024, 11, 20, 12, 0, 0, tzinfo=UTC)
HELD = Contents(
    "0011", "2:ab", {"trades": Table(2, {"realised": "1.5", "id": "3"}), "audits": Table(7, {}), "bars": Table(0, {})}
)


def test_its_name_is_the_time_in_utc() -> None:
    assert name_at(NOON.astimezone(timezone(timedelta(hours=9)))) == "20241120T120000Z"
    assert begun_at("20241120T120000Z") == NOON


@pytest.mark.parametrize("text", ["20241120T120000Z ", "20241320T120000Z", "today", "", ".20241120T120000Z.partial"])
def test_what_is_no_time_is_no_name(text: str) -> None:
    assert not is_name(text)
    assert is_name("20241120T120000Z")


def test_the_same_contents_do_not_differ() -> None:
    assert list(HELD.differences(HELD)) == []


def test_each_difference_is_a_sentence() -> None:
    tables = {"trades": Table(2, {"realised": "1.6", "id": "3"}), "audits": Table(6, {}), "orders": Table(1, {})}
    found = Contents("", "1:cd", tables)

    assert list(HELD.differences(found)) == [
        "the schema is at nothing, not at 0011",
        "the audit chain ends at 1:cd, not at 2:ab",
        "audits has 6 rows, not 7",
        "bars is missing",
        "orders was not there",
        "trades.realised adds up to 1.6, not to 1.5",
    ]


def test_those_beyond_their_time_may_go_oldest_first() -> None:
    names = [name_at(NOON - timedelta(days=days)) for days in (0, 29, 30, 31, 60)]

    assert outdated(names, NOON, timedelta(days=30)) == [names[4], names[3]]


def test_a_part_that_is_not_in_it_is_told() -> None:
    manifest = Manifest(1, "20241120T120000Z", "0.1", "sqlite", "3", HELD, None, (Part("a", 1, "b"),))

    assert manifest.part("a").size == 1
    with pytest.raises(BackupError, match=r"has no letters\.json"):
        manifest.part("letters.json")
