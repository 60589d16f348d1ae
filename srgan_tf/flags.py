"""From dataclasses to command-line flags and back, and what every command does with errors.

A command is `flags.run(main, Config)`: a flag per field, `--flagfile` looked up as a path and then among the bundled
recipes, `--help`; a mistake of the user ends in one line on standard error and exit status 2.
"""

import contextlib
import dataclasses
import difflib
import gc
import io
import os
import re
import sys
import tempfile
import traceback
import typing
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

try:
    from absl import flags as absl_flags
except ModuleNotFoundError:  # of the packages that every command needs, the first to be imported
    from srgan_tf.errors import end_without_packages

    end_without_packages()

from srgan_tf import __version__
from srgan_tf.errors import MENDABLE, UserError, light_install
from srgan_tf.parsers import PathsParser, TupleParser, WordedParser
from srgan_tf.settings import SHORT_NAMES
from srgan_tf.text import printable, show
from srgan_tf.usage import usage

if typing.TYPE_CHECKING:
    from srgan_tf.hub import ModelRef

RECIPES = resources.files("srgan_tf") / "flagfiles"
SHIPPED = resources.files("srgan_tf") / "pretrained"  # among other things, how the models that ship were trained
FLAGFILES = 100  # included at most
FLAGFILE_BYTES = 1 << 20
OUR_FAULT, USER_ERROR = 1, 2
INTERRUPTED = 130
_WITHOUT_VALUE = re.compile(r"^Missing value for flag (-\S+)$")


def run(main: Callable[..., int | None], config_class: type, arguments: str = "", name: str = "") -> typing.NoReturn:
    """Parses the command line, calls `main(config)` and exits.

    Args:
        main: takes the configuration and, where `arguments` is given, the list of positional arguments. Returns the
            exit status, or None for 0.
        config_class: a dataclass of config/.
        arguments: how the positional arguments are called in the usage line ("INPUT..."); empty: there are none.
        name: how the user called the command, as in "srgan-tf upscale"; empty: as `python -m srgan_tf.upscale`.
    """
    name = name or f"python -m srgan_tf.{Path(sys.argv[0]).stem}"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.stderr is None:  # 2>&-; TensorFlow would write into whatever file comes to have its number
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may hold what the terminal cannot show
    try:
        values, build = define(config_class)
        rest = values([name, *expand_flagfiles(sys.argv[1:])])[1:]
        if values["help"].value:
            show(usage(config_class, sys.modules[main.__module__].__doc__ or "", name, arguments,
                       _recipes() if config_class.takes_recipes else ()))
            sys.exit(0)
        if values["version"].value:
            print(f"srgan_tf {__version__}")
            sys.exit(0)
        _say_renamed(config_class, values)
        if rest and not arguments:
            raise UserError(f"unexpected argument {rest[0]!r} (flags are written --name=value)")
        with light_install(re.split(r"[ .]", name)[-1]):
            sys.exit(main(build(), rest) if arguments else main(build()))
    except (absl_flags.Error, *MENDABLE) as error:
        if os.environ.get("SRGAN_TF_TRACEBACK"):
            raise
        print(f"{name}: {message_of(error)}", file=sys.stderr)
        sys.exit(USER_ERROR)
    except Exception:
        traceback.print_exc()
        print(f"{name}: this is an error in srgan_tf, not in your input: please report it with the lines above",
              file=sys.stderr)
        sys.exit(OUR_FAULT)
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


@contextlib.contextmanager
def quiet_imports() -> Iterator[None]:
    """Imports frameworks without noise and in two thirds of the time.

    Hides what TensorFlow's C++ writes to standard error before it reads TF_CPP_MIN_LOG_LEVEL. The objects of the
    import, hundreds of thousands, live as long as the process: the garbage collector need not look through them, now
    or at the end.
    """
    sys.stderr.flush()
    gc.disable()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except ImportError:
            hidden.seek(0)
            os.write(kept, hidden.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            gc.freeze()
            gc.enable()


def require_tensorflow(what: str) -> None:
    """Raises a ValueError where Keras has been told to run on another backend."""
    with quiet_imports():
        import keras
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"{what} needs KERAS_BACKEND=tensorflow; Keras runs on {keras.backend.backend()}")


def import_keras(what: str) -> None:
    """Imports Keras and its backend quietly, which `what` needs: a command or a model."""
    with light_install(what), quiet_imports():
        import keras  # noqa: F401


def message_of(error: BaseException) -> str:
    """The error as one line for a person."""
    if isinstance(error, absl_flags.IllegalFlagValueError) and isinstance(error.__context__, UserError):
        error = error.__context__  # which absl puts the flag and its value in front of once more
    if isinstance(error, OSError) and error.strerror:
        return printable(f"{error.strerror}: {error.filename}" if error.filename else error.strerror)
    text = printable(" ".join(str(error).split())) or type(error).__name__
    if isinstance(error, absl_flags.UnrecognizedFlagError):
        return _unknown_flag(printable(error.flagname), text)
    return _WITHOUT_VALUE.sub(r"\1 needs a value, as in \1=VALUE", text).removeprefix("FATAL Flags parsing error: ")


def _unknown_flag(name: str, text: str) -> str:
    """What is said of a flag that the command does not have; absl's own text has the names that are near."""
    near = text.partition("Did you mean: ")[2].rstrip(" ?").split(", ")
    hint = f"; did you mean {_dashed(near[0])}?" if near[0] else ""
    return f"unknown flag {_dashed(name)}{hint} (--help explains all flags)"


def _dashed(name: str) -> str:
    return f"-{name}" if len(name) == 1 else f"--{name}"


def say(note: str) -> None:
    """A line for the user on standard error, where results do not go; nothing where there is no note."""
    if note:
        print(printable(note), file=sys.stderr, flush=True)


def resolve_model(model: str, offline: bool = False, server: str = "", to_run: bool = False) -> "ModelRef":
    """As hub.resolve, and says which file was taken where that is not plain; with a URL, a server's model."""
    from srgan_tf.hub import ModelRef, resolve

    if server:
        return ModelRef("remote", model, url=server)
    found = resolve(model, offline, to_run)
    say(found.note)
    return found


def define(config_class: type) -> tuple[absl_flags.FlagValues, Callable[[], Any]]:
    """Defines a flag for each field of a dataclass.

    Returns:
        The flag values, to be called with the command line, and a function that then builds the dataclass from them.
    """
    values = absl_flags.FlagValues()
    for field in dataclasses.fields(config_class):
        _define_one(field, values)
        if field.metadata["formerly"]:
            absl_flags.DEFINE_alias(field.metadata["formerly"], field.name, values)
    absl_flags.DEFINE_bool("help", False, "Show this text.", short_name="h", flag_values=values)
    absl_flags.DEFINE_bool("version", False, "Show the version.", flag_values=values)
    names = [field.name for field in dataclasses.fields(config_class)]
    return values, lambda: config_class(**{name: _value(values[name].value) for name in names})


def _say_renamed(config_class: type, values: absl_flags.FlagValues) -> None:
    """Says which of the flags given have a new name."""
    for field in dataclasses.fields(config_class):
        former = field.metadata["formerly"]
        if former and values[former].present:
            say(f"--{former} is now --{field.name}: please use the new name")


def _define_one(field: dataclasses.Field, values: absl_flags.FlagValues) -> None:
    _define_as_it_is(field, values)
    if field.type is not str:
        values[field.name].parser = WordedParser(values[field.name].parser, field)


def _define_as_it_is(field: dataclasses.Field, values: absl_flags.FlagValues) -> None:
    text = field.metadata["help"]
    if typing.get_origin(field.type) is tuple:
        default = ",".join(map(str, field.default))
        item = typing.get_args(field.type)[0]
        parser = PathsParser(item) if field.metadata["paths"] else TupleParser(item)
        absl_flags.DEFINE(parser, field.name, default, text, values, absl_flags.CsvListSerializer(","))
        return
    short = {"short_name": SHORT_NAMES[field.name]} if field.name in SHORT_NAMES else {}
    definers = {bool: absl_flags.DEFINE_bool, bool | None: absl_flags.DEFINE_bool, int: absl_flags.DEFINE_integer,
                int | None: absl_flags.DEFINE_integer, float: absl_flags.DEFINE_float, str: absl_flags.DEFINE_string}
    definers[field.type](field.name, field.default, text, flag_values=values, **short)


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def expand_flagfiles(arguments: Sequence[str], including: tuple[Path, ...] = (),
                     opened: list[Path] | None = None) -> list[str]:
    """Puts the lines of each `--flagfile=FILE` in its place; later flags override earlier ones.

    FILE is a path (in a flagfile: from that file's folder), or the name of a bundled recipe. In a file each line is a
    flag; lines that are empty or begin with # or // are passed over.

    Args:
        arguments: of the command line, or the lines of the last of `including`.
        including: the flagfiles that these lines come from, the outermost first.
        opened: every flagfile so far, once for each time that it was included; None: none.

    Raises:
        ValueError: for a file that is not there, is not text or too large, and for files that include one another
            without end or more than FLAGFILES times.
    """
    expanded, rest, opened = [], iter(arguments), [] if opened is None else opened
    for argument in rest:
        if argument == "--":
            return [*expanded, argument, *rest]
        name, separator, file = argument.partition("=")
        if name not in ("--flagfile", "-flagfile"):
            expanded.append(argument)
            continue
        path = find_flagfile(file if separator else next(rest, ""), including[-1].parent if including else Path())
        if path in including:
            raise UserError(f"flagfile {path} includes itself: {_chain((*including, path))}")
        opened.append(path)
        if len(opened) > FLAGFILES:
            raise UserError(f"flagfiles include one another more than {FLAGFILES} times: {_chain((*including, path))}")
        expanded += expand_flagfiles(flagfile_lines(path), (*including, path), opened)
    return expanded


def _chain(paths: Sequence[Path]) -> str:
    """The first and the last of the files that led to one another, in their order."""
    names = [str(path) for path in paths]
    return " -> ".join(names if len(names) <= 6 else [*names[:3], "...", *names[-3:]])


def find_flagfile(file: str, folder: Path = Path()) -> Path:
    """The path of a flagfile: as given (from `folder`), else the bundled recipe of that name."""
    if (folder / file).is_file():
        return (folder / file).resolve()
    for bundled in (RECIPES, SHIPPED) if file else ():
        recipe = Path(str(bundled)) / f"{Path(file).stem}.flags"
        if recipe.is_file() and Path(file).parent == Path():
            return recipe
    known = _recipes()
    near = difflib.get_close_matches(Path(file).stem, known, n=1)
    hint = f"did you mean {near[0]}.flags?" if near else f"the recipes are {', '.join(known)}"
    raise UserError(f"no flagfile {file!r}: no file has this path, and no bundled recipe this name; {hint}")


def _recipes() -> list[str]:
    """The names of the bundled recipes, which are flagfiles for train."""
    return sorted(path.stem for path in Path(str(RECIPES)).glob("*.flags"))


def flagfile_lines(path: Path) -> list[str]:
    """The flags in a file, a line each, without comments."""
    try:
        with path.open("rb") as file:
            content = file.read(FLAGFILE_BYTES + 1)
        if len(content) > FLAGFILE_BYTES:
            raise UserError(f"flagfile {path} is larger than {FLAGFILE_BYTES:,} bytes")
        lines = [line.strip() for line in content.decode("utf-8").splitlines()]
    except UnicodeDecodeError:
        raise UserError(f"flagfile {path} is not text") from None
    lines = [line for line in lines if line and not line.startswith(("#", "//"))]
    for line in lines:
        if not line.startswith("-"):
            raise UserError(f"flagfile {path}: expected a flag a line, --name=value; got {line!r}")
    return lines


def to_flagfile(config: Any) -> str:
    """The text of a flagfile that gives this configuration."""
    lines = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        lines.append(f"--{field.name}={text.lower() if isinstance(value, bool) else text}")
    return "\n".join(lines) + "\n"
