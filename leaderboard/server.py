"""The server of the app, as `bench leaderboard` starts it. It serves the app alone: no statistics, no other interface.

`streamlit run leaderboard/app.py` shows the same pages without these locks.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.starlette import App

from bench.yamlfile import MAX_BYTES
from leaderboard import sources
from leaderboard.backend import Backend

PRIVATE = "/_stcore/"
SERVED = {"health", "stream", "host-config"}
"""Streamlit's own addresses that a browser needs; metrics and agents are not among them."""

UPLOADS = "upload_file/"
"""The address of uploads: of the page that checks a submission."""

MAX_UPLOAD = 2 * MAX_BYTES
"""Bytes of an upload with what a browser writes around it. One that does not say its length is refused."""

POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; connect-src 'self' data: blob:; "
    "form-action 'none'; base-uri 'self'"
)
"""A browser fetches nothing from elsewhere, whatever a text on a page says. Charts compile their formulas."""


def _is_open(scope: Scope, name: str) -> bool:
    """Return True for an address below `PRIVATE` that is served; an upload has to say that it is small."""
    if not name.startswith(UPLOADS):
        return name.rstrip("/") in SERVED
    length = Headers(scope=scope).get("content-length", "")
    return scope["method"] in ("DELETE", "OPTIONS") or (length.isdecimal() and int(length) <= MAX_UPLOAD)


class Locks:
    """Middleware that answers 404 for Streamlit's other addresses, and sends `POLICY` with every page."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an ASGI application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        _, found, name = scope.get("path", "").partition(PRIVATE)
        if scope["type"] == "http" and found and not _is_open(scope, name):
            await PlainTextResponse("not found", 404)(scope, receive, send)
            return

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", POLICY.encode())
                message = {**message, "headers": [*message["headers"], policy]}
            await send(message)

        await self.app(scope, receive, send_with_policy)


@asynccontextmanager
async def prepare(app: App) -> AsyncIterator[None]:
    """Read the results while the first visitor is still on the way."""
    Thread(target=sources.prepare, daemon=True).start()
    yield


app = App(Path(__file__).with_name("app.py"), lifespan=prepare, middleware=[Middleware(Locks), Middleware(Backend)])
