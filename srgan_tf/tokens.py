"""Bearer tokens (RFC 6750): secrets that a server asks for and a client sends.

No message, log or traceback of this module holds one.
"""

import os
import re
import stat
from collections.abc import Iterable

from srgan_tf import lazy
from srgan_tf.errors import UserError
from srgan_tf.text import expand

hashlib, hmac = lazy.module("hashlib"), lazy.module("hmac")  # those who need no token need not wait for them

FORM = re.compile(r"[A-Za-z0-9._~+/-]+=*")
SHORTEST = 16  # characters; shorter ones can be guessed by trying
LARGEST_FILE = 1 << 16
ADVICE = "make one by: openssl rand -hex 32"


def read_tokens(path: str, flag: str) -> tuple[str, ...]:
    """The tokens of a file, one a line; empty lines and those that begin with # are passed over.

    Raises:
        UserError: other users may read or change the file, it holds no token, or one that is none.
        OSError: it cannot be read.
    """
    with open(expand(path), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if os.name == "posix" and mode & (stat.S_IROTH | stat.S_IWOTH):
            raise UserError(f"--{flag}={path}: every user of this machine may read or change it (mode "
                            f"{stat.S_IMODE(mode):04o}): chmod o-rwx {path}")
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise UserError(f"--{flag}={path}: it is larger than {LARGEST_FILE} bytes and no list of tokens")
    lines = enumerate(content.decode(errors="replace").splitlines(), 1)
    found = {number: line.strip() for number, line in lines if line.strip() and not line.lstrip().startswith("#")}
    if not found:
        raise UserError(f"--{flag}={path} holds no token; {ADVICE}")
    for number, token in found.items():
        check_token(token, f"--{flag}={path}, line {number}")
    return tuple(found.values())


def check_token(token: str, where: str) -> None:
    """Raises a UserError, which does not quote it, where a text cannot be a token."""
    if not FORM.fullmatch(token):
        raise UserError(f"{where}: a token is of letters, digits and - . _ ~ + / alone, with = at its end; {ADVICE}")
    if len(token) < SHORTEST:
        raise UserError(f"{where}: a token of {len(token)} characters can be guessed; at least {SHORTEST} are needed; "
                        f"{ADVICE}")


class Tokens:
    """The tokens that a server knows: their hashes alone, so that nothing that shows this object shows them."""

    def __init__(self, tokens: Iterable[str] = ()):
        self._known = [_hash(token) for token in tokens]

    def __bool__(self) -> bool:
        """Whether a token is needed."""
        return bool(self._known)

    def allow(self, header: str) -> bool:
        """Whether an Authorization header has a known token, or none is needed.

        How long the answer takes says nothing of the tokens: hashes are compared, each with every one, to their ends.
        """
        if not self._known:
            return True
        scheme, _, token = header.strip().partition(" ")
        given = _hash(token.strip())
        same = sum([hmac.compare_digest(given, known) for known in self._known])
        return scheme.lower() == "bearer" and same > 0


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()


def tokens_of(token: str, file: str) -> Tokens:
    """Those of --token and --token_file."""
    return Tokens([*([token] if token else []), *(read_tokens(file, "token_file") if file else [])])


def token_in(file: str) -> str:
    """The first token of the file of --server_token_file; nothing where there is no file."""
    return read_tokens(file, "server_token_file")[0] if file else ""
