"""The folder of backups: whole or not there, damage found, old ones gone, one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.backups.parts import read_part, write_part, writing
from app.backups.shelf import Shelf
from app.domain.backups import FORMAT, BackupError, Contents, Manifest, name_at

NOON = datetime(2024, 11, 20, 12, 0, 0, tzinfo=UTC)
NAME = name_at(NOON)
MONTH = timedelta(days=30)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "backups")


def kept(shelf: Shelf, at: datetime = NOON, data: bytes = b"books") -> Path:
    """A backup that was begun then."""
    with shelf.alone(), shelf.new(at) as folder:
        part = write_part(folder, "database", shelf.key, data)
        manifest = Manifest(FORMAT, name_at(at), "0.1", "sqlite", "3", Contents("", "", {}), None, (part.part,))
        shelf.seal(folder, manifest, [part])
    return shelf.folder / name_at(at)


def full() -> None:
    raise OSError(28, "No space left on device")


def mistaken(folder: Path) -> None:
    """Half of a backup, and a mistake."""
    write_part(folder, "database", "", b"half")
    raise ZeroDivisionError


@contextmanager
def refused(told: str) -> Iterator[None]:
    with pytest.raises(BackupError, match=told):
        yield


def names(shelf: Shelf) -> list[str]:
    return [one.name for one in shelf.all()]


def test_what_was_kept_can_be_read(shelf: Shelf) -> None:
    folder = kept(shelf)

    shelf.check(folder)
    [part] = shelf.manifest(folder).parts
    assert b"".join(read_part(folder, part, "")) == b"books"
    assert [(one.name, one.begun_at, one.encrypted) for one in shelf.all()] == [(NAME, NOON, False)]


def test_only_its_owner_reads_it(shelf: Shelf) -> None:
    folder = kept(shelf)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_with_a_key_nothing_of_it_can_be_read(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "correct horse battery")
    folder = kept(shelf)

    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", "database.age", "manifest.json.age"]
    assert not [path for path in folder.iterdir() if b"books" in path.read_bytes() or b"sqlite" in path.read_bytes()]
    assert [one.encrypted for one in shelf.all()] == [True]
    with refused("is encrypted. Set CDB_BACKUP_KEY"):
        Shelf(tmp_path).manifest(folder)


def test_an_error_leaves_nothing(shelf: Shelf) -> None:
    with pytest.raises(ZeroDivisionError), shelf.alone(), shelf.new(NOON) as folder:
        mistaken(folder)

    assert [path.name for path in shelf.folder.iterdir()] == [".lock"]


def test_a_full_disk_is_a_sentence_and_leaves_nothing(shelf: Shelf) -> None:
    with refused("could not be written to .*: No space left on device. Make room"), shelf.alone(), shelf.new(NOON):
        full()

    assert [path.name for path in shelf.folder.iterdir()] == [".lock"]


def test_what_a_killed_process_left_is_no_backup_and_goes(shelf: Shelf) -> None:
    left = kept(shelf)
    left.rename(shelf.folder / f".{NAME}.partial")

    assert names(shelf) == []
    kept(shelf, NOON + timedelta(seconds=1))

    assert sorted(path.name for path in shelf.folder.iterdir()) == [".lock", "20241120T120001Z"]


def test_a_part_that_is_not_finished_is_closed(tmp_path: Path) -> None:
    with pytest.raises(TypeError), writing(tmp_path, "database", "") as part:
        part.write("no bytes")  # type: ignore[arg-type]

    assert (tmp_path / "database").exists()


def test_one_at_a_time(shelf: Shelf) -> None:
    with shelf.alone(), refused("Another backup or restore is at work"), shelf.alone():
        pass


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with refused("cannot be used: .* set CDB_BACKUP_DIR"), Shelf(tmp_path / "file" / "backups").alone():
        pass


def test_two_of_one_second_are_not_mixed(shelf: Shelf) -> None:
    kept(shelf)

    with refused("is there already"):
        kept(shelf)


def test_a_changed_part_is_named(shelf: Shelf) -> None:
    folder = kept(shelf)
    (folder / "database").write_bytes(b"bookz")

    with refused(f"The backup {NAME} is damaged: database was changed or cut off"):
        shelf.check(folder)


def test_a_missing_part_is_named(shelf: Shelf) -> None:
    folder = kept(shelf)
    (folder / "database").unlink()

    with refused("is not whole: database is missing"):
        shelf.check(folder)


def test_an_added_file_is_named(shelf: Shelf) -> None:
    folder = kept(shelf)
    (folder / "letters.json").touch()

    with refused("there is letters.json, of which it does not know"):
        shelf.check(folder)


@pytest.mark.parametrize("text", ["nonsense\n", "0" * 64 + "  ../database\n"])
def test_sums_that_were_changed_are_told(shelf: Shelf, text: str) -> None:
    folder = kept(shelf)
    (folder / "SHA256SUMS").write_text(text)

    with refused("SHA256SUMS was changed"):
        shelf.check(folder)


def test_sums_that_are_missing_are_told(shelf: Shelf) -> None:
    folder = kept(shelf)
    (folder / "SHA256SUMS").unlink()

    with refused("cannot be read: .*SHA256SUMS"):
        shelf.check(folder)


def test_sums_that_were_made_anew_do_not_hide_a_changed_part(shelf: Shelf) -> None:
    folder = kept(shelf)
    (folder / "database").write_bytes(b"bookz")
    [part] = shelf.manifest(folder).parts

    with refused("database is not what the manifest says"):
        list(read_part(folder, part, ""))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1}'])
def test_a_manifest_that_is_none_is_told(shelf: Shelf, text: str) -> None:
    folder = kept(shelf)
    (folder / "manifest.json").write_text(text)

    with refused("The manifest of .* cannot be read"):
        shelf.manifest(folder)


def test_a_missing_manifest_is_told(shelf: Shelf) -> None:
    folder = kept(shelf)
    (folder / "manifest.json").unlink()

    with refused("has no manifest"):
        shelf.manifest(folder)


def test_what_newer_code_made_is_not_guessed_at(shelf: Shelf) -> None:
    folder = kept(shelf)
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"format": 1', '"format": 2'))

    with refused("was made by 0.1, which is newer. Update the code"):
        shelf.manifest(folder)


def test_a_backup_under_another_name_is_told(shelf: Shelf) -> None:
    folder = kept(shelf).rename(shelf.folder / "20251120T120000Z")

    with refused("was made as 20241120T120000Z"):
        shelf.manifest(folder)


def test_the_newest_is_meant_if_none_is_named(shelf: Shelf) -> None:
    with refused("There is no backup in .* Make one: cdb backup"):
        shelf.path()
    kept(shelf)
    newest = kept(shelf, NOON + timedelta(days=1))

    assert shelf.path() == newest
    assert shelf.path(NAME).name == NAME
    with refused("There is no backup yesterday"):
        shelf.path("yesterday")


def test_old_ones_go(shelf: Shelf) -> None:
    for days in (0, 29, 31, 40):
        kept(shelf, NOON - timedelta(days=days))

    gone = shelf.forget_old(NOON, MONTH)

    assert gone == [name_at(NOON - timedelta(days=days)) for days in (40, 31)]
    assert names(shelf) == [name_at(NOON - timedelta(days=days)) for days in (29, 0)]


def test_the_only_good_one_stays_however_old(shelf: Shelf) -> None:
    good, worse = kept(shelf, NOON - timedelta(days=90)), kept(shelf, NOON - timedelta(days=80))
    damaged = kept(shelf, NOON)
    for folder in (worse, damaged):
        (folder / "database").write_bytes(b"")

    assert shelf.forget_old(NOON, MONTH) == [worse.name]
    assert names(shelf) == [good.name, damaged.name]


def test_where_none_is_good_none_goes(shelf: Shelf) -> None:
    folder = kept(shelf, NOON - timedelta(days=90))
    (folder / "database").unlink()

    assert shelf.forget_old(NOON, MONTH) == []


def test_what_cannot_be_removed_is_told(shelf: Shelf) -> None:
    old = kept(shelf, NOON - timedelta(days=90))
    kept(shelf)
    (shelf.folder / f".{old.name}.partial").write_text("in the way of its removal")

    with refused(f"{NAME} is there, but the old backup {old.name} could not be removed: .* Remove it by hand"):
        shelf.forget_old(NOON, MONTH)


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    (tmp_path / "there").mkdir()
    for name in (NAME, "other"):
        (tmp_path / "there" / name).symlink_to(tmp_path / "there" / name)
    loop.symlink_to(tmp_path / "there")

    with refused(f"The folder {loop} cannot be read: .* Be the user that makes them"):
        Shelf(loop).all()


def test_what_is_no_folder_is_no_backup(shelf: Shelf) -> None:
    folder = kept(shelf)
    (shelf.folder / "20251120T120000Z").touch()

    assert names(shelf) == [folder.name]
