"""Makes tests/references/*.npz: PyTorch networks with random weights, an input and what they return for it.

The networks are written from the papers, with the parameter names of BasicSR's state_dicts, in which most published
weights come. tests/models/test_torch_parity.py loads these weights into the Keras models and expects the same output.

Run from the repository's root:

    pip install torch        # or: pip install -e ".[bench]"
    python tools/make_torch_references.py
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

FOLDER = Path(__file__).parent.parent / "tests" / "references"


class ResidualBlock(nn.Module):
    """Two convolutions on a scaled residual branch."""

    def __init__(self, features: int, residual_scale: float = 1.0):
        super().__init__()
        self.residual_scale = residual_scale
        self.conv1, self.conv2 = conv(features, features), conv(features, features)

    def forward(self, x):
        return x + self.residual_scale * self.conv2(functional.relu(self.conv1(x)))


class EDSR(nn.Module):
    """arXiv 1707.02921; images in [0, 1] outside, 0..255 minus DIV2K's average inside."""

    def __init__(self, scale: int, features: int, blocks: int, residual_scale: float):
        super().__init__()
        self.conv_first = conv(3, features)
        self.body = nn.Sequential(*[ResidualBlock(features, residual_scale) for _ in range(blocks)])
        self.conv_after_body = conv(features, features)
        steps = (3,) if scale == 3 else (2,) * (scale.bit_length() - 1)
        self.upsample = nn.Sequential(*[
            layer for step in steps for layer in (conv(features, features * step**2), nn.PixelShuffle(step))])
        self.conv_last = conv(features, 3)
        self.register_buffer("mean", torch.tensor([0.4488, 0.4371, 0.4040]).view(1, 3, 1, 1), persistent=False)

    def forward(self, x):
        head = self.conv_first(255 * (x - self.mean))
        x = head + self.conv_after_body(self.body(head))
        return self.conv_last(self.upsample(x)) / 255 + self.mean


class MobileSR(nn.Module):
    """srgan_tf/models/mobile.py: plain convolutions, added to the repeated input."""

    def __init__(self, scale: int, features: int, blocks: int):
        super().__init__()
        self.scale = scale
        self.head = conv(3, features)
        self.body = nn.ModuleList([conv(features, features) for _ in range(blocks)])
        self.tail = conv(features, 3 * scale**2)

    def forward(self, inputs):
        x = functional.relu(self.head(inputs))
        for convolution in self.body:
            x = functional.relu(convolution(x))
        return functional.pixel_shuffle(self.tail(x) + inputs.repeat_interleave(self.scale**2, dim=1), self.scale)


class MSRResNet(nn.Module):
    """The ESRGAN authors' SRResNet without normalisation, x4."""

    def __init__(self, features: int, blocks: int):
        super().__init__()
        self.conv_first = conv(3, features)
        self.body = nn.Sequential(*[ResidualBlock(features) for _ in range(blocks)])
        self.upconv1, self.upconv2 = conv(features, 4 * features), conv(features, 4 * features)
        self.conv_hr, self.conv_last = conv(features, features), conv(features, 3)

    def forward(self, inputs):
        x = self.body(functional.leaky_relu(self.conv_first(inputs), 0.1))
        for upconv in (self.upconv1, self.upconv2):
            x = functional.leaky_relu(functional.pixel_shuffle(upconv(x), 2), 0.1)
        x = self.conv_last(functional.leaky_relu(self.conv_hr(x), 0.1))
        return x + functional.interpolate(inputs, scale_factor=4, mode="bilinear", align_corners=False)


class DenseBlock(nn.Module):
    """Five convolutions, each on all maps before it; the fifth is not activated."""

    def __init__(self, features: int, growth: int):
        super().__init__()
        for index in range(1, 6):
            outputs = features if index == 5 else growth
            self.add_module(f"conv{index}", conv(features + (index - 1) * growth, outputs))

    def forward(self, x):
        maps = [x]
        for index in range(1, 5):
            maps.append(functional.leaky_relu(self.get_submodule(f"conv{index}")(torch.cat(maps, 1)), 0.2))
        return x + 0.2 * self.conv5(torch.cat(maps, 1))


class ResidualInResidual(nn.Module):
    """Three dense blocks on a scaled residual branch."""

    def __init__(self, features: int, growth: int):
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(features, growth) for _ in range(3))

    def forward(self, x):
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(nn.Module):
    """arXiv 1809.00219, x4."""

    def __init__(self, features: int, growth: int, blocks: int):
        super().__init__()
        self.conv_first = conv(3, features)
        self.body = nn.Sequential(*[ResidualInResidual(features, growth) for _ in range(blocks)])
        self.conv_body = conv(features, features)
        self.conv_up1, self.conv_up2 = conv(features, features), conv(features, features)
        self.conv_hr, self.conv_last = conv(features, features), conv(features, 3)

    def forward(self, x):
        head = self.conv_first(x)
        x = head + self.conv_body(self.body(head))
        for upconv in (self.conv_up1, self.conv_up2):
            x = functional.leaky_relu(upconv(functional.interpolate(x, scale_factor=2, mode="nearest")), 0.2)
        return self.conv_last(functional.leaky_relu(self.conv_hr(x), 0.2))


class VGGStyleDiscriminator(nn.Module):
    """The ESRGAN authors' discriminator, for images of `size` x `size`."""

    def __init__(self, features: int, size: int):
        super().__init__()
        channels = 3
        for index, width in enumerate((1, 2, 4, 8, 8)):
            outputs = features * width
            self.add_module(f"conv{index}_0", nn.Conv2d(channels, outputs, 3, 1, 1, bias=index == 0))
            if index:
                self.add_module(f"bn{index}_0", nn.BatchNorm2d(outputs))
            self.add_module(f"conv{index}_1", nn.Conv2d(outputs, outputs, 4, 2, 1, bias=False))
            self.add_module(f"bn{index}_1", nn.BatchNorm2d(outputs))
            channels = outputs
        self.linear1 = nn.Linear(channels * (size // 32) ** 2, 100)
        self.linear2 = nn.Linear(100, 1)

    def forward(self, x):
        modules = dict(self.named_children())
        for name in (f"{index}_{half}" for index in range(5) for half in range(2)):
            x = modules[f"conv{name}"](x)
            if f"bn{name}" in modules:
                x = modules[f"bn{name}"](x)
            x = functional.leaky_relu(x, 0.2)
        return self.linear2(functional.leaky_relu(self.linear1(x.flatten(1)), 0.2))


class UNetDiscriminator(nn.Module):
    """Real-ESRGAN's discriminator, with PyTorch's own spectral normalisation."""

    def __init__(self, features: int):
        super().__init__()
        f = features
        self.conv0, self.conv9 = conv(3, f), conv(f, 1)
        for index, width in enumerate((1, 2, 4), 1):
            self.add_module(f"conv{index}", normalized(nn.Conv2d(f * width, 2 * f * width, 4, 2, 1, bias=False)))
        for index, width in enumerate((4, 2, 1), 4):
            self.add_module(f"conv{index}", normalized(nn.Conv2d(2 * f * width, f * width, 3, 1, 1, bias=False)))
        for index in (7, 8):
            self.add_module(f"conv{index}", normalized(nn.Conv2d(f, f, 3, 1, 1, bias=False)))

    def forward(self, x):
        maps = [functional.leaky_relu(self.conv0(x), 0.2)]
        for layer in (self.conv1, self.conv2, self.conv3):
            maps.append(functional.leaky_relu(layer(maps[-1]), 0.2))
        x = maps.pop()
        for layer in (self.conv4, self.conv5, self.conv6):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = functional.leaky_relu(layer(x), 0.2) + maps.pop()
        for layer in (self.conv7, self.conv8):
            x = functional.leaky_relu(layer(x), 0.2)
        return self.conv9(x)


class PatchDiscriminator(nn.Sequential):
    """pix2pix' 70x70 discriminator for one image."""

    def __init__(self, features: int, norm: type[nn.Module]):
        layers = [nn.Conv2d(3, features, 4, 2, 1), nn.LeakyReLU(0.2)]
        for width, stride in ((1, 2), (2, 2), (4, 1)):
            outputs = 2 * features * width
            bias = norm is nn.InstanceNorm2d
            layers += [nn.Conv2d(features * width, outputs, 4, stride, 1, bias=bias), norm(outputs), nn.LeakyReLU(0.2)]
        super().__init__(*layers, nn.Conv2d(8 * features, 1, 4, 1, 1))


def normalized(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer under spectral normalisation, in the form whose keys BasicSR's files have."""
    return nn.utils.spectral_norm(layer)


def conv(channels: int, filters: int) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size."""
    return nn.Conv2d(channels, filters, 3, padding=1)


def randomize(network: nn.Module, bias_size: float) -> None:
    """Draws every weight and statistic so that each has a visible share in the output."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.3, 1.2)
            elif value.ndim > 1:
                value.normal_(0, (2 / value[0].numel()) ** 0.5)
            elif value.is_floating_point():
                norm_weight = name.endswith("weight")
                value.normal_(1 if norm_weight else 0, bias_size)


def store(name: str, network: nn.Module, shape: tuple[int, ...], bias_size: float = 0.1) -> None:
    """Writes the network's weights, a random input and its output in PyTorch's layouts, float32."""
    torch.manual_seed(0)
    randomize(network, bias_size)
    inputs = torch.rand(shape)
    with torch.no_grad():
        outputs = network.eval()(inputs)
    weights = {key: value for key, value in network.state_dict().items() if value.is_floating_point()}
    arrays = {"input": inputs, "output": outputs, **weights}
    path = FOLDER / f"{name}.npz"
    np.savez(path, **{key: value.numpy() for key, value in arrays.items()})
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, output {tuple(outputs.shape)} std {outputs.std():.3f}")


def store_training(name: str, network: nn.Module, shape: tuple[int, ...], steps: int, rate: float) -> None:
    """Writes the state, some steps of gradient descent on (output - 1)^2, and the state after them.

    Keys: input, output_0.. of the steps, output after them in evaluation, before/NAME, after/NAME.
    """
    torch.manual_seed(0)
    inputs, optimizer = torch.rand(shape), torch.optim.SGD(network.parameters(), rate)
    arrays = {"input": inputs, **{f"before/{key}": value.clone() for key, value in network.state_dict().items()}}
    for step in range(steps):
        outputs = network.train()(inputs)
        optimizer.zero_grad()
        (outputs - 1).square().mean().backward()
        optimizer.step()
        arrays[f"output_{step}"] = outputs.detach()
    with torch.no_grad():
        arrays["output"] = network.eval()(inputs)
    arrays |= {f"after/{key}": value for key, value in network.state_dict().items()}
    path = FOLDER / f"{name}.npz"
    np.savez(path, **{key: value.numpy() for key, value in arrays.items()})
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, mean outputs",
          *(round(float(value.mean()), 3) for key, value in arrays.items() if "output" in key))


def store_artifact_loss() -> None:
    """Writes LDL's map (arXiv 2203.09195), its loss, and the gradient of the loss by the generator's images."""
    torch.manual_seed(0)
    hr = torch.rand(2, 3, 12, 10)
    sr, average = (hr + size * torch.randn(hr.shape) for size in (0.1, 0.08))
    sr.requires_grad_()
    residual, steady = ((hr - images).abs().sum(1, keepdim=True) for images in (sr, average))
    windows = functional.pad(residual, [3] * 4, mode="reflect").unfold(2, 7, 1).unfold(3, 7, 1)
    weights = windows.var((-1, -2)) * residual.var((1, 2, 3), keepdim=True) ** 0.2
    weights = torch.where(residual < steady, torch.zeros_like(weights), weights)
    loss = functional.l1_loss(weights * sr, weights * hr)
    loss.backward()
    arrays = {"hr": hr, "sr": sr, "average": average, "map": weights, "loss": loss, "gradient": sr.grad}
    np.savez(FOLDER / "ldl.npz", **{key: value.detach().numpy() for key, value in arrays.items()})
    print(f"ldl.npz: loss {loss.item():.6f}, map 0 in {float((weights == 0).float().mean()):.2f} of the pixels")


def main() -> None:
    """Writes every reference anew."""
    FOLDER.mkdir(exist_ok=True)
    image = (2, 3, 7, 6)
    store("edsr_x4", EDSR(4, features=8, blocks=2, residual_scale=0.5), image, bias_size=25)
    store("edsr_x3", EDSR(3, features=8, blocks=2, residual_scale=1.0), image, bias_size=25)
    store("msrresnet_x4", MSRResNet(features=8, blocks=2), image)
    store("rrdb_x4", RRDBNet(features=8, growth=4, blocks=2), image)
    store("vgg128_64px", VGGStyleDiscriminator(features=2, size=64), (2, 3, 64, 64))
    store("patchgan_instance_32px", PatchDiscriminator(2, nn.InstanceNorm2d), (2, 3, 32, 32))
    store("patchgan_batch_32px", PatchDiscriminator(2, nn.BatchNorm2d), (2, 3, 32, 32))
    torch.manual_seed(0)
    store_training("unet_16px", UNetDiscriminator(features=2), (2, 3, 16, 16), steps=3, rate=0.2)
    store_artifact_loss()


if __name__ == "__main__":
    main()
