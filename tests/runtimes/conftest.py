"""The server of the serving tests, for its client."""

from serving.conftest import server, versions

__all__ = ["server", "versions"]
