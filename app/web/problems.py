"""What the API says when it cannot do what was asked: one shape, a sentence and its cure, and never a secret."""

import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from app import wiring
from app.domain.errors import Missing, NotOpenYet, VenueError
from app.store import DatabaseError
from app.trading_state import IsStricter

NAMED = re.compile(r"\{[^}]+\}")  # a part of a path
DOCTOR = "`cdb doctor` tells what is wrong, and the cure."


class Problem(BaseModel):
    """What went wrong, and what to do about it."""

    error: str = Field(description="A sentence for people.")
    cure: str = Field(description="What to do about it; may be empty.")


class Refusal(Exception):
    """Answered with this status."""

    def __init__(self, status: int, error: str, cure: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.cure, self.headers = status, error, cure, headers


ANSWERS = {
    401: "Nobody is logged in, or the token is wrong.",
    403: "The request is from another web page, or its token is missing.",
    404: "There is none of that name.",
    409: "It cannot be done as things stand.",
    413: "The body is too large.",
    421: "The Host header is none of the console's names.",
    422: "A value is wrong; the sentence says which.",
    429: "Too many attempts; Retry-After says how long to wait.",
    502: "The venue did not do what was asked.",
    503: "The database or Redis cannot be used just now.",
}


def answers(*statuses: int) -> dict[int | str, dict[str, object]]:
    """The errors of a route, for its description."""
    return {status: {"model": Problem, "description": ANSWERS[status]} for status in (401, 403, 421, *statuses)}


def told(status: int, error: str, cure: str = "", headers: dict[str, str] | None = None) -> Response:
    """The answer."""
    body = Problem(error=wiring.without_secrets(error), cure=cure)
    return JSONResponse(body.model_dump(), status_code=status, headers=headers)


def understood(error: Exception) -> tuple[int, str, str] | None:
    """The status, the sentence and the cure of what is expected to go wrong; None for anything else."""
    if isinstance(error, NotOpenYet):
        return 409, f"{error}.", "Wait until the farm has opened it."
    if isinstance(error, IsStricter):
        return 409, f"{error}.", "Resume first."
    if isinstance(error, Missing):
        return 404, str(error), ""
    if isinstance(error, DatabaseError):
        return 503, str(error).removesuffix(error.cure).strip(), error.cure
    if isinstance(error, SQLAlchemyError):
        return 503, "The database cannot be used.", DOCTOR
    if isinstance(error, RedisError):
        return 503, f"Redis cannot be used: {error}", DOCTOR
    if isinstance(error, VenueError):
        return 502, f"The venue cannot be used: {error}", DOCTOR
    return None


EXPECTED = (NotOpenYet, IsStricter, Missing, DatabaseError, SQLAlchemyError, RedisError, VenueError)


def _expected(request: Request, error: Exception) -> Response:
    found = understood(error)
    assert found is not None
    return told(*found)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return told(error.status, error.error, error.cure, error.headers)


def _invalid(request: Request, error: Exception) -> Response:
    """Names what is wrong, and does not say the value again: it may be a secret in the wrong place."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    return told(422, "; ".join(wrong), "See /api/v1/openapi.json for what is taken.")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:  # a body that is no JSON
        return told(422, f"{error.detail.rstrip('.')}.", "Send JSON.")
    headers = dict(error.headers) if error.headers else {}
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return told(error.status_code, f"{error.detail}.", "", headers)


def _methods(request: Request) -> list[str]:
    """Those of all routes of the path: the framework tells those of the first."""
    paths: dict[str, Any] = request.app.openapi()["paths"]
    path = request.url.path
    fitting = [of for template, of in paths.items() if re.fullmatch(NAMED.sub("[^/]+", template), path)]
    return sorted(method.upper() for method in paths.get(path) or next(iter(fitting), {"get": None}))


def _unexpected(request: Request, error: Exception) -> Response:
    """The server logs it, with its traceback."""
    return told(500, "The console failed.", "Its log, console.log in CDB_DATA_DIR/logs, says why.")


def answer_problems(app: FastAPI) -> None:
    """Every error of the application gets this shape."""
    for kind in EXPECTED:
        app.add_exception_handler(kind, _expected)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
