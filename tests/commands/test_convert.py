from pathlib import Path

import numpy as np
import pytest

from srgan_tf.hub import load_model
from srgan_tf.imaging import read_image, write_image
from srgan_tf.inference import Upscaler

WEIGHTS = Path(__file__).parents[1] / "references" / "weights"
PTH = WEIGHTS / "rrdb_esrgan_x2.pth"


def test_there_and_back(command):
    done = command("convert", f"--model={PTH}", "--output=new/there.keras")
    assert done.status == 0, done
    assert "new/there.keras: RRDB(scale=2, features=4, growth_channels=2, blocks=1" in done.out
    assert command("convert", "--model=new/there.keras", "--output=back.safetensors", "--keys=bsrgan").status == 0
    one, other = load_model(PTH), load_model("back.safetensors")
    assert all(map(np.array_equal, one.get_weights(), other.get_weights()))


def test_fold(command, photo):
    trained = WEIGHTS / "span_span_x4.pth"
    for arguments, folded in (([], False), (["--fold"], True)):
        done = command("convert", f"--model={trained}", "--output=span.keras", *arguments)
        assert done.status == 0, done
        assert f"folded={folded}" in done.out
        assert load_model("span.keras").folded == folded
        assert Upscaler("span.keras").runtime.parameters == 1_708  # what runs is folded
    assert command("convert", f"--model={PTH}", "--output=other.keras", "--fold").status == 0


@pytest.mark.parametrize(("arguments", "said"), [
    ([], "--model is required (--help explains it)"),
    ([f"--model={PTH}", "--output=x.pth"], "must end in .keras or .safetensors"),
    ([f"--model={PTH}", "--output=x.keras", "--keys=basicsr"], "--keys=basicsr chooses the names in"),
    ([f"--model={PTH}", "--output=x.safetensors", "--keys=edsr"], "known: basicsr, bsrgan, esrgan"),
    ([f"--model={PTH}", "--output=x.keras", "--model_args=block:3"],
     "RRDB has no argument 'block'; known: scale, features, growth_channels, blocks, residual_scale, unshuffle, "
     "image_channels. Did you mean 'blocks'?"),
    ([f"--model={PTH}", "--output=x.keras", "--model_args=dtype:float16"],
     "--model_args=dtype:float16: only the network's own"),
    (["--model=nothing.pth", "--output=x.keras"], "nothing.pth"),
])
def test_mistakes(refused, arguments, said):
    line = refused("convert", *arguments)
    assert said in line
    assert not list(Path().glob("x.*"))


def test_architecture_without_names_of_others(refused, tmp_path):
    from srgan_tf.models import SRResNet, save_model

    save_model(SRResNet(2, features=2, blocks=1), tmp_path / "a.keras")
    assert "unknown architecture with names of other people 'srresnet'" in refused(
        "convert", f"--model={tmp_path}/a.keras", "--output=x.safetensors")


def test_every_command_takes_a_checkpoint(command, photo, tmp_path):
    write_image("small.png", photo[:24, :20])
    done = command("upscale", "small.png", f"--model={PTH}", "--output=up")
    assert done.status == 0, done
    np.testing.assert_array_equal(read_image("up/small_x2.png").pixels, Upscaler(str(PTH))(photo[:24, :20]))
    (tmp_path / "set" / "HR").mkdir(parents=True)
    write_image("set/HR/a.png", photo[:48, :40])
    done = command("evaluate", f"--model={PTH}", "--benchmark=set", "--scale=2", "--output=results")
    assert done.status == 0, done
    done = command("export", f"--model={PTH}", "--output=out", "--format=saved_model")
    assert done.status == 0, done
    (tmp_path / "train").mkdir()
    write_image("train/a.png", photo)
    write_image("train/b.png", photo)
    done = command(
        "train", "--model=rrdb", "--model_args=features:4,growth_channels:2,blocks:1", "--scale=2",
        f"--init_from={PTH}", "--dataset=folder:train", "--steps=1", "--batch_size=1", "--patch_size=16",
        "--run_dir=run")
    assert done.status == 0, done
