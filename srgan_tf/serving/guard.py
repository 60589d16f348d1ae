"""What a browser is not to do for another site: pages of anywhere can post to addresses of this machine.

A request is refused whose Host is a name that a stranger can point here (DNS rebinding), or that a page of another
origin makes. Programs that are no browsers send no Origin and no Sec-Fetch-Site, and are not concerned.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Collection

from starlette.responses import JSONResponse

# Names that no stranger can have in the DNS: RFC 6761, 6762, 8375, and .internal of ICANN.
PRIVATE = (".localhost", ".local", ".internal", ".home.arpa")
HOST = re.compile(r"(\[[0-9a-f:.%]+\]|[^\[\]:/@\s]*)(:[0-9]{0,5})?")


class Guard:
    """An ASGI application that refuses foreign requests before another sees them."""

    def __init__(self, app: Callable, hosts: Collection[str], origins: Collection[str]):
        """Guards an application.

        Args:
            app: the application.
            hosts: further names of this server; *.example.org stands for all that end so, * for any.
            origins: further origins (https://example.org) whose pages may use it; * for any.
        """
        self._app, self._origins = app, {origin.lower().rstrip("/") for origin in origins}
        self._hosts = {host.lower() for host in (socket.gethostname(), *hosts)}

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        reason = self._reason(scope) if scope["type"] == "http" else ""
        app = JSONResponse({"error": reason}, 403, {"connection": "close"}) if reason else self._app
        await app(scope, receive, send)

    def _reason(self, scope: dict) -> str:
        """Why a request is refused, or nothing."""
        headers = {name: value.decode("latin-1").lower() for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if host and not self._is_own(host):
            return f"this server is not known as {host[:100]}: --allowed_hosts names what it is called"
        origin, site = headers.get(b"origin"), headers.get(b"sec-fetch-site", "none")
        if {"*", origin} & self._origins:
            return ""
        if origin is not None and origin.partition("://")[2] != host:
            return f"pages of {origin[:100]} may not use this server: --allowed_origins names those that may"
        followed = scope["method"] in ("GET", "HEAD") and headers.get(b"sec-fetch-mode") == "navigate"
        if site not in ("none", "same-origin") and not followed:
            return "pages of other sites may not use this server: --allowed_origins names those that may"
        return ""

    def _is_own(self, host: str) -> bool:
        """Whether a Host is an address, a name without dots or of a private network, or one that was named."""
        found = HOST.fullmatch(host)
        if not found:
            return False
        name = found[1].rstrip(".")
        if "." not in name or name.endswith(PRIVATE) or {"*", name} & self._hosts or _is_address(name.strip("[]")):
            return True
        return any(known.startswith("*.") and name.endswith(known[1:]) for known in self._hosts)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
