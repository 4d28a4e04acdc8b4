"""The farm as it is: once, or again each second for as long as a page is open."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from app.web.access import Reader
from app.web.models import Status
from app.web.problems import Refusal, answers
from app.web.watch import Full, Watch

router = APIRouter(tags=["farm"])
SILENCE_S = 10.0


def watch_of(request: Request) -> Watch:
    """That of the application."""
    found: Watch = request.app.state.watch
    return found


@router.get("/status", response_model=Status, responses=answers())
async def status(request: Request, visitor: Reader) -> Response:
    """What the farm has done and what it is doing. What is away is told in `problems`."""
    return Response(await watch_of(request).latest(), media_type="application/json")


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A Status as JSON in each `data:`.", "content": {"text/event-stream": {}}},
        **answers(503),
    },
)
async def stream(request: Request, visitor: Reader) -> StreamingResponse:
    """The status again and again, as server-sent events: one each second."""
    heard = watch_of(request).listen()
    try:
        first = asyncio.ensure_future(anext(heard))
        await asyncio.wait({first}, timeout=SILENCE_S)
        if first.done():
            first.result()
    except Full:
        raise Refusal(503, "Too many pages are open.", "Close some.") from None
    return StreamingResponse(_events(heard, first), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _events(heard: AsyncIterator[bytes], first: "asyncio.Future[bytes]") -> AsyncIterator[bytes]:
    """With a word now and then while nothing can be read, so that a listener who is gone is noticed."""
    told = first
    try:
        while True:
            await asyncio.wait({told}, timeout=SILENCE_S)
            if not told.done():
                yield b": nothing yet\n\n"
                continue
            yield b"data: " + told.result() + b"\n\n"
            told = asyncio.ensure_future(anext(heard))
    finally:
        told.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await told
