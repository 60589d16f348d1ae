"""Every recipe takes a step, its network and images made smaller."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from srgan_tf import flags
from srgan_tf.models import ClipGenerator, vgg
from srgan_tf.training import session

RECIPES = sorted(path.name for path in Path(str(flags.RECIPES)).glob("*.flags"))
# Smaller networks and images; everything else is the recipe's own.
SHRUNK = {
    "bsrn.flags": ["--model_args=features:8,blocks:1,reduction:2", "--patch_size=64"],
    "dat_light.flags": ["--model_args=features:32,depths:1,heads:2,window:2-4,upsampler:pixelshuffledirect",
                        "--patch_size=16"],
    "drcn.flags": ["--model_args=features:8,recursions:2"],
    "edsr_baseline.flags": ["--model_args=features:8,blocks:1", "--patch_size=32"],
    "espcn.flags": ["--model_args=features:8"],
    "esrgan.flags": ["--model_args=features:8,growth_channels:4,blocks:1", "--patch_size=32",
                     "--discriminator_args=features:8"],
    "esrgan_psnr.flags": ["--model_args=features:8,growth_channels:4,blocks:1", "--patch_size=32"],
    "esrgan_plus.flags": ["--model_args=features:8,growth_channels:4,blocks:1", "--patch_size=32",
                          "--discriminator_args=features:8"],
    "esrgan_plus_psnr.flags": ["--model_args=features:8,growth_channels:4,blocks:1", "--patch_size=32"],
    "frvsr.flags": ["--model_args=features:8,blocks:1,flow_features:4", "--patch_size=32", "--frames=3"],
    "fsrcnn.flags": ["--model_args=features:8,shrunk:4,mappings:1"],
    "mobile.flags": ["--model_args=features:8,blocks:1", "--patch_size=32"],
    "omnisr.flags": ["--model_args=features:8,groups:1,window:4", "--patch_size=64"],
    "plksr_tiny.flags": ["--model_args=features:8,blocks:1,kernel_size:5,large_features:2", "--patch_size=32"],
    "quickstart.flags": [],
    "realplksr.flags": ["--model_args=features:8,blocks:1,kernel_size:5,large_features:2,norm:group,activation:mish",
                        "--patch_size=32"],
    "real_esrnet.flags": ["--model_args=features:8,growth_channels:4,blocks:1", "--patch_size=32"],
    "recurrent_span.flags": ["--model_args=features:8,blocks:1,flow_features:4", "--patch_size=32",
                             "--discriminator_args=features:8,patches:true", "--frames=3"],
    "raisr_x2.flags": ["--model_args=angles:4", "--patch_size=32"],
    "rcan.flags": ["--model_args=features:8,groups:1,blocks:1,reduction:4", "--patch_size=32"],
    "rdn.flags": ["--model_args=features:8,growth_channels:4,blocks:1,convolutions:2", "--patch_size=32"],
    "rrdb_x2.flags": ["--model_args=unshuffle:2,features:8,growth_channels:4,blocks:1", "--patch_size=32"],
    "span.flags": ["--model_args=features:8,blocks:1", "--patch_size=32"],
    "span_x2.flags": ["--model_args=features:8,blocks:1,folded:true", "--patch_size=32"],
    "srcnn.flags": ["--model_args=kernels:9-5-5,features:8"],
    "real_esrgan.flags": ["--model_args=features:8,growth_channels:4,blocks:1", "--patch_size=32",
                          "--discriminator_args=features:4"],
    "realsr.flags": ["--model_args=features:8,growth_channels:4,blocks:1", "--patch_size=32",
                     "--discriminator_args=features:4,norm:batch", "--kernel_pool=kernels"],
    "srgan.flags": ["--model_args=features:8,blocks:1", "--patch_size=32", "--discriminator_args=features:8"],
    "srresnet.flags": ["--model_args=features:8,blocks:1", "--patch_size=32"],
    "srvgg.flags": ["--model_args=features:8,convolutions:1", "--patch_size=32"],
    "swinir_light.flags": ["--model_args=features:8,depths:2,heads:2,upsampler:pixelshuffledirect",
                           "--patch_size=32"],
    "tecogan.flags": ["--model_args=features:8,blocks:1,skip:bicubic,flow_features:4", "--patch_size=32",
                      "--discriminator_args=features:8", "--frames=3"],
    "vespcn.flags": ["--model_args=features:8,layers:3", "--patch_size=32"],
    "vdsr.flags": ["--model_args=features:8,depth:3"],
}


# Those that take their step in a graph, as users' runs do: one for each kind of step. Of the others the step runs
# operation by operation, in a quarter of the time, and only the generator is traced.
IN_A_GRAPH = {"quickstart.flags", "raisr_x2.flags", "tecogan.flags"}


@pytest.fixture(scope="module")
def finished() -> dict[str, Path]:
    """The run folders of the recipes that have taken their step: others start from some of them."""
    return {}


@pytest.fixture(autouse=True)
def narrow_vgg(monkeypatch):
    """VGG19 with every layer, each of 8 channels."""
    monkeypatch.setattr(vgg, "LAYERS", dict.fromkeys(vgg.LAYERS, 8))


@pytest.fixture
def traced(monkeypatch):
    """Traces the generator of each run, in training, for crops of its size."""

    def build_step(config, build=session.build_step):
        step = build(config)
        if eager := tf.config.functions_run_eagerly():
            tf.config.run_functions_eagerly(False)
            side, model = config.patch_size // config.scale, step.generator.model
            over_time = isinstance(model, ClipGenerator)
            crops = tf.TensorSpec([2, *[config.frames] * over_time, side, side, 3])
            tf.function(model.unroll if over_time else model).get_concrete_function(crops, training=True)
            tf.config.run_functions_eagerly(eager)
        return step

    monkeypatch.setattr(session, "build_step", build_step)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("recipe", RECIPES)
def test_it_takes_a_step(command, tmp_path, finished, traced, recipe):
    (tmp_path / "kernels").mkdir()
    np.save(tmp_path / "kernels" / "box.npy", np.full((5, 5), 0.04))
    before = re.search(r"--init_from=runs/(\w+)", (Path(str(flags.RECIPES)) / recipe).read_text())
    for name in [*([f"{before[1]}.flags"] if before else []), recipe]:
        run = tmp_path / "runs" / name.removesuffix(".flags")
        if name in finished:
            shutil.copytree(finished[name], run)
            continue
        tf.config.run_functions_eagerly(name not in IN_A_GRAPH)
        over_time = any(argument.startswith("--frames") for argument in SHRUNK[name]) or name == "vespcn.flags"
        done = command("train", f"--flagfile={name}", *SHRUNK[name],
                       f"--dataset={'motion:' * over_time}deadleaves:2", "--val_images=1",
                       "--batch_size=2", "--vgg_weights=random", "--steps=1")
        assert done.status == 0, done.err
        finished[name] = run
    assert (run / "last.keras").is_file()
