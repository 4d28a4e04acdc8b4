"""The guard before everything: turns away what does not come from our pages or a program, and sets the safe headers."""

import json
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web import origins

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STATIC = "/static/"


class Guard:
    """ASGI middleware; `names` are those that the console is reached by."""

    def __init__(self, app: ASGIApp, names: Sequence[str]) -> None:
        self._app = app
        self._names = tuple(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is no websocket here that could be steered
            await send({"type": "websocket.close", "code": 1008})
            return
        wary = _wary(send, scope["path"])
        turned = self._turned_away(scope)
        if turned is not None:
            await _refuse(wary, *turned)
            return
        await self._app(scope, receive, wary)

    def _turned_away(self, scope: Scope) -> tuple[int, str, str] | None:
        headers = Headers(scope=scope)
        if not origins.is_known(headers.get("host", ""), self._names):
            return 421, "This is not a name of the console.", "Add it to CDB_CONSOLE_HOSTS, or open it by its address."
        objection = origins.objection(scope["method"], headers)
        if objection is not None:
            return 403, f"Refused: {objection}.", "Open the console itself and do it there."
        if origins.too_large(headers):
            return 413, "The body is too large, or does not say how large it is.", "Send a Content-Length below 64 KiB."
        return None


def _wary(send: Send, path: str) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers["cache-control"] = "no-cache" if path.startswith(STATIC) else "no-store"
        await send(message)

    return told


async def _refuse(send: Send, status: int, error: str, cure: str) -> None:
    body = json.dumps({"error": error, "cure": cure}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
