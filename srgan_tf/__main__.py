"""Single-image super-resolution in TensorFlow and Keras: a command for each thing to do."""

import ast
import importlib
import importlib.util
import shlex
import sys
import typing
from pathlib import Path

from srgan_tf import __version__
from srgan_tf.settings import lookup
from srgan_tf.text import printable, show

COMMANDS = ("upscale", "compare", "train", "evaluate", "export", "serve", "convert", "interpolate", "prepare")
USER_ERROR = 2


def main() -> typing.NoReturn:
    """Runs the command that the command line names."""
    program = "python -m srgan_tf" if Path(sys.argv[0]).name == "__main__.py" else Path(sys.argv[0]).stem
    if not sys.argv[1:]:
        print(overview(program), file=sys.stderr)
        sys.exit(USER_ERROR)
    verb, *rest = sys.argv[1:]
    if verb in ("--help", "-help", "-h", "help"):
        show(overview(program))
        sys.exit(0)
    if verb in ("--version", "-version"):
        print(f"srgan_tf {__version__}")
        sys.exit(0)
    try:
        lookup(dict.fromkeys(COMMANDS), verb, "command")
    except ValueError as error:
        hint = f" To upscale this file: {program} upscale {shlex.quote(verb)}" if Path(verb).is_file() else ""
        print(f"{program}: {printable(error)}{printable(hint)}", file=sys.stderr)
        sys.exit(USER_ERROR)
    sys.argv[1:] = rest
    importlib.import_module(f"srgan_tf.{verb}").run(name=f"{program} {verb}")
    sys.exit(0)


def overview(program: str) -> str:
    """The text of --help: each command with the first line of its docstring; nothing is imported for it."""
    width = max(map(len, COMMANDS))
    lines = [f"  {verb:{width}}  {summary(verb)}" for verb in COMMANDS]
    return "\n".join([__doc__.strip(), "", f"usage: {program} COMMAND [flags] ...", "", *lines, "",
                      f"{program} COMMAND --help explains the flags of a command; --version prints the version."])


def summary(verb: str) -> str:
    """The first line of a command's docstring."""
    name = f"srgan_tf.{verb}"
    source = importlib.util.find_spec(name).loader.get_source(name)
    return ast.get_docstring(ast.parse(source)).partition("\n")[0]


if __name__ == "__main__":
    main()
