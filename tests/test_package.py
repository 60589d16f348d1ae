import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import srgan_tf
from srgan_tf.__main__ import COMMANDS as VERBS

PACKAGE = Path(srgan_tf.__file__).parent
# Lower lines first; a room may import from lower lines and from itself.
LAYERS = [{"errors", "lazy", "memory", "page", "pretrained"}, {"text", "workers"}, {"atomic", "settings", "tokens"},
          {"config", "parsers", "usage"},
          {"imaging", "models"}, {"losses", "metrics", "video", "weights"}, {"hub"}, {"runtimes"},
          {"data", "inference"}, {"training", "evaluation", "exporting", "serving"}, {"flags"}]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
COMMANDS = sorted({path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__", "errors", "atomic", "flags",
                                                                  "lazy", "memory", "parsers", "settings", "text",
                                                                  "tokens", "usage", "workers"})


def imported_rooms(file: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy.module":
            names = [ast.literal_eval(node.args[0])]
        rooms |= {name.split(".")[1] for name in names if name.startswith("srgan_tf.") and "__" not in name}
    return rooms


def frameworks_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*(set(sys.modules) & {{'tensorflow', 'keras', 'jax', 'numpy', 'PIL'}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    return set(done.stdout.split())


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_downward(file):
    room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in ("__init__", "__main__", "flagfiles") or room in COMMANDS:
        return
    for other in imported_rooms(file) - {room}:
        assert LEVEL[other] < LEVEL[room], f"{file} imports {other}"


@pytest.mark.parametrize("room", ["models", "losses"])
def test_networks_know_keras_alone(room):
    for file in (PACKAGE / room).glob("*.py"):
        assert "tensorflow" not in {name.split(".")[0] for name in ast_imports(file)}, file


# Rooms, each of two of which may hold one of the two sides of a thing in a file of the same name. "": the commands.
SIDES = [{"models", "weights"}, {"", "config"}, {"exporting", "runtimes"}]


def test_a_files_name_is_used_once():
    homes: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        if file.name not in ("__init__.py", "__main__.py"):
            homes.setdefault(file.stem, set()).add("/".join(file.relative_to(PACKAGE).parts[:-1]))
    repeated = {name: rooms for name, rooms in homes.items() if len(rooms) > 1 and rooms not in SIDES}
    assert not repeated


# What a model's name can end in, and what finds or opens one.
MODEL_NAMES = re.compile(r"(\w+)?\.(keras|tflite|pth|safetensors|onnx)|saved_model\.pb|\[0-9\]\*/saved_model\.pb|hf://")
FINDERS = {"find_hugging_face", "find_in_wheel", "find_published", "find_saved_model", "load_keras", "read_checkpoint",
           "run_model", "shipped_files"}
# Outside hub/ and weights/, which tell containers apart by their content: those that write such files.
NAMING = {
    "config/choices.py", "config/convert.py", "convert.py", "exporting/card.py", "exporting/onnx.py",
    "exporting/tflite.py", "interpolate.py", "models/keras_files.py", "training/loop.py", "training/session.py",
    "serving/checks.py", "serving/versions.py",  # a base path is a folder of versions and no model's name
}


def test_only_the_hub_finds_models():
    for file in PACKAGE.rglob("*.py"):
        place = file.relative_to(PACKAGE)
        if place.parts[0] in ("hub", "weights"):
            continue
        nodes = list(ast.walk(ast.parse(file.read_text())))
        calls = {getattr(node.func, "id", getattr(node.func, "attr", "")) for node in nodes
                 if isinstance(node, ast.Call)}
        assert not calls & FINDERS, place
        texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        assert str(place) in NAMING or not [text for text in texts if MODEL_NAMES.fullmatch(text)], place


def ast_imports(file: Path) -> list[str]:
    tree = ast.parse(file.read_text())
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return plain + [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]


def test_importing_the_package_imports_no_framework():
    assert frameworks_after("import srgan_tf; srgan_tf.__version__; dir(srgan_tf)") == set()


def test_commands_are_described_without_numpy():
    """--help and --version answer in a tenth of a second."""
    assert frameworks_after("; ".join(f"import srgan_tf.{name}" for name in VERBS)) == set()


def test_naming_a_model_reads_no_weights_and_no_network():
    code = ("import sys; from srgan_tf.hub import resolve; resolve('edsr_x4'); resolve('mobile_x4_int8'); "
            "print(sorted({'numpy', 'ml_dtypes', 'ssl', 'urllib.request'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout == "[]\n"


def test_metrics_need_numpy_alone():
    assert frameworks_after("from srgan_tf.metrics import psnr, ssim") == {"numpy"}


# What an image upscaled by a .tflite file does not need, and a start would wait for.
NOT_FOR_TFLITE = {"tensorflow", "keras", "srgan_tf.inference.clips", "srgan_tf.video.joining", "PIL.ImageCms",
                  "ai_edge_litert.schema_py_generated", "multiprocessing", "mimetypes"}


def test_upscaling_by_a_tflite_file_loads_no_more_than_it_needs(tmp_path):
    image = tmp_path / "a.png"
    Image.new("RGB", (8, 8)).save(image)
    arguments = ["upscale", str(image), "--model=mobile_x4_float16", f"--output={tmp_path}/out"]
    code = (f"import sys; sys.argv = {arguments}\nfrom srgan_tf import upscale\n"
            f"try: upscale.run()\nfinally: print(sorted({NOT_FOR_TFLITE} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
    assert (tmp_path / "out/a_x4.png").exists()


def test_public_names():
    assert callable(srgan_tf.load_model)
    assert srgan_tf.Upscaler.__name__ == "Upscaler"
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = srgan_tf.no_such_name


def test_every_command_is_a_verb():
    assert sorted(VERBS) == COMMANDS


def test_commands_are_short():
    for name in COMMANDS:
        assert len((PACKAGE / f"{name}.py").read_text().splitlines()) <= 80, name


def test_paths_of_users_are_read_in_one_place():
    """`Path.expanduser` raises a RuntimeError, which is nobody's mistake; text.expand says what is wrong."""
    found = [file for file in PACKAGE.rglob("*.py") if "expanduser" in file.read_text()]
    assert found == [PACKAGE / "text.py"]
