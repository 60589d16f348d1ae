"""The page that tries the models: that of `export --format=web`, with the server as the place that computes."""

import urllib.parse
from collections.abc import Callable, Iterable
from importlib import resources

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
WITHOUT = "service-worker.js"  # there is nothing to do without the server
TILE = 384  # side of the tiles that the page sends, in LR pixels
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
          "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
HEADERS = {"content-security-policy": POLICY, "cache-control": "no-cache", "x-content-type-options": "nosniff",
           "referrer-policy": "no-referrer"}


def page_routes() -> list[Route]:
    """The routes of the page's files, which hold nothing of the models."""
    routes = []
    for file in resources.files("srgan_tf.page").iterdir():
        kind = TYPES.get(file.name[file.name.rfind("."):])
        if kind and file.name != WITHOUT:
            place = "/" if file.name == "index.html" else f"/{file.name}"
            routes.append(Route(place, _answering(file.read_bytes(), kind)))
    return routes


def models_json(names: Iterable[str]) -> Response:
    """What the page must know of the models of these names."""
    return JSONResponse({"models": [
        {"title": name, "place": "server", "file": f"v1/models/{urllib.parse.quote(name, safe='')}", "tile": TILE}
        for name in names]}, headers=HEADERS)


def _answering(content: bytes, kind: str) -> Callable:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return answer
