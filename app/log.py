"""Logs: one JSON line per event, or colours in a terminal, with the correlation id and without secrets."""

import logging
import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "***"
SECRET_NAMES = frozenset(
    {"apikey", "secret", "apisecret", "signature", "password", "token", "listenkey", "xmexcapikey"}
)
IN_TEXT = re.compile(
    r"((?:api_?key|api_?secret|secret|signature|password|token|listenkey|x-mexc-apikey)"
    r"[\"']?\s*[=:]\s*[\"']?)([^\s\"'&,;}\]]+)"
    r"|(://[^/\s:@]*:)([^@\s/]+)(?=@)",
    re.IGNORECASE,
)
NOISY = ("urllib3", "asyncio", "kombu", "amqp", "tornado.access", "alembic")


_learned: set[str] = set()


def learn(*secrets: str) -> None:
    """What became a secret after the logs were configured."""
    _learned.update(one for one in secrets if one)


class Scrub:
    """Replaces what is secret by its name, its look, or because it is one of `known`."""

    def __init__(self, known: Sequence[str] = ()) -> None:
        self._known = tuple(sorted((value for value in known if value), key=len, reverse=True))

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {name: self._clean(name, value) for name, value in event.items()}

    def text(self, text: str) -> str:
        """A text without secrets."""
        for value in (*self._known, *sorted(_learned, key=len, reverse=True)):
            text = text.replace(value, HIDDEN)
        return IN_TEXT.sub(lambda found: f"{found[1] or found[3]}{HIDDEN}", text)

    def _clean(self, name: str, value: Any) -> Any:
        if re.sub(r"[^a-z]", "", name.lower()) in SECRET_NAMES and value:
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._clean(str(key), one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean("", one) for one in value]
        return value if value is None or isinstance(value, bool | int | float) else self.text(str(value))


def configure(
    *,
    level: str = "info",
    form: str = "auto",
    secrets: Sequence[str] = (),
    stream: TextIO | None = None,
    **fields: str,
) -> None:
    """Send structlog's and the standard library's logs to one stream; `fields` stand on every line."""
    out = stream or sys.stderr
    pretty = form == "pretty" or (form == "auto" and out.isatty())
    shared = _shared(fields)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(pretty, Scrub(secrets))],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _shared(fields: dict[str, str]) -> list[Processor]:
    def everywhere(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {**fields, **event}

    return [
        structlog.contextvars.merge_contextvars,
        everywhere,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.UnicodeDecoder(),
    ]


def _ending(pretty: bool, scrub: Scrub) -> list[Processor]:
    if pretty:
        return [structlog.processors.format_exc_info, scrub, structlog.dev.ConsoleRenderer()]
    return [structlog.processors.format_exc_info, scrub, structlog.processors.JSONRenderer(ensure_ascii=False)]
