"""Where the console and Flower listen, and whom they let in."""

from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address

from app.settings import SettingsError
from app.wiring._settings import settings

LEAST_PASSWORD, LEAST_TOKEN = 12, 24
CURE = "or set CDB_CONSOLE_HOST=127.0.0.1, or CDB_CONSOLE_PORT=0 for none"


@dataclass(frozen=True, slots=True)
class Console:
    """An empty password asks nobody, an empty token lets no program change anything; both only on loopback.

    `hosts` are the names that it is reached by, besides localhost and IP addresses.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    hosts: tuple[str, ...] = ()
    https: bool = False
    session_s: float = 43200

    @property
    def url(self) -> str:
        """Where a person on this machine opens it."""
        return _url(self.host, self.port)


@dataclass(frozen=True, slots=True)
class Flower:
    """Where Flower listens. Without a password, which only loopback allows, it shows everything and steers nothing."""

    host: str
    port: int
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """Where a person on this machine opens it."""
        return _url(self.host, self.port)


@cache
def flower() -> Flower:
    """As the settings want it; SettingsError if others could come in."""
    chosen = settings()
    made = Flower(chosen.flower_host, chosen.flower_port, chosen.flower_password.get_secret_value())
    if made.port and not _is_loopback(made.host) and len(made.password) < LEAST_PASSWORD:
        wrong = "is not set" if not made.password else f"is shorter than {LEAST_PASSWORD} characters"
        told = f"CDB_FLOWER_HOST={made.host} lets other machines in, but CDB_FLOWER_PASSWORD {wrong}"
        raise SettingsError([f"{told}. Set it, or set CDB_FLOWER_HOST=127.0.0.1, or CDB_FLOWER_PORT=0 for none"])
    return made


@cache
def console() -> Console:
    """As the settings want it; SettingsError if others could come in."""
    chosen = settings()
    made = Console(
        host=chosen.console_host,
        port=chosen.console_port,
        password=chosen.console_password.get_secret_value(),
        token=chosen.console_token.get_secret_value(),
        hosts=tuple(name.lower() for name in chosen.console_hosts),
        https=chosen.console_https,
        session_s=chosen.console_session_s,
    )
    if made.port and not _is_loopback(made.host):
        _refuse_the_open(made)
    return made


def _url(host: str, port: int) -> str:
    here = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, which may be anywhere
        return False


def _refuse_the_open(made: Console) -> None:
    weak = [
        f"CDB_CONSOLE_{name} is {'not set' if not value else f'shorter than {least} characters'}"
        for name, value, least in (
            ("PASSWORD", made.password, LEAST_PASSWORD),
            ("TOKEN", made.token, LEAST_TOKEN),
        )
        if len(value) < least
    ]
    if weak:
        told = " and ".join(weak)
        raise SettingsError([f"CDB_CONSOLE_HOST={made.host} lets other machines in, but {told}. Set both, {CURE}"])
