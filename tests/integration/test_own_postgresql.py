"""A PostgreSQL of one's own: started for real, and what is said where there is none."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from app import wiring
from tests.fixtures.databases import QUICK, running, short_folder
from tests.fixtures.typed import Typed
from tests.unit.cli.test_chaos import own_settings
from workers import own_postgresql
from workers.own_postgresql import PostgreSQL
from workers.supervisor import CannotStart

__all__ = ["own_settings"]  # in the place of a farm: a run that is over


@pytest.mark.usefixtures("postgresql_installed")
async def test_a_server_of_ones_own_takes_connections_and_tells_itself_from_others() -> None:
    with short_folder() as folder:
        server = PostgreSQL(folder, *QUICK, "max_connections=7")
        server.prepare()
        with running(server, folder) as process:
            engine = create_engine(server.url)
            with engine.connect() as connection:
                assert connection.scalar(text("SHOW max_connections")) == "7"
                assert connection.scalar(text("SHOW listen_addresses")) == ""
            engine.dispose()
            ready = server.service().ready
            assert await ready(process.pid)
            assert not await ready(process.pid + 1), "somebody else's process"
        assert not await ready(process.pid), "it is gone"


@pytest.mark.usefixtures("postgresql_installed")
def test_a_folder_that_is_in_use_is_told_in_the_words_of_initdb() -> None:
    with short_folder() as folder:
        PostgreSQL(folder).prepare()

        with pytest.raises(CannotStart, match=r"initdb failed: .* exists but is not empty"):
            PostgreSQL(folder).prepare()


def test_where_it_is_not_installed_the_cure_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_postgresql, "programs", lambda: None)
    monkeypatch.setattr(own_postgresql, "other_user", lambda: None)

    with pytest.raises(CannotStart, match="apt-get install postgresql"):
        PostgreSQL(tmp_path).prepare()


def test_the_programs_on_the_path_go_before_installed_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("initdb", "postgres"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert own_postgresql.programs() == tmp_path


@pytest.mark.usefixtures("postgresql_installed")
def test_a_postgresql_of_its_own_is_there_for_the_run_and_gone_after_it(
    typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp")  # a short path, where another user may read

    ended = typed("chaos", "--for", "40s", "--postgresql")

    assert ended.code == 0
    url = make_url(wiring.settings().database_url)
    assert url.get_backend_name() == "postgresql"
    assert not Path(str(url.query["host"])).exists()
