"""How the values of flags are read from the command line, and what is said where one cannot be."""

import dataclasses
from typing import Any

from absl import flags as absl_flags

from srgan_tf.errors import UserError
from srgan_tf.settings import allowed
from srgan_tf.text import expand


class WordedParser(absl_flags.ArgumentParser):
    """Reads as another parser does, and says in words what cannot be read."""

    def __init__(self, parser: absl_flags.ArgumentParser, field: dataclasses.Field):
        self.parser, self.field, self.syntactic_help = parser, field, parser.syntactic_help
        super().__init__()

    def parse(self, argument: Any) -> Any:
        try:
            return self.parser.parse(argument)
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"--{self.field.name} must be {allowed(self.field)}; got {argument!r}") from None

    def flag_type(self) -> str:
        return self.parser.flag_type()


class TupleParser(absl_flags.ArgumentParser):
    """Reads `a,b,c` into a list of items of one type."""

    def __init__(self, item: type):
        self.item = item
        super().__init__()

    def parse(self, argument: Any) -> list:
        parts = argument.split(",") if isinstance(argument, str) else argument
        return [self.item(part.strip()) for part in parts if str(part).strip()]

    def flag_type(self) -> str:
        return f"comma separated list of {self.item.__name__}"


class PathsParser(TupleParser):
    """Reads `a,b,c` where files and folders that are there may have commas in their names: the longest comes first."""

    def parse(self, argument: Any) -> list:
        if not isinstance(argument, str):
            return super().parse(argument)
        parts, found = argument.split(","), []
        while parts:
            length = next((length for length in range(len(parts), 1, -1)
                           if _exists(",".join(parts[:length]).strip())), 1)
            found.append(",".join(parts[:length]).strip())
            parts = parts[length:]
        return [item for item in found if item]


def _exists(path: str) -> bool:
    try:
        return bool(path) and expand(path).exists()
    except (OSError, RuntimeError, ValueError):  # too long for a name, no such user, a null byte
        return False
