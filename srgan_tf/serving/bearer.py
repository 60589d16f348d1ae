"""Who has no token gets no answer: an ASGI application before the one that answers."""

from collections.abc import Callable, Collection

from starlette.responses import JSONResponse

from srgan_tf.tokens import Tokens

WITHOUT_TOKEN = "this server needs a token that it knows, in the header Authorization: Bearer TOKEN"


class Bearer:
    """Refuses requests without a known token with status 401, before their bodies are read."""

    def __init__(self, app: Callable, tokens: Tokens, public: Collection[str]):
        """Guards an application.

        Args:
            app: the application.
            tokens: those that are known; where there are none, every request is let through.
            public: paths that everyone may read: health, for those who watch, and the page, which asks for the token.
        """
        self._app, self._tokens, self._public = app, tokens, frozenset(public)

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        # Two of them could be read as one here and as the other by a proxy.
        known = self._tokens.allow(headers[0] if len(headers) == 1 else "")
        app = self._app
        if not known and not (scope["method"] in ("GET", "HEAD") and scope["path"] in self._public):
            challenge = 'Bearer realm="srgan_tf"' + (', error="invalid_token"' if headers else "")
            app = JSONResponse({"error": WITHOUT_TOKEN}, 401, {"www-authenticate": challenge, "connection": "close"})
        await app(scope, receive, send)
