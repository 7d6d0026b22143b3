"""Pages say where their server is; nothing else is touched."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from leaderboard.backend import Backend


def page(request: Request) -> HTMLResponse:
    return HTMLResponse(f"<html><head><title>{'accept-encoding' in request.headers}</title></head></html>")


def script(request: Request) -> PlainTextResponse:
    return PlainTextResponse("const text = '<head>'")


ROUTES = [Route("/ranking", page), Route("/static/index.js", script)]
CLIENT = TestClient(Starlette(routes=ROUTES, middleware=[Middleware(Backend)]))


def test_a_page_knows_its_server() -> None:
    answer = CLIENT.get("/ranking", headers={"accept": "text/html,*/*"})
    assert '<head><script>window.__streamlit = {BACKEND_BASE_URL: location.origin + "/"}</script><title>' in answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "<title>False" in answer.text, "it cannot be written into a compressed page"


def test_what_a_page_loads_stays_as_it_is() -> None:
    assert CLIENT.get("/static/index.js", headers={"accept": "*/*"}).text == "const text = '<head>'"
    assert CLIENT.get("/nothing", headers={"accept": "text/html"}).status_code == 404
