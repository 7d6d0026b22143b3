"""Tell each page where its server is. By itself Streamlit's browser part looks below the address of the page first.

Such a request, `/ranking/_stcore/health`, is answered 404, and the browser logs an error on every page but the first.
"""

import json

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import get_option

HEAD = b"<head>"


class Backend:
    """Middleware that writes the address of the server into every page, as Streamlit reads it."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an ASGI application."""
        self.app = app
        base = json.dumps(f"/{get_option('server.baseUrlPath').strip('/')}")
        self.script = (
            f"{HEAD.decode()}<script>window.__streamlit = {{BACKEND_BASE_URL: location.origin + {base}}}</script>"
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or not _asks_for_page(scope):
            await self.app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message = {}
        parts: list[bytes] = []

        async def send_page(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts).replace(HEAD, self.script.encode(), 1)
            if body:
                headers = MutableHeaders(raw=list(start["headers"]))
                headers["content-length"] = str(len(body))
                start["headers"] = headers.raw
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self.app({**scope, "headers": plain}, receive, send_page)


def _asks_for_page(scope: Scope) -> bool:
    """Return True where a browser opens an address, not for what a page loads."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
