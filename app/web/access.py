"""Whom the console lets in: people by their session, programs by the token."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.web.attempts import Attempts
from app.web.problems import Refusal
from app.web.sessions import Session, Sessions, same, signing_key
from app.wiring import Console

BEARER = HTTPBearer(auto_error=False, description="CDB_CONSOLE_TOKEN")
TOKEN_HEADER = "X-CSRF-Token"
LOG_IN = "Log in, or send the header Authorization: Bearer with CDB_CONSOLE_TOKEN."
NO_TOKEN = "Set CDB_CONSOLE_TOKEN and send it as a bearer token, or use the console's pages or `cdb` itself."


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: a program that has shown the token, a browser with a session, or somebody of whom nothing is known."""

    is_program: bool = False
    session: Session | None = None


class Access:
    """What it takes to read and to change something."""

    def __init__(self, console: Console, now_s: Callable[[], float]) -> None:
        self.console = console
        self.sessions = Sessions(signing_key(console.password), console.session_s)
        self.attempts = Attempts()
        self._now_s = now_s

    @property
    def cookie(self) -> str:
        """Its name: browsers do not tell ports apart, and two farms on one machine are two consoles."""
        return "__Host-cdb_session" if self.console.https else f"cdb_session_{self.console.port}"

    def visitor(self, request: Request, bearer: HTTPAuthorizationCredentials | None) -> Visitor:
        """Who asks; Refusal if the token is wrong."""
        if bearer is not None:
            if self.console.token and same(bearer.credentials, self.console.token):
                return Visitor(is_program=True)
            raise Refusal(401, "The token is wrong.", NO_TOKEN, {"WWW-Authenticate": "Bearer"})
        return Visitor(session=self.session(request))

    def session(self, request: Request) -> Session | None:
        """The browser's session, if it has one that counts."""
        found = self.sessions.read(request.cookies.get(self.cookie, ""), self._now_s())
        return None if found is None or (self.console.password and not found.logged_in) else found

    def begin(self, response: Response, *, logged_in: bool) -> Session:
        """Give the browser a session."""
        cookie = self.sessions.begin(self._now_s(), logged_in=logged_in)
        self._set(response, cookie, int(self.console.session_s))
        session = self.sessions.read(cookie, self._now_s())
        assert session is not None
        return session

    def end(self, response: Response, session: Session) -> None:
        """And take it away."""
        self.sessions.end(session, self._now_s())
        self._set(response, "", 0)

    def _set(self, response: Response, value: str, max_age_s: int) -> None:
        response.set_cookie(
            self.cookie, value, max_age=max_age_s, httponly=True, samesite="strict", secure=self.console.https
        )

    def logs_in(self, password: str, address: str) -> bool:
        """Whether the password is right; Refusal if this address has to wait."""
        at_s = time.monotonic()
        wait_s = self.attempts.wait_s(address, at_s)
        if wait_s > 0:
            told = f"Too many wrong passwords; wait {wait_s:.0f} s."
            raise Refusal(429, told, "Wait, and try again.", {"Retry-After": str(int(wait_s) + 1)})
        if self.console.password and same(password, self.console.password):
            self.attempts.succeeded(address)
            return True
        self.attempts.failed(address, at_s)
        return False


def access_of(request: Request) -> Access:
    """That of the application."""
    found: Access = request.app.state.access
    return found


# What lets somebody in waits for nothing: as coroutines they cost no change of threads.
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]


async def may_read(request: Request, bearer: Bearer) -> Visitor:
    """Whoever is let in, and everybody where neither a password nor a token is set; Refusal otherwise."""
    access = access_of(request)
    visitor = access.visitor(request, bearer)
    is_open = not access.console.password and not access.console.token
    if is_open or visitor.is_program or visitor.session is not None:
        return visitor
    raise Refusal(401, "Nobody is logged in.", LOG_IN, {"WWW-Authenticate": "Bearer"})


async def may_change(request: Request, bearer: Bearer) -> Visitor:
    """A program with the token, or a page of ours that shows its session's token; Refusal otherwise."""
    access = access_of(request)
    visitor = access.visitor(request, bearer)
    if visitor.is_program:
        return visitor
    if visitor.session is None:
        raise Refusal(401, "Nobody is logged in.", NO_TOKEN, {"WWW-Authenticate": "Bearer"})
    if not same(request.headers.get(TOKEN_HEADER, ""), access.sessions.token(visitor.session)):
        raise Refusal(403, f"The header {TOKEN_HEADER} is missing or old.", "Load the page again.")
    return visitor


Reader = Annotated[Visitor, Depends(may_read)]
Changer = Annotated[Visitor, Depends(may_change)]
