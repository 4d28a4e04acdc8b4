"""Redis and PostgreSQL behind TLS: a worker's task goes there and back, whom no authority of ours knows does not."""

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from app import wiring
from app.bus import BusError, connect
from app.store import Database, DatabaseError
from tests.fixtures import _trial_tasks as trial
from tests.fixtures._required import program
from tests.fixtures._served import served
from tests.fixtures.databases import QUICK, short_folder, takes_sessions
from tests.fixtures.workers import a_worker, log, outcome, until
from workers.own_postgresql import PostgreSQL
from workers.ports import free_port

YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Signed:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for 127.0.0.1."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._own = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=0))
        self.file = folder / f"{name}.crt"
        self.file.write_bytes(self._own.public_bytes(serialization.Encoding.PEM))

    def signs(self, name: str) -> Signed:
        """For a server on this machine, or for who asks it."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = Signed(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        made.certificate.write_bytes(self._sign(subject, key, here).public_bytes(serialization.Encoding.PEM))
        plain = serialization.NoEncryption()
        made.key.touch(0o600)
        made.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return made

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(subject_name=subject, issuer_name=self._name, public_key=key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - YEAR).not_valid_after(now + YEAR)
        return builder.add_extension(extension, critical=True).sign(self._key, hashes.SHA256())


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ours")


@pytest.fixture
def another(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "another")


@pytest.fixture
def redis_port(ours: Authority, tmp_path: Path) -> Iterator[int]:
    """Of a Redis that speaks TLS alone, and only to whom our authority knows."""
    port, signed = free_port(), ours.signs("redis")
    files = {"cert": signed.certificate, "key": signed.key, "ca-cert": ours.file}
    options = [word for name, path in files.items() for word in (f"--tls-{name}-file", str(path))]
    listening = ["--port", "0", "--bind", "127.0.0.1", "--tls-port", str(port), "--save", "", "--dir", str(tmp_path)]
    command = [program("redis-server", "no Redis that was built with TLS"), *listening, *options]
    with served(command, tmp_path / "redis.log", lambda: _listens(port)):
        yield port


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def redis_tls(ours: Authority, redis_port: int) -> str:
    """Its address, as in docs/security.md."""
    mine = ours.signs("farm")
    options = f"ssl_ca_certs={ours.file}&ssl_certfile={mine.certificate}&ssl_keyfile={mine.key}"
    return f"rediss://127.0.0.1:{redis_port}/0?{options}"


@pytest.fixture
def database_tls(postgresql_installed: None, ours: Authority) -> Iterator[str]:
    """The address of a PostgreSQL that speaks TLS, as in docs/security.md."""
    port, signed = free_port(), ours.signs("database")
    with short_folder() as folder:
        certificate, key = folder / "server.crt", folder / "server.key"
        options = ("listen_addresses=127.0.0.1", f"port={port}", "ssl=on", *QUICK)
        server = PostgreSQL(folder, *options, f"ssl_cert_file={certificate}", f"ssl_key_file={key}")
        server.prepare()
        _lend(signed.certificate, certificate)
        _lend(signed.key, key)
        (folder / "data" / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
        with served(server.command, folder / "server.log", lambda: takes_sessions(folder, port)):
            yield f"postgresql://postgres@127.0.0.1:{port}/cdb?sslmode=verify-full&sslrootcert={ours.file}"


def _lend(path: Path, copy: Path) -> None:
    """The server's user may read it, and nobody else."""
    copy.write_bytes(path.read_bytes())
    copy.chmod(0o600)
    server = copy.parent.stat()
    os.chown(copy, server.st_uid, server.st_gid)


@pytest.fixture
def farm_settings(farm_settings: dict[str, str], redis_tls: str, database_tls: str) -> dict[str, str]:
    return {**farm_settings, "CDB_REDIS_URL": redis_tls, "CDB_DATABASE_URL": database_tls}


@pytest.mark.parametrize("farm_kind", ["postgresql"], indirect=True)
def test_a_task_goes_to_a_worker_and_its_result_to_the_database(celery: Callable[..., Any]) -> None:
    a_worker(celery)
    until(lambda: "ready" in log(), "the worker's start")

    assert outcome(trial.hand.s("W1").apply_async()) == ("SUCCESS", "W1")
    with wiring.database().connecting() as connection:
        assert connection.scalar(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))


def test_a_redis_that_another_authority_has_signed_is_not_believed(redis_tls: str, another: Authority) -> None:
    wrong = redis_tls.replace("ours.crt", "another.crt")

    with connect(wrong, retries=0) as client, pytest.raises(BusError, match="certificate verify failed"):
        client.ping()


def test_a_redis_that_wants_to_know_who_asks_lets_no_stranger_in(redis_tls: str) -> None:
    stranger = redis_tls.partition("&ssl_certfile")[0]

    with connect(stranger, retries=0) as client, pytest.raises(BusError):
        client.ping()


def test_a_database_that_another_authority_has_signed_is_not_believed(database_tls: str, another: Authority) -> None:
    wrong = Database(database_tls.replace("ours.crt", "another.crt"))

    with pytest.raises(DatabaseError) as raised, wrong.connecting():
        pass
    assert "cannot be trusted" in str(raised.value)
    assert "certificate verify failed" in str(raised.value)
    assert "Correct sslmode, sslrootcert" in raised.value.cure
