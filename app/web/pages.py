"""The pages: what they show is fetched by their scripts, so they hold no figure and no secret."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from app.web.access import access_of

HERE = Path(__file__).parent
PAGES = {
    "": ("overview", "Overview"),
    "market": ("market", "Market"),
    "orders": ("orders", "Orders"),
    "trades": ("trades", "Trades"),
    "farm": ("farm", "Farm"),
    "dead-letters": ("letters", "Dead letters"),
}

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(HERE / "templates")


def _page(request: Request, template: str, title: str, place: str, **more: str) -> Response:
    """The page, or the log-in if this browser has no session and needs one."""
    access = access_of(request)
    if access.console.password and access.session(request) is None:
        return templates.TemplateResponse(request, "login.html", {"title": "Log in", "place": ""})
    with_log_out = bool(access.console.password)
    told = {"title": title, "place": place, "pages": PAGES, "with_log_out": with_log_out, **more}
    return templates.TemplateResponse(request, f"{template}.html", told)


def _add(path: str, template: str, title: str) -> None:
    async def page(request: Request) -> Response:
        return _page(request, template, title, path)

    router.add_api_route(f"/{path}", page, methods=["GET"])


for _path, (_template, _title) in PAGES.items():
    _add(_path, _template, _title)


@router.get("/orders/{name}")
async def order(request: Request, name: str) -> Response:
    """The story of one."""
    return _page(request, "order", "Order", "orders")


@router.get("/dead-letters/{name}")
async def letter(request: Request, name: str) -> Response:
    """One dead letter."""
    return _page(request, "letter", "Dead letter", "dead-letters")


@router.get("/login")
async def login(request: Request) -> Response:
    """Where one logs in; whoever is, or need not, is sent on."""
    access = access_of(request)
    if not access.console.password or access.session(request) is not None:
        return RedirectResponse("/", status_code=303)
    return templates.TemplateResponse(request, "login.html", {"title": "Log in", "place": ""})


@router.get("/favicon.ico")
async def icon() -> Response:
    """Browsers ask for it by themselves."""
    return RedirectResponse("/static/icon.svg", status_code=301)
