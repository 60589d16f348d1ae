"""The page that tries a model: that of `export --format=web`, which here computes on the server, not in the browser."""

import urllib.parse
from collections.abc import Callable
from importlib import resources

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
WITHOUT = "service-worker.js"  # there is nothing to do without the server
TILE = 384  # side of the tiles that the page sends, in LR pixels
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
          "worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
HEADERS = {"content-security-policy": POLICY, "cache-control": "no-cache", "x-content-type-options": "nosniff",
           "referrer-policy": "no-referrer"}


def page_routes(model: str) -> list[Route]:
    """The routes of the page's files, and of what it must know of the model of this name."""
    routes = []
    for file in resources.files("srgan_tf.page").iterdir():
        kind = TYPES.get(file.name[file.name.rfind("."):])
        if kind and file.name != WITHOUT:
            place = "/" if file.name == "index.html" else f"/{file.name}"
            routes.append(Route(place, _answering(file.read_bytes(), kind)))
    known = {"title": model, "place": "server", "file": f"v1/models/{urllib.parse.quote(model, safe='')}", "tile": TILE}

    async def models(request: Request) -> Response:
        return JSONResponse({"models": [known]}, headers=HEADERS)

    return [*routes, Route("/models.json", models)]


def _answering(content: bytes, kind: str) -> Callable:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return answer
