"""Logging in and out."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.web.access import Changer, access_of
from app.web.models import SessionSeen
from app.web.problems import Refusal, answers

log = structlog.get_logger()

router = APIRouter(prefix="/session", tags=["session"])


class LogIn(BaseModel):
    """What a person knows."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    password: Annotated[SecretStr, Field(max_length=1000, description="CDB_CONSOLE_PASSWORD")]


@router.get("", responses=answers())
async def session(request: Request, response: Response) -> SessionSeen:
    """Whether this browser is logged in, and the token of its requests. Begins a session if no password is set."""
    access = access_of(request)
    found = access.session(request)
    needed = bool(access.console.password)
    if found is None and not needed:
        found = access.begin(response, logged_in=False)
    token = None if found is None else access.sessions.token(found)
    return SessionSeen(password_needed=needed, logged_in=found is not None, token=token)


@router.post("", responses=answers(422, 429))
async def log_in(given: LogIn, request: Request, response: Response) -> SessionSeen:
    """Begin a session with the password."""
    access = access_of(request)
    address = request.client.host if request.client else ""
    if not access.logs_in(given.password.get_secret_value(), address):
        log.warning("log-in failed", address=address)
        raise Refusal(401, "That is not the password.", "It is CDB_CONSOLE_PASSWORD of this farm.")
    log.info("logged in", address=address)
    begun = access.begin(response, logged_in=True)
    return SessionSeen(password_needed=True, logged_in=True, token=access.sessions.token(begun))


@router.delete("", status_code=204, responses=answers())
async def log_out(request: Request, response: Response, visitor: Changer) -> None:
    """End this browser's session."""
    if visitor.session is not None:
        access_of(request).end(response, visitor.session)
