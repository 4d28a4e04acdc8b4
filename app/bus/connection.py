"""Connections to Redis that give up in time, and the Lua scripts that run there."""

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

T = TypeVar("T")
BusError = redis.RedisError  # what everything in this folder may raise


def connect(url: str, *, timeout_s: float = 5.0, retries: int = 1) -> "redis.Redis":
    """A client for `redis://`, `rediss://`, `unix://` or Celery's `redis+socket://`; nothing in it waits for ever."""
    plain = plain_url(url)
    over_tcp: dict[str, Any] = {} if plain.startswith("unix:") else {"socket_keepalive": True}
    return redis.Redis.from_url(
        plain,
        socket_timeout=timeout_s,
        socket_connect_timeout=min(timeout_s, 2.0),
        health_check_interval=10,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries),
        **over_tcp,
    )


def plain_url(url: str) -> str:
    """What redis-py understands: `redis+socket:///path?virtual_host=1` is `unix:///path?db=1` there."""
    if not url.startswith("redis+socket://"):
        return url
    parts = urlsplit(url)
    options = {"db" if name == "virtual_host" else name: value for name, value in parse_qsl(parts.query)}
    return f"unix://{parts.path}" + (f"?{urlencode(options)}" if options else "")


class Script:
    """A Lua file of this folder, called by its hash and loaded again when the server has forgotten it."""

    def __init__(self, client: "redis.Redis", name: str) -> None:
        self._client = client
        self._text = (files("app.bus") / f"{name}.lua").read_text()
        self._sha = ""

    def __call__(self, keys: Sequence[str], *values: Any) -> Any:
        return self._known(lambda sha: self._client.evalsha(sha, len(keys), *keys, *values))

    def each(self, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Several calls in one round trip; raises the first error."""
        if len(calls) == 1:  # a pipeline costs half as much again
            return [self(calls[0][0], *calls[0][1])]
        return self._known(lambda sha: self._together(sha, calls))

    def _together(self, sha: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        with self._client.pipeline(transaction=False) as pipe:
            for keys, values in calls:
                pipe.evalsha(sha, len(keys), *keys, *values)
            return pipe.execute()

    def _known(self, run: Callable[[str], T]) -> T:
        """By its hash, which the server is taught when it does not know it."""
        try:
            return run(self._sha or self._load())
        except NoScriptError:
            return run(self._load())

    def _load(self) -> str:
        self._sha = self._client.script_load(self._text)
        return self._sha
