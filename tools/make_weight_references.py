"""Makes tests/references/weights/: checkpoints of other networks, an input, and what they return for it.

The networks are those of BasicSR, torchSR (EDSR-PyTorch's), spandrel and BSRN's authors, tiny, with random weights,
saved by PyTorch in the forms that are in use. tests/weights/test_parity.py reads the same files and expects the same
output.

Run from the repository's root, in an environment of its own:

    pip install "torch>=2.6" spandrel einops safetensors pnnx
    pip install --no-deps --no-build-isolation basicsr torchsr
    git clone https://github.com/xiaom233/BSRN
    python tools/make_weight_references.py
"""

import importlib
import re
import shutil
import sys
import tempfile
import types
from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from unittest import mock

import numpy as np
import pnnx
import torch
from torch import nn

FOLDER = Path(__file__).parent.parent / "tests" / "references" / "weights"
IMAGE = (1, 3, 4, 8)
ODD = (1, 3, 9, 6)


def basicsr(module: str, name: str) -> Callable[..., nn.Module]:
    """A network of BasicSR, whose packages would import OpenCV and torchvision's removed parts on the way."""
    root = Path(PathFinder.find_spec("basicsr").submodule_search_locations[0])
    for package in ("basicsr", "basicsr.archs", "basicsr.utils"):
        stub = sys.modules.setdefault(package, types.ModuleType(package))
        stub.__path__ = [str(root.joinpath(*package.split(".")[1:]))]
    sys.modules["basicsr.utils"].get_root_logger = mock.MagicMock()
    sys.modules.setdefault("basicsr.ops", mock.MagicMock())
    sys.modules.setdefault("basicsr.ops.dcn", mock.MagicMock())
    return getattr(importlib.import_module(f"basicsr.archs.{module}"), name)


def torchsr_edsr(**arguments: object) -> nn.Module:
    """EDSR-PyTorch's network."""
    return importlib.import_module("torchsr.models.edsr").EDSR(**arguments)


def spandrel(state: Mapping[str, torch.Tensor]) -> nn.Module:
    """The network that spandrel recognises."""
    with two_growth_channels():
        return importlib.import_module("spandrel").ModelLoader().load_from_state_dict(dict(state)).model


def two_growth_channels() -> mock._patch:
    """Spandrel's RRDB has always 32, which would make large files."""
    block = importlib.import_module("spandrel.architectures.__arch_helpers.block")
    full = block.RRDB
    return mock.patch.object(block, "RRDB", lambda **arguments: full(**{**arguments, "gc": 2}))


def renamed(state: Mapping[str, torch.Tensor], *pairs: tuple[str, str]) -> dict[str, torch.Tensor]:
    """The same tensors under other names."""
    result = {}
    for name, value in state.items():
        for pattern, replacement in pairs:
            name = re.sub(f"^{pattern}", replacement, name)
        result[name] = value
    return result


def randomize(network: nn.Module, bias_size: float) -> None:
    """Draws every weight and statistic so that each has a visible share in the output."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if not value.is_floating_point() or "_mean." in name or name.endswith(
                    ("weight_u", "weight_v", "no_norm", "init_pos", "attn_mask", "attn_mask_0", "attn_mask_1",
                     "rpe_biases")):
                continue
            if re.search("conv_du|attention", name):  # their inputs are means on 0..255, behind them is a sigmoid
                value.normal_(0, 0.02)
            elif re.search(r"\.(sk|conv\.\d|dw|project_out)\.weight", name):  # linear, behind others
                value.normal_(0, (0.5 / value[0].numel()) ** 0.5)
            elif name == "up.0.weight":  # what reaches it is large
                value.normal_(0, 0.02)
            elif name == "upsampler.0.weight" and "no_norm" not in network.state_dict():  # images in 0..255 before it
                value.normal_(0, 0.01)
            elif name.endswith("running_var"):
                value.uniform_(0.3, 1.2)
            elif value.ndim > 1:
                value.normal_(0, (2 / value[0].numel()) ** 0.5)
            else:
                value.normal_(1 if re.search(r"(bn\d_\d|norm)\.weight", name) else 0, bias_size)


def store(name: str, network: nn.Module, *, bias_size: float = 0.1, shape: tuple[int, ...] = IMAGE,
          rename: Callable = dict, dtype: torch.dtype = torch.float32, wrap: Callable = dict, zipped: bool = True,
          judge: Callable | None = None) -> None:
    """Writes NAME.pth, and input and output of the network with these very weights.

    Args:
        name: of the files.
        network: in BasicSR's or the authors' code.
        bias_size: of the random biases.
        shape: of the input.
        rename: gives the names to be saved.
        dtype: of the numbers to be saved.
        wrap: puts containers around the state_dict.
        zipped: False for the form before PyTorch 1.6.
        judge: makes the network of the saved state_dict, which must agree with `network`.
    """
    torch.manual_seed(0)
    randomize(network, bias_size)
    network.load_state_dict({key: value.to(dtype).to(value.dtype) if value.is_floating_point() else value
                             for key, value in network.state_dict().items()})
    inputs = torch.randint(0, 5, shape) / 4  # few levels, which make small files
    if any(key.endswith("weight_u") for key in network.state_dict()):
        for _ in range(20):  # the power iteration that training does
            network.train()(inputs)
    state = rename(network.state_dict())
    with torch.no_grad():
        outputs = network.eval()(inputs.clone())
        if judge:
            difference = (judge(state).eval()(inputs.clone()) - outputs).abs().max()
            assert difference < 1e-5, f"{name}: {difference}"
    state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in state.items()}
    path = FOLDER / f"{name}.pth"
    torch.save(wrap(state), path, _use_new_zipfile_serialization=zipped)
    np.savez_compressed(path.with_suffix(".npz"), input=inputs.numpy(), output=outputs.numpy())
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, output {list(outputs.shape)} std {outputs.std():.3f}"
          f"{', as spandrel' if judge else ''}")


def store_rrdb() -> None:
    """RRDBNet in all three sets of names, in every container."""
    build = basicsr("rrdbnet_arch", "RRDBNet")
    size = {"num_in_ch": 3, "num_out_ch": 3, "num_feat": 4, "num_grow_ch": 2, "num_block": 1}
    later = ((r"body\.(\d+)\.rdb(\d)\.", r"RRDB_trunk.\1.RDB\2."), (r"conv_body\.", "trunk_conv."),
             (r"conv_up(\d)\.", r"upconv\1."), (r"conv_hr\.", "HRconv."))
    store("rrdb_basicsr_x4", build(**size), judge=spandrel, wrap=lambda state: {
        "params": {key: torch.zeros_like(value) for key, value in state.items()}, "params_ema": state})
    store("rrdb_basicsr_x2", build(**size, scale=2), judge=spandrel, wrap=lambda state: {"params_ema": state})
    store("rrdb_basicsr_x1", build(**size, scale=1), judge=spandrel, dtype=torch.float16)
    store("rrdb_bsrgan_x4", build(**size), rename=lambda state: renamed(state, *later), judge=spandrel,
          dtype=torch.bfloat16)
    store("rrdb_bsrgan_x2", spandrel_esrgan(2), rename=lambda state: renamed(
        state, (r"model\.0\.", "conv_first."),
        (r"model\.1\.sub\.0\.RDB(\d)\.conv(\d)\.0", r"RRDB_trunk.0.RDB\1.conv\2"),
        (r"model\.1\.sub\.1\.", "trunk_conv."), (r"model\.3\.", "upconv1."), (r"model\.5\.", "HRconv."),
        (r"model\.7\.", "conv_last.")), judge=spandrel)
    for scale in (1, 2, 4, 8):
        store(f"rrdb_esrgan_x{scale}", spandrel_esrgan(scale), zipped=scale % 4 == 1, wrap=lambda state: {
            f"module.{key}": value for key, value in state.items()})


    store("esrgan_plus_esrgan_x2", spandrel_esrgan(2, plus=True), judge=spandrel)


def spandrel_esrgan(scale: int, plus: bool = False) -> nn.Module:
    """The first ESRGAN's network, or ESRGAN+'s."""
    network = importlib.import_module("spandrel.architectures.ESRGAN").ESRGAN
    with two_growth_channels():
        return network(num_filters=4, num_blocks=1, scale=scale, plus=plus)


def store_ncnn() -> None:
    """RRDB, SRVGG and SPAN as pnnx writes them for ncnn, in float32 and in float16, and what PyTorch returns."""
    compact = importlib.import_module("spandrel.architectures.Compact.__arch.SRVGG").SRVGGNetCompact
    networks = {"rrdb_pnnx_x4": spandrel_esrgan(4), "srvgg_pnnx_x2": compact(
        num_in_ch=3, num_out_ch=3, num_feat=6, num_conv=2, upscale=2, act_type="prelu"), "span_pnnx_x2": span(2)}
    for name, network in networks.items():
        torch.manual_seed(0)
        randomize(network, 0.1)
        half = "srvgg" in name
        if half:  # of the kernels alone: biases and slopes are float32 in ncnn's files
            network.load_state_dict({key: value.half().float() if value.ndim > 1 else value
                                     for key, value in network.state_dict().items()})
        inputs = torch.randint(0, 5, IMAGE) / 4
        with torch.no_grad():
            outputs = network.eval()(inputs.clone())
        with tempfile.TemporaryDirectory() as folder:
            pnnx.export(network, f"{folder}/it.pt", (torch.rand(1, 3, 8, 8),), inputs2=(torch.rand(1, 3, 12, 10),),
                        fp16=half)
            for ending in ("param", "bin"):
                shutil.copy(f"{folder}/it.ncnn.{ending}", FOLDER / f"{name}.{ending}")
        np.savez_compressed(FOLDER / f"{name}.npz", input=inputs.numpy(), output=outputs.numpy())
        print(f"{name}: output {list(outputs.shape)} std {outputs.std():.3f}")


def store_others() -> None:
    """Generators that add their residuals to something else, and both discriminators."""
    size = {"num_in_ch": 3, "num_out_ch": 3, "num_feat": 6}
    build = basicsr("srresnet_arch", "MSRResNet")
    store("msrresnet_basicsr_x3", build(**size, num_block=2, upscale=3), wrap=lambda state: {"params": state})
    store("msrresnet_esrgan_x4", build(**size, num_block=2, upscale=4), rename=lambda state: renamed(
        state, (r"body\.", "recon_trunk."), (r"conv_hr\.", "HRconv.")), zipped=False)
    build = basicsr("edsr_arch", "EDSR")
    store("edsr_basicsr_x3", build(**size, num_block=2, upscale=3, res_scale=0.5), bias_size=25,
          wrap=lambda state: {"params": state})
    store("edsr_basicsr_x4", build(**size, num_block=1, upscale=4), bias_size=25, dtype=torch.float16)
    store("edsr_edsr_pytorch_x2", torchsr_edsr(n_resblocks=2, n_feats=6, scale=2, res_scale=1), bias_size=25)
    store("edsr_edsr_pytorch_x4", torchsr_edsr(n_resblocks=1, n_feats=6, scale=4, res_scale=1), bias_size=25,
          zipped=False, wrap=lambda state: {"epoch": 3, "lr": 1e-4, "state_dict": state})
    build = basicsr("srvgg_arch", "SRVGGNetCompact")
    for activation in ("prelu", "leakyrelu", "relu"):
        store(f"srvgg_basicsr_{activation}_x{4 if activation == 'prelu' else 2}", build(
            **size, num_conv=2, upscale=4 if activation == "prelu" else 2, act_type=activation),
            judge=spandrel if activation == "prelu" else None, zipped=activation != "relu",
            wrap=lambda state: {"params": state})
    build = basicsr("rcan_arch", "RCAN")
    store("rcan_basicsr_x3", build(**size, num_group=2, num_block=2, squeeze_factor=2, upscale=3), bias_size=25)
    original = importlib.import_module("spandrel.architectures.RCAN").RCAN
    store("rcan_rcan_x4", original(scale=4, n_resgroups=2, n_resblocks=1, n_feats=6, reduction=3), bias_size=25,
          judge=spandrel)
    store_span()
    store_plksr()
    store_swinir()
    store_dat()
    store_bsrn()
    store_omnisr()
    store("vgg128_basicsr", basicsr("discriminator_arch", "VGGStyleDiscriminator")(3, 2), shape=(2, 3, 128, 128),
          dtype=torch.float16)
    store("unet_basicsr", basicsr("discriminator_arch", "UNetDiscriminatorSN")(3, 2), shape=(1, 3, 16, 16))


def span(scale: int, norm: bool = True) -> nn.Module:
    """SPAN, as narrow as it can be tested."""
    return importlib.import_module("spandrel.architectures.SPAN").SPAN(
        num_in_ch=3, num_out_ch=3, feature_channels=2, upscale=scale, norm=norm)


def store_span() -> None:
    """SPAN as it is trained, normalized and not, and folded, as graphs for inference hold it."""
    store("span_span_x4", span(4), judge=spandrel, zipped=False, wrap=lambda state: {"params": state})
    store("span_span_x2", span(2, norm=False), judge=spandrel, zipped=False)
    network = span(3, norm=False).eval()

    def folded(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        network(torch.zeros(IMAGE))  # computes eval_conv; in the other two files it is as random as the rest
        return {key: value for key, value in network.state_dict().items()
                if re.search(r"eval_conv|conv_cat|upsampler|no_norm", key)}

    store("span_folded_x3", network, zipped=False, rename=folded)


def store_plksr() -> None:
    """PLKSR, and RealPLKSR with group normalisation and DySample, and with layer normalisation."""
    networks = importlib.import_module("spandrel.architectures.PLKSR")
    size = {"dim": 8, "n_blocks": 1, "kernel_size": 5}
    store("plksr_plksr_x3", networks.PLKSR(**size, upscaling_factor=3), judge=spandrel,
          wrap=lambda state: {"params": state})
    store("plksr_realplksr_x4", networks.RealPLKSR(**size, upscaling_factor=4, dysample=True), judge=spandrel,
          wrap=lambda state: {"params_ema": state}, dtype=torch.float16)
    store("plksr_realplksr_x2", networks.RealPLKSR(**size, upscaling_factor=2, layer_norm=True, use_ea=False),
          judge=spandrel, zipped=False)


def store_swinir() -> None:
    """SwinIR with each of its upsamplers, both connections and windows of 7, which are for range 255."""
    module = importlib.import_module("spandrel.architectures.SwinIR.__arch.SwinIR")

    def swinir(window: int = 4, **arguments: object) -> nn.Module:
        return module.SwinIR(img_size=2 * window, window_size=window, **{
            "embed_dim": 4, "depths": [2], "num_heads": [2], "mlp_ratio": 2.0, **arguments})

    classical = swinir(upsampler="pixelshuffle", upscale=3, depths=[2, 1], num_heads=[1, 2])
    narrow_reconstruction(classical, module.Upsample(3, 4))
    store("swinir_swinir_x3", classical, shape=ODD, wrap=lambda state: {"params": state})
    store("swinir_swinir_x2_light", swinir(upsampler="pixelshuffledirect", upscale=2), shape=ODD, judge=spandrel,
          wrap=lambda state: {"params": state})
    real = swinir(upsampler="nearest+conv", upscale=4, resi_connection="3conv")
    narrow_reconstruction(real, None)
    for name in ("conv_up1", "conv_up2", "conv_hr"):
        setattr(real, name, nn.Conv2d(4, 4, 3, padding=1))
    store("swinir_swinir_x4_real", real, shape=ODD, wrap=lambda state: {"params_ema": state})
    store("swinir_swinir_x1", swinir(7, upsampler="", in_chans=1, img_range=255.0), bias_size=1,
          shape=(1, 1, *ODD[2:]), judge=spandrel)


def store_dat() -> None:
    """DAT, and with windows, connection and upsampler of its light form."""
    module = importlib.import_module("spandrel.architectures.DAT.__arch.DAT")
    size = {"img_size": 8, "embed_dim": 32, "num_heads": [2], "expansion_factor": 1.0, "split_size": [2, 4]}
    network = module.DAT(**{**size, "num_heads": [2, 4]}, depth=[1, 1], upscale=2)
    narrow_reconstruction(network, module.Upsample(2, 4))
    store("dat_dat_x2", network, shape=ODD, wrap=lambda state: {"params": state}, dtype=torch.float16)
    light = module.DAT(**size, depth=[3], upscale=3, upsampler="pixelshuffledirect", resi_connection="3conv")
    store("dat_dat_x3_light", light, shape=ODD, judge=spandrel, wrap=lambda state: {"params": state},
          dtype=torch.float16)


def narrow_reconstruction(network: nn.Module, upsample: nn.Module | None) -> None:
    """4 features behind the body in place of 64, which cannot be chosen and would make large files."""
    network.conv_before_upsample[0] = nn.Conv2d(network.embed_dim, 4, 3, padding=1)
    network.upsample, network.conv_last = upsample, nn.Conv2d(4, 3, 3, padding=1)


def store_omnisr() -> None:
    """OmniSR with a group of two blocks."""
    network = importlib.import_module("spandrel.architectures.OmniSR.__arch.OmniSR").OmniSR(
        num_feat=8, res_num=1, block_num=2, window_size=4, up_scale=2)
    store("omnisr_omnisr_x2", network, shape=(1, 3, 17, 22), judge=spandrel, dtype=torch.float16)


def store_bsrn() -> None:
    """BSRN with one block; its code has always eight, which would make a large file."""
    registry = types.ModuleType("basicsr.utils.registry")
    registry.ARCH_REGISTRY = mock.MagicMock()
    registry.ARCH_REGISTRY.register.return_value = lambda network: network
    with mock.patch.dict(sys.modules, {"basicsr.utils.registry": registry}):
        for name in ("basicsr", "basicsr.archs"):
            sys.modules[name] = types.ModuleType(name)
        for name in ("Upsamplers", "BSRN_arch"):
            module = types.ModuleType(f"basicsr.archs.{name}")
            exec(Path("BSRN", "basicsr", "archs", f"{name}.py").read_text(), module.__dict__)
            sys.modules[module.__name__] = sys.modules["basicsr.archs"].__dict__[name] = module
            sys.modules["basicsr"].archs = sys.modules["basicsr.archs"]
    network = module.BSRN(num_feat=16, num_block=1, upscale=2)
    for number in range(2, 9):
        delattr(network, f"B{number}")

    def forward(x: torch.Tensor) -> torch.Tensor:
        head = network.fea_conv(torch.cat([x] * 4, dim=1))
        return network.upsampler(network.c2(network.GELU(network.c1(network.B1(head)))) + head)

    network.forward = forward
    store("bsrn_bsrn_x2", network, shape=(1, 3, 16, 17), zipped=False, wrap=lambda state: {"params": state})


def main() -> None:
    """Writes every reference anew."""
    for name in ("torchvision", "torchvision.transforms", "torchvision.transforms.functional", "torchvision.utils",
                 "torchvision.models"):
        sys.modules.setdefault(name, mock.MagicMock())  # imported by networks that are not asked for
    FOLDER.mkdir(exist_ok=True)
    store_rrdb()
    store_others()
    store_ncnn()


if __name__ == "__main__":
    main()
