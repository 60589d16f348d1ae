"""Why a request is not served: the canonical codes of gRPC, and what they are in HTTP."""

HTTP_STATUS = {
    "INVALID_ARGUMENT": 400, "UNAUTHENTICATED": 401, "NOT_FOUND": 404, "OUT_OF_RANGE": 413, "FAILED_PRECONDITION": 412,
    "CANCELLED": 499,
    "RESOURCE_EXHAUSTED": 503, "UNAVAILABLE": 503, "UNIMPLEMENTED": 501, "DEADLINE_EXCEEDED": 504, "INTERNAL": 500,
}


class RefusedError(Exception):
    """A request that is answered with an error.

    Attributes:
        code: name of a gRPC status code. OUT_OF_RANGE stands for requests and answers that are too large.
        message: for the person who sent it.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message

    @property
    def http_status(self) -> int:
        """The same in HTTP."""
        return HTTP_STATUS.get(self.code, 500)


def invalid(message: str) -> RefusedError:
    """A request that makes no sense."""
    return RefusedError("INVALID_ARGUMENT", message)
