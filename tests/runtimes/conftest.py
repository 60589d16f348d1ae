"""The server of the serving tests, for its client."""

from serving.conftest import server

__all__ = ["server"]
