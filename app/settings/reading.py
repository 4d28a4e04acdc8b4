"""Reads the settings from where they are, and refuses what it does not know."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pydantic_settings
from dotenv import dotenv_values
from pydantic import ValidationError

from app.settings import Settings
from app.settings.errors import SettingsError, problems, unknown

PREFIX = "CDB_"
LOCATORS = {
    "CDB_CONFIG": "path of cdb.toml, for what is per symbol, strategy or rule",
    "CDB_SECRETS_DIR": "folder with a file per secret, such as cdb_api_key",
    "CDB_ENV_FILE": "another file to read in place of .env; /dev/null: none, as for the two above",
}
NOTHING = os.devnull
FOR_TESTS = "CDB_TEST_"
DOCKER_SECRETS = Path("/run/secrets")
MEANT = {"CDB_SYMBOL": "CDB_SYMBOLS", "CDB_STRATEGY": "CDB_STRATEGIES"}  # lists whose names are nearly those of tables
TABLES = {name for name, field in Settings.model_fields.items() if str(field.annotation).startswith("dict")}


def load() -> Settings:
    """The settings of this process; raises SettingsError that lists all that is wrong."""
    env_file = _env_file()
    dotenv = {name.upper(): value or "" for name, value in dotenv_values(env_file).items()} if env_file else {}
    located = {name: os.environ.get(name) or dotenv.get(name) for name in LOCATORS}
    secrets_dir = _folder(located["CDB_SECRETS_DIR"])
    table = _toml(located["CDB_CONFIG"])
    sources = {
        "cdb.toml": table,
        "secrets": dict.fromkeys(_secret_names(secrets_dir)),
        ".env": _ours(dotenv),
        "environment": _ours(os.environ),
    }
    strangers = [problem for where, names in sources.items() for problem in _strangers(names, where)]
    origins = {_field(name): where for where, names in sources.items() for name in names}
    try:
        settings = Settings(_env_file=env_file, _secrets_dir=secrets_dir, **table)
    except ValidationError as error:
        raise SettingsError([*strangers, *problems(error, Settings.model_fields, origins)]) from None
    except pydantic_settings.SettingsError as error:
        raise SettingsError([*strangers, _unparsed(str(error))]) from None
    if strangers:
        raise SettingsError(strangers)
    return settings


def _unparsed(message: str) -> str:
    quoted = re.search(r'"(\w+)"', message)
    name = PREFIX + quoted[1].upper() if quoted else "a table"
    cure = f"write {name}__<NAME>__<PARAMETER>=value for each, or use cdb.toml"
    meant = MEANT.get(name)
    return f"{name} is no JSON: {f'did you mean {meant}? else ' if meant else ''}{cure}"


def _env_file() -> Path | None:
    given = os.environ.get("CDB_ENV_FILE")
    if given == NOTHING:
        return None
    path = Path(given or ".env")
    if given and not path.exists():
        raise SettingsError([f"CDB_ENV_FILE={given}: there is no such file; name one, or unset it"])
    return path if path.is_file() else None


def _folder(given: str | None) -> Path | None:
    if given == NOTHING:
        return None
    path = Path(given) if given else DOCKER_SECRETS
    if given and not path.is_dir():
        raise SettingsError([f"CDB_SECRETS_DIR={given}: there is no such folder; name one, or unset it"])
    return path if path.is_dir() else None


def _secret_names(folder: Path | None) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.upper().startswith(PREFIX)] if folder else []


def _toml(given: str | None) -> dict[str, Any]:
    if given == NOTHING:
        return {}
    path = Path(given or "cdb.toml")
    if given and not path.is_file():
        raise SettingsError([f"CDB_CONFIG={given}: there is no such file; name one, or unset it"])
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path} is not TOML: {error}; see https://toml.io"]) from None


def _ours(names: Mapping[str, str]) -> dict[str, str]:
    ours = {name.upper(): value for name, value in names.items() if name.upper().startswith(PREFIX)}
    return {name: value for name, value in ours.items() if name not in LOCATORS and not name.startswith(FOR_TESTS)}


def _field(name: str) -> str:
    return name.lower().removeprefix(PREFIX.lower()).split("__")[0]


def _strangers(names: Mapping[str, Any], where: str) -> Iterator[str]:
    as_written = str.lower if where == "cdb.toml" else lambda field: PREFIX + field.upper()
    known = [as_written(field) for field in Settings.model_fields]
    for name in names:
        field = name if where == "cdb.toml" else _field(name)
        if field not in Settings.model_fields or ("__" in name and field not in TABLES):
            yield unknown(name, known, where)
