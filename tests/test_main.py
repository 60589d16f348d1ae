"""`srgan-tf VERB` and `python -m srgan_tf VERB`."""

import subprocess
import sys
from pathlib import Path

import pytest

import srgan_tf
from srgan_tf.__main__ import COMMANDS, main

FORMS = {"/usr/bin/srgan-tf": "srgan-tf", "/somewhere/srgan_tf/__main__.py": "python -m srgan_tf"}


@pytest.fixture(params=FORMS)
def ended(request, monkeypatch, capfd):
    """Runs `main` with a command line; returns the program's name, exit status and both outputs."""

    def run(*arguments: str) -> tuple[str, int, str, str]:
        monkeypatch.setattr(sys, "argv", [request.param, *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        for verb in COMMANDS:  # for other tests, which run them as programs
            sys.modules.pop(f"srgan_tf.{verb}", None)
        return FORMS[request.param], stop.value.code, *capfd.readouterr()

    return run


def test_the_overview_has_a_line_for_each_command(ended):
    program, status, out, _ = ended("--help")
    assert status == 0
    lines = out.splitlines()
    assert f"usage: {program} COMMAND [flags] ..." in lines
    described = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines if line.startswith("  ")}
    assert list(described) == list(COMMANDS)
    assert min(map(len, described.values())) > 20
    assert ended()[1] == 2


@pytest.mark.parametrize("verb", COMMANDS)
def test_help_names_the_form_that_was_used(ended, verb):
    program, status, out, _ = ended(verb, "--help")
    assert status == 0
    assert f"usage: {program} {verb} [flags]" in out
    assert f"    {program} {verb} " in out  # the examples
    assert "srgan_tf." + verb + " " not in out
    assert ("quickstart" in out.rpartition("--flagfile")[2]) == (verb == "train")  # the recipes, which others refuse


def test_a_mistake_names_the_form_that_was_used(ended):
    program, status, out, err = ended("upscale", "--tile=1")
    assert (status, out) == (2, "")
    assert err.startswith(f"{program} upscale: --tile must be ")


def test_an_unknown_command(ended):
    program, status, out, err = ended("upscal", "a.png")
    assert (status, out) == (2, "")
    assert err.startswith(f"{program}: unknown command 'upscal'")
    assert err.endswith("Did you mean 'upscale'?\n")


def test_a_file_instead_of_a_command(ended, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my photo.jpg").touch()
    program, status, out, err = ended("my photo.jpg")
    assert (status, out) == (2, "")
    assert err.endswith(f" To upscale this file: {program} upscale 'my photo.jpg'\n")


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_python_without_the_packages(verb):
    """A new terminal in which nobody has activated the environment."""
    for module in ([f"srgan_tf.{verb}"], ["srgan_tf", verb]):
        done = subprocess.run([sys.executable, "-S", "-m", *module, "--help"], capture_output=True, text=True,
                              env={"PYTHONPATH": str(Path(srgan_tf.__file__).parent.parent)})
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"srgan_tf is not installed for {sys.executable}: activate")
        assert done.stderr.count("\n") == 1


def test_version(ended):
    expected = f"srgan_tf {srgan_tf.__version__}\n"
    assert ended("--version")[1:] == (0, expected, "")
    for verb in COMMANDS:
        assert ended(verb, "--version")[1:] == (0, expected, "")
    done = subprocess.run([sys.executable, "-m", "srgan_tf.upscale", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, expected)


@pytest.mark.parametrize("arguments", [["--help"], ["upscale", "--help"], ["upscale", "--list"]])
def test_the_reader_of_a_long_text_may_leave(arguments):
    process = subprocess.Popen([sys.executable, "-m", "srgan_tf", *arguments], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == (b"", 0)
    process.stderr.close()


def test_no_framework_is_imported_for_help():
    code = ("import sys\nfrom srgan_tf.__main__ import main\nsys.argv[1:] = ['--help']\ntry:\n    main()\n"
            "finally:\n    print(sorted({'tensorflow', 'keras', 'numpy', 'PIL', 'absl'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
