"""The venue on HTTP: which path is which endpoint, what it weighs, and the faults that come between."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import structlog
from aiohttp import web

from app.simulator.control import Control, wanted_of
from app.simulator.errors import Refusal
from app.simulator.faults import Fault
from app.simulator.rest_private import Private
from app.simulator.rest_public import Public
from app.simulator.signing import Params, params_of, verify
from app.simulator.stream import Hub
from app.simulator.venue import Venue
from app.simulator.weights import Weights

log = structlog.get_logger()

CREATE = ("POST", "/api/v3/order")
CUT = ("connection_dropped",)
CUT_CREATE = ("connection_dropped", "create_lost")
INSTEAD = ("rate_limited", "banned", "forbidden_html", "internal_error", "gateway_timeout", "unavailable_html")
HTML = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center></body></html>"


class Route(NamedTuple):
    """One endpoint."""

    call: Callable[[Params], Awaitable[object]]
    weight: int = 1
    signed: bool = False
    weight_of_all: int = 0


def routes(public: Public, private: Private) -> dict[tuple[str, str], Route]:
    """Every endpoint of MEXC's that the venue has."""
    signed = {
        ("POST", "order"): (private.place, 1),
        ("POST", "order/test"): (private.try_out, 1),
        ("DELETE", "order"): (private.cancel, 1),
        ("GET", "order"): (private.order, 2),
        ("GET", "openOrders"): (private.open_orders, 3),
        ("DELETE", "openOrders"): (private.cancel_all, 1),
        ("GET", "allOrders"): (private.all_orders, 10),
        ("GET", "myTrades"): (private.my_trades, 10),
        ("GET", "account"): (private.account, 10),
        ("GET", "capital/config/getall"): (private.currencies, 10),
        ("POST", "userDataStream"): (private.listen, 1),
        ("GET", "userDataStream"): (private.listen_keys, 1),
        ("PUT", "userDataStream"): (private.keep_listening, 1),
        ("DELETE", "userDataStream"): (private.stop_listening, 1),
    }
    open_to_all = {
        "ping": Route(public.ping),
        "time": Route(public.time),
        "defaultSymbols": Route(public.default_symbols),
        "exchangeInfo": Route(public.exchange_info, 10),
        "depth": Route(public.depth),
        "trades": Route(public.trades, 5),
        "aggTrades": Route(public.agg_trades),
        "klines": Route(public.klines),
        "avgPrice": Route(public.average_price),
        "ticker/24hr": Route(public.ticker_24hr, 1, weight_of_all=40),
        "ticker/price": Route(public.ticker_price, 1, weight_of_all=2),
        "ticker/bookTicker": Route(public.book_ticker),
    }
    return {
        **{("GET", f"/api/v3/{path}"): route for path, route in open_to_all.items()},
        **{(how, f"/api/v3/{path}"): Route(call, weight, True) for (how, path), (call, weight) in signed.items()},
        ("GET", "/api/v1/contract/detail"): Route(public.contracts),
    }


class Server:
    """Answers every request that is not a websocket."""

    def __init__(self, venue: Venue, public: Public, private: Private, control: Control) -> None:
        self._venue = venue
        self._routes = routes(public, private)
        self._control = {
            ("GET", "/sim/status"): control.status,
            ("POST", "/sim/play"): control.play,
            ("POST", "/sim/pace"): control.pace,
            ("POST", "/sim/skip"): control.skip,
            ("POST", "/sim/keys"): control.keys,
            ("POST", "/sim/tick"): control.tick,
            ("GET", "/sim/faults"): control.faults,
            ("POST", "/sim/faults"): control.fail,
            ("DELETE", "/sim/faults"): control.heal,
        }
        terms = venue.terms
        self._weights = Weights(terms.weight_limit, terms.weight_window_s, terms.patience, terms.ban_s)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request; a refusal is answered as MEXC does."""
        try:
            if request.path.startswith("/sim/"):
                return _json(await self._told(request))
            return await self._asked(request)
        except Refusal as refusal:
            headers = {} if refusal.retry_after_s is None else {"Retry-After": str(refusal.retry_after_s)}
            return _json(refusal.body, refusal.status, headers)

    async def _told(self, request: web.Request) -> object:
        call = self._control.get((request.method, request.path))
        if call is None:
            raise Refusal(404, f"there is no {request.method} {request.path}", 404)
        return await call(wanted_of(await request.read()))

    async def _asked(self, request: web.Request) -> web.StreamResponse:
        route = self._routes.get((request.method, request.path))
        if route is None:
            raise Refusal(404, f"there is no {request.method} {request.path}", 404)
        creates = (request.method, request.path) == CREATE
        if self._strikes(request, CUT_CREATE if creates else CUT):
            return _cut(request)
        fault = self._strikes(request, INSTEAD, lambda one: not one.parameters.get("after"))
        if fault is not None:
            return _instead(fault)
        late = self._strikes(request, ("create_delayed",)) if creates else None
        if late is not None:
            await asyncio.sleep(late.delay_s)
        answered = _json(await self._judged(request, route))
        return await self._troubled(request, answered, creates=creates)

    async def _judged(self, request: web.Request, route: Route) -> object:
        query, body = request.raw_path.partition("?")[2], (await request.read()).decode(errors="replace")
        params = params_of(query, body)
        key = request.headers.get("X-MEXC-APIKEY")
        weight = route.weight if params.get("symbol") else route.weight_of_all or route.weight
        self._count(key if route.signed and key else request.remote or "?", request, weight)
        if route.signed:
            terms = self._venue.terms
            verify(key, query, body, params, (terms.api_key, terms.api_secret), self._venue.time_ms())
        return await route.call(params)

    def _count(self, caller: str, request: web.Request, weight: int) -> None:
        try:
            self._weights.count(caller, f"{request.method} {request.path}", weight, self._venue.clock.real())
        except Refusal as refusal:
            self._venue.limited[refusal.status] += 1
            raise

    async def _troubled(self, request: web.Request, answered: web.Response, *, creates: bool) -> web.Response:
        """The answer, or what a fault makes of it after the request took effect."""
        fault = self._strikes(request, INSTEAD, lambda one: bool(one.parameters.get("after")))
        if fault is not None:
            return _instead(fault)
        if creates and self._strikes(request, ("create_reply_dropped",)):
            return _cut(request)
        names = ("create_reply_delayed", "answers_delayed") if creates else ("answers_delayed",)
        late = self._strikes(request, names)
        if late is not None:
            await asyncio.sleep(late.delay_s)
        return answered

    def _strikes(
        self, request: web.Request, names: tuple[str, ...], wanted: Callable[[Fault], bool] = lambda one: True
    ) -> Fault | None:
        faults, now_us = self._venue.faults, self._venue.clock.real()
        about = {"path": request.path, "method": request.method, "symbol": request.query.get("symbol", "")}
        for name in names if faults else ():
            fault = faults.look(name, now_us, **about)
            if fault is not None and wanted(fault):
                return faults.strike(name, now_us, **about)
        return None


def application(server: Server, hub: Hub) -> web.Application:
    """The web application: the websocket at /ws, everything else to the server."""
    app = web.Application()
    app.router.add_get("/ws", hub.serve)
    app.router.add_route("*", "/{path:.*}", server.answer)
    return app


def _json(answer: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body: Any = msgspec.json.encode(answer)
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def _cut(request: web.Request) -> web.Response:
    """No answer: the connection is gone."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _instead(fault: Fault) -> web.Response:
    wait = str(fault.parameters.get("retry_after_s", 1))
    answers: dict[str, Callable[[], web.Response]] = {
        "rate_limited": lambda: _json({"code": 429, "msg": "Too many requests"}, 429, {"Retry-After": wait}),
        "banned": lambda: _json({"code": 418, "msg": "Banned for too many requests"}, 418, {"Retry-After": wait}),
        "internal_error": lambda: _json({"code": 500, "msg": "Internal error"}, 500),
        "gateway_timeout": lambda: _json({"code": 504, "msg": "Gateway Time-out"}, 504),
        "unavailable_html": lambda: _html("503 Service Temporarily Unavailable", 503),
        "forbidden_html": lambda: _html("403 Forbidden", 403),
    }
    return answers[fault.name]()


def _html(title: str, status: int) -> web.Response:
    return web.Response(text=HTML.format(title), status=status, content_type="text/html")
