import dataclasses
import importlib
import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image

from srgan_tf import config as configurations
from srgan_tf import flags
from srgan_tf.__main__ import COMMANDS
from srgan_tf.config import EvaluateConfig, ExportConfig, TrainConfig, UpscaleConfig
from srgan_tf.errors import MissingPackageError, UserError
from srgan_tf.hub import load_generator, shipped_files
from srgan_tf.models import GENERATORS
from srgan_tf.models.registry import ARCHITECTURES
from srgan_tf.settings import GROUPS, Settings, lookup, parse_arguments
from srgan_tf.usage import usage

RECIPES = sorted(path.name for path in Path(str(flags.RECIPES)).glob("*.flags"))


def parse(*arguments: str, config_class=TrainConfig):
    values, build = flags.define(config_class)
    values(["program", *flags.expand_flagfiles(arguments)])
    return build()


def test_every_field_is_a_flag_with_help():
    for config_class in (TrainConfig, EvaluateConfig, ExportConfig, UpscaleConfig):
        values, _ = flags.define(config_class)
        for field in dataclasses.fields(config_class):
            assert len(values[field.name].help) > 10


def test_defaults_and_values():
    assert parse() == TrainConfig()
    config = parse("--steps=7", "--learning_rate=1e-3", "--jit_compile", "--milestones=1,2", "--losses=l1:1,vgg54:0.1")
    assert (config.steps, config.learning_rate, config.jit_compile) == (7, 1e-3, True)
    assert config.milestones == (1, 2)
    assert config.losses == "l1:1,vgg54:0.1"


def test_flags_survive_a_flagfile(tmp_path):
    config = TrainConfig(steps=5, milestones=(3, 4), jit_compile=True, losses="l1:1,mse:2", learning_rate=3e-5)
    (tmp_path / "a.flags").write_text(flags.to_flagfile(config))
    assert parse(f"--flagfile={tmp_path / 'a.flags'}") == config


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_parse_from_any_folder(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = parse(f"--flagfile={recipe}", "--batch_size=2")
    assert config.batch_size == 2
    assert parse("--flagfile", recipe.removesuffix(".flags")).model == config.model


@pytest.mark.parametrize("name", [name for name, file in shipped_files().items() if file.suffix == ".keras"])
def test_how_a_shipped_model_was_trained(name):
    """Each run starts from the one before, from its discriminator or from a model that ships, the last has the network.

    The card names the runs and their data.
    """
    runs = sorted(path.stem for path in Path(str(flags.SHIPPED)).glob(f"{name}_*.flags"))
    configs = [parse(f"--flagfile={run}") for run in runs]
    assert [config.run_dir for config in configs] == [f"runs/{run}" for run in runs]
    for config, before in zip(configs[1:], runs, strict=False):
        start = config.init_from[-1].removesuffix("/last.keras")
        assert start in shipped_files() or f"runs/{before}" in (start, config.init_discriminator)
    card = (Path(str(flags.SHIPPED)) / f"{name}.md").read_text()
    for folder in {folder for config in configs for folder in config.dataset.partition(":")[2].split(",")}:
        assert folder in card or "as for edsr_x4" in card or "](edsr_x4.md)" in card
    model, facts = load_generator(name), json.loads((Path(str(flags.SHIPPED)) / f"{name}.json").read_text())
    assert facts["parameters"] == model.count_params()
    assert type(model) is ARCHITECTURES[configs[-1].model]
    loops = re.findall(r"seq (?:(\d+) )?(\d+)\)", card)
    named = {number for first, last in loops for number in range(int(first or 1), int(last) + 1)}
    assert named == set(range(1, len(runs) + 1))


def test_a_path_wins_over_a_recipe_and_files_may_include_recipes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("edsr_baseline.flags").write_text("# mine\n\n--steps=3\n")
    assert parse("--flagfile=edsr_baseline.flags").steps == 3
    Path("more.flags").write_text("--flagfile=esrgan.flags\n--steps=9\n")
    config = parse("--flagfile=more.flags")
    assert (config.steps, config.adversarial) == (9, "relativistic:0.005")


@pytest.mark.parametrize(("arguments", "message"), [
    (["--stepz=3"], "steps"),
    (["--steps=many"], "--steps must be a whole number of at least 1; got 'many'"),
    (["--steps=1.5"], "--steps must be a whole number of at least 1; got '1.5'"),
    (["--learning_rate=1e-3x"], "--learning_rate must be a number greater than 0; got '1e-3x'"),
    (["--scale=four"], "--scale must be one of 1, 2, 3, 4, 8; got 'four'"),
    (["--jit_compile=maybe"], "--jit_compile must be true or false; got 'maybe'"),
    (["--milestones=1,x"], "--milestones must be whole numbers separated by commas, each of at least 1; got '1,x'"),
    (["--flagfile=nope.flags"], "nope.flags.*esrgan"),
    (["--flagfile=quickstrat"], r"no bundled recipe this name; did you mean quickstart\.flags\?$"),
    (["--flagfile="], "no flagfile .*esrgan"),
    (["--flagfile=/"], "no flagfile '/'"),
    (["--batch_size=0"], "--batch_size must be at least 1; got 0"),
    (["--learning_rate=nan"], "--learning_rate must be a finite number"),
    (["--scale=5"], "--scale must be one of 1, 2, 3, 4, 8; got 5"),
    (["--patch_size=97"], "--patch_size must be a multiple of --scale=4; got 97"),
    (["--beta_1=1"], "--beta_1 must be less than 1"),
    (["--losses="], "nothing to train on"),
])
def test_mistakes_are_named(arguments, message):
    with pytest.raises((ValueError, flags.absl_flags.Error), match=message):
        parse(*arguments)


def test_flagfiles_that_cannot_be_used(tmp_path):
    loop, words, binary = (tmp_path / name for name in ("loop.flags", "words.flags", "binary.flags"))
    loop.write_text(f"--flagfile={loop}")
    words.write_text("steps=3")
    binary.write_bytes(b"\xff\xfe\x00")
    for path, message in ((loop, "includes itself"), (words, "expected a flag a line"), (binary, "not text")):
        with pytest.raises(ValueError, match=message):
            parse(f"--flagfile={path}")


def test_flagfiles_that_include_one_another(tmp_path):
    """In a circle; in a chain deeper than Python's stack; and doubled at each of many levels."""
    one, other = tmp_path / "one.flags", tmp_path / "other.flags"
    one.write_text("--steps=3\n--flagfile=other.flags")
    other.write_text("--flagfile=./one.flags")
    with pytest.raises(ValueError, match=f"one.flags includes itself: {one} -> {other} -> {one}"):
        parse(f"--flagfile={one}")
    for number in range(3000):
        (tmp_path / f"deep{number}.flags").write_text(f"--flagfile=deep{number + 1}.flags")
    for number in range(40):
        (tmp_path / f"wide{number}.flags").write_text(f"--flagfile=wide{number + 1}.flags\n" * 2)
    (tmp_path / "wide40.flags").write_text("--steps=3")
    for name in ("deep0", "wide0"):
        with pytest.raises(ValueError, match=rf"more than 100 times: {tmp_path}/{name}.flags -> .* -> ") as caught:
            parse(f"--flagfile={tmp_path / name}.flags")
        assert len(str(caught.value)) < 1000
    (tmp_path / "large.flags").write_text("# and so on\n" * 100_000)
    with pytest.raises(ValueError, match=r"large.flags is larger than 1,048,576 bytes"):
        parse(f"--flagfile={tmp_path}/large.flags")


def test_evaluate_asks_for_one_thing():
    for arguments in ({}, {"model": "bicubic"}, {"sr_dir": "a"}, {"sr_dir": "a", "hr_dir": "b", "model": "c"}):
        with pytest.raises(ValueError, match="--"):
            EvaluateConfig(**arguments)


def test_a_renamed_flag_keeps_its_earlier_name_and_says_the_new_one(command, tmp_path, photo):
    (tmp_path / "photos").mkdir()
    for name in "abc":
        Image.fromarray(photo[:64, :64]).save(tmp_path / f"photos/{name}.png")
    (tmp_path / "old.flags").write_text("--shard_pictures=2\n")
    done = command("prepare", "--dataset=folder:photos", "--output=records", "--flagfile=old.flags")
    assert done.status == 0, done.err
    assert "--shard_pictures is now --shard_images" in done.err
    assert json.loads((tmp_path / "records/records.json").read_text())["shard_images"] == 2
    assert "shard_pictures" not in command("prepare", "--help").out


def test_lookup_suggests():
    with pytest.raises(ValueError, match=r"unknown model 'esdr'; known: edsr, rrdb. Did you mean 'edsr'\?"):
        lookup({"edsr": 1, "rrdb": 2}, "esdr", "model")


def test_parse_arguments():
    assert parse_arguments("features:32, residual_scale:0.1,scalar_prelu:true") == {
        "features": 32, "residual_scale": 0.1, "scalar_prelu": True}
    with pytest.raises(ValueError, match="expected NAME:VALUE"):
        parse_arguments("features=32")


def test_help_is_grouped(command):
    """In the order of GROUPS, rare flags last; with the generators, the choices and the defaults."""
    done = command("train", "--help")
    assert done.status == 0, done.err
    headings = [line.removesuffix(":") for line in done.out.splitlines() if line.endswith(":") and line[0] != " "]
    assert headings[1:-1] == ["Basics", "Data", "Model", "Losses", "Schedule", "Hardware", "Logging", "Advanced"]
    flags_of = {part.partition(":")[0]: part for part in done.out.split("\n\n")}
    for group, flag in {"Basics": "--dataset", "Losses": "--adversarial", "Hardware": "--strategy", "Model": "--ema",
                        "Logging": "--log_every", "Advanced": "--beta_1"}.items():
        assert f"  {flag}\n" in flags_of[group]
    for name in GENERATORS:
        assert re.search(rf"\W{name}[,.]", flags_of["Basics"]), name
    text = " ".join(done.out.split())
    assert "(choices: milestones, cosine, constant, schedule_free; default: milestones)" in text
    assert "--[no]jit_compile Compile the step with XLA. (default: no)" in text
    assert "  --output, -o\n" in command("upscale", "--help").out


@pytest.mark.parametrize("name", [name for name in dir(configurations) if name.endswith("Config")])
def test_every_flag_is_in_a_group_that_is_shown(name):
    fields = dataclasses.fields(getattr(configurations, name))
    assert {field.metadata["group"] for field in fields} <= set(GROUPS)
    text = usage(getattr(configurations, name), "", "x", "", [])
    for field in fields:
        assert len(re.findall(rf"^  --(?:\[no\])?{field.name}(?:, -\w)?$", text, re.M)) == 1
    assert not re.findall(r"^.*\w-$|^.*--$", text, re.M)  # no line ends within a flag or a word


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_teaches(name):
    """Groups, the everyday flags first, and examples: several, all of flags and values that the command takes."""
    module = importlib.import_module(f"srgan_tf.{name}")
    config_class = module.run.args[1]
    groups = [field.metadata["group"] for field in dataclasses.fields(config_class)]
    assert len(set(groups)) > 1
    assert 3 <= groups.count("Basics") <= 10
    examples = re.findall(rf"^    python -m srgan_tf\.{name}\b(.*(?:\\\n.*)*)", module.__doc__, re.M)
    assert len(examples) >= 2
    for example in examples:
        values, build = flags.define(config_class)
        values(["program", *flags.expand_flagfiles(shlex.split(example, comments=True))])
        build()


def test_paths_with_commas_come_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("Bench, mine", "Set5", "Set5,Set14,x"):
        (tmp_path / name).mkdir()
    values, build = flags.define(EvaluateConfig)
    for text, expected in (("Bench, mine", ("Bench, mine",)), ("Set5, Set14", ("Set5", "Set14")),
                           ("Set5,Bench, mine, Set14", ("Set5", "Bench, mine", "Set14")),
                           ("Set5,Set14,x", ("Set5,Set14,x",)), ("a" * 300, ("a" * 300,))):
        values(["evaluate", f"--benchmark={text}"])
        assert build().benchmark == expected


@pytest.mark.parametrize(("error", "status", "said"), [
    (UserError("--model=x: no"), 2, ["--model=x: no"]),
    (ValueError("a shape"), 1, ["Traceback", "this is an error in srgan_tf"]),
    (KeyError("a key"), 1, ["Traceback", "this is an error in srgan_tf"]),
    (ModuleNotFoundError("no module"), 1, ["Traceback", "this is an error in srgan_tf"]),
    (MissingPackageError("x is not installed: pip install"), 2, ["x is not installed: pip install"]),
    (MemoryError("too large"), 2, ["too large"]),
])
def test_our_faults_are_not_the_users(error, status, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["convert"])

    def fails(config):
        raise error

    with pytest.raises(SystemExit) as stop:
        flags.run(fails, ConvertTrial)
    assert stop.value.code == status
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines) == 1) == (status == 2)
    for text in said:
        assert any(text in line for line in lines)


@dataclasses.dataclass(frozen=True)
class ConvertTrial(Settings):
    """No flags."""
