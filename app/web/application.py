"""The console's application: the API, the pages, and the guard before both."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio.to_thread
from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from app import wiring
from app.web import pages
from app.web.access import Access
from app.web.api import history, letters, live, markets, orders, reruns, session, trades, trading
from app.web.charts import Charts
from app.web.curves import Curves
from app.web.flattening import Flattening
from app.web.guard import Guard
from app.web.models import Health, Status
from app.web.observer import Observer
from app.web.problems import answer_problems, answers
from app.web.watch import Watch

THREADS = 6  # no more than the database has connections for
API = "/api/v1"
ABOUT = """What the farm does and why, and what a person may do about it.

Money is a string of digits in quote currency, times are UTC. Whoever changes something shows a token: programs
`Authorization: Bearer` with `CDB_CONSOLE_TOKEN`, the console's own pages that of their session.
"""

health = APIRouter(tags=["health"])


@health.get("/health", responses=answers())
async def alive() -> Health:
    """Whether this process answers; asks nobody else."""
    return Health(pid=os.getpid())


def application(console: wiring.Console, look: Callable[[], Status] | None = None) -> FastAPI:
    """Everything but the guard; `look` reads the farm."""
    app = FastAPI(
        title="Claire de Binare",
        version=version("claire-de-binare"),
        description=ABOUT,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_life,
    )
    app.state.access = Access(console, lambda: wiring.now().timestamp())
    app.state.watch = Watch(look or Observer().look)
    app.state.charts, app.state.curves, app.state.flattening = Charts(), Curves(), Flattening()
    api = APIRouter(prefix=API)
    for part in (live, history, orders, trades, markets, letters, reruns, trading, session):
        api.include_router(part.router)
    app.include_router(api)
    app.include_router(health)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=pages.HERE / "static"), name="static")
    answer_problems(app)
    return app


def guarded(console: wiring.Console) -> Guard:
    """What the server serves."""
    return Guard(application(console), console.hosts)


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    watching = asyncio.create_task(app.state.watch.run())
    yield
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
