"""Makes the references of networks over time: a warp by PyTorch's grid_sample, and TecoGAN-PyTorch's generator.

    tests/references/warp.npz                              images, flow, and the warped images
    tests/references/weights/frvsr_tecogan_pytorch_*.pth   a tiny generator with random weights, under the names that
                                                           github.com/skycrapers/TecoGAN-PyTorch gives them
    tests/references/weights/frvsr_tecogan_pytorch_*.npz   `input` and `output`: a first frame; `frames` and `images`:
                                                           three frames, and what its recurrence makes of them

The generator is written here from the names and shapes of that project's files and from the papers (arXiv 1801.04590,
1811.09393). Run from the repository's root, in an environment with PyTorch:

    python tools/make_clip_references.py
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

REFERENCES = Path(__file__).parent.parent / "tests" / "references"
HEIGHT, WIDTH = 8, 8
NAMES = ("encoder1", "encoder2", "encoder3", "decoder1", "decoder2", "decoder3")


def moved(images: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:
    """Backward warping of [B,C,H,W] by a flow [B,2,H,W] in pixels, the edges continued."""
    height, width = images.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    place = torch.stack([x + flow[:, 0], y + flow[:, 1]], dim=-1)
    place = 2 * place / torch.tensor([width - 1, height - 1]) - 1
    return F.grid_sample(images, place, mode="bilinear", padding_mode="border", align_corners=True)


def unshuffled(images: torch.Tensor, factor: int) -> torch.Tensor:
    """Space to depth in TensorFlow's order of channels: rows, columns, colours."""
    parts = [images[:, :, row::factor, column::factor] for row in range(factor) for column in range(factor)]
    return torch.cat(parts, dim=1)


class Pairs(nn.Module):
    """The flow network: two convolutions a stage, three stages down and three up."""

    def __init__(self, features: int):
        super().__init__()
        channels = 6
        for name, factor in zip(NAMES, (1, 2, 4, 8, 4, 2), strict=True):
            width = features * factor
            setattr(self, name, nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.2),
                                              nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2)))
            channels = width
        self.flow = nn.Sequential(nn.Conv2d(channels, features, 3, padding=1), nn.LeakyReLU(0.2),
                                  nn.Conv2d(features, 2, 3, padding=1))

    def forward(self, frame: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        x = torch.cat([frame, before], dim=1)
        for name in NAMES:
            x = getattr(self, name)(x)
            x = F.max_pool2d(x, 2) if name[0] == "e" else F.interpolate(x, scale_factor=2, mode="bilinear")
        return 24 * torch.tanh(self.flow(x))


class Residual(nn.Module):
    """A residual block."""

    def __init__(self, features: int):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(features, features, 3, padding=1), nn.ReLU(),
                                  nn.Conv2d(features, features, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x)


class Bicubic(nn.Module):
    """Keys's interpolation with a = -0.75 whose cells begin at the LR pixels, the edges continued."""

    def __init__(self, factor: int):
        super().__init__()
        rows = []
        for place in np.arange(factor) / factor:
            far = np.abs(place - np.arange(-1, 3))
            rows.append([1.25 * d**3 - 2.25 * d**2 + 1 if d <= 1 else -0.75 * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2
                         else 0 for d in far])
        self.register_buffer("kernels", torch.tensor(np.array(rows), dtype=torch.float32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for axis in (2, 3):
            size, count = x.shape[axis], len(self.kernels)
            taps = [x.index_select(axis, (torch.arange(size) + shift).clamp(0, size - 1)) for shift in range(-1, 3)]
            phases = [sum(weight * tap for weight, tap in zip(row, taps, strict=True)) for row in self.kernels]
            x = torch.stack(phases, dim=axis + 1).flatten(axis, axis + 1)
            assert x.shape[axis] == size * count
        return x


class Upscaling(nn.Module):
    """What makes an image of a frame and the warped image before it."""

    def __init__(self, scale: int, features: int, blocks: int, interpolate: nn.Module):
        super().__init__()
        self.conv_in = nn.Sequential(nn.Conv2d(3 + 3 * scale**2, features, 3, padding=1), nn.ReLU())
        self.resblocks = nn.Sequential(*(Residual(features) for _ in range(blocks)))
        steps = [nn.ConvTranspose2d(features, features, 3, 2, 1, output_padding=1) for _ in range(scale // 2)]
        self.conv_up = nn.Sequential(*(layer for step in steps for layer in (step, nn.ReLU())))
        self.conv_out = nn.Conv2d(features, 3, 3, padding=1)
        self.upsample_func = interpolate

    def forward(self, frame: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        x = self.resblocks(self.conv_in(torch.cat([frame, before], dim=1)))
        return self.conv_out(self.conv_up(x)) + self.upsample_func(frame)


class Recurrence(nn.Module):
    """The generator."""

    def __init__(self, scale: int, bicubic: bool):
        super().__init__()
        self.scale = scale
        self.upsample_func = Bicubic(scale) if bicubic else nn.Upsample(scale_factor=scale, mode="bilinear")
        self.fnet, self.srnet = Pairs(2), Upscaling(scale, 4, 2, self.upsample_func)

    def forward(self, frames: torch.Tensor) -> list[torch.Tensor]:
        """The images of frames [T,3,H,W]."""
        images, before = [], torch.zeros(1, 3 * self.scale**2, *frames.shape[2:])
        for number in range(len(frames)):
            frame = frames[number : number + 1]
            if images:
                flow = self.scale * self.upsample_func(self.fnet(frame, frames[number - 1 : number]))
                before = unshuffled(moved(images[-1], flow), self.scale)
            images.append(self.srnet(frame, before))
        return images


def store(name: str, scale: int, bicubic: bool) -> None:
    """Writes a generator and what it makes."""
    torch.manual_seed(0)
    network = Recurrence(scale, bicubic).eval()
    with torch.no_grad():
        for key, value in network.state_dict().items():
            if not key.endswith("kernels"):
                spread = (2 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1
                value.normal_(0, spread * (0.3 if "fnet.flow.2" in key or "conv_out" in key else 1))
        frames = torch.rand(3, 3, HEIGHT, WIDTH)
        images = network(frames)
        flow = network.fnet(frames[1:2], frames[:1])
    path = REFERENCES / "weights" / f"{name}.pth"
    torch.save(network.state_dict(), path)
    np.savez_compressed(path.with_suffix(".npz"), input=frames[:1].numpy(), output=images[0].numpy(),
                        frames=frames.numpy(), images=torch.cat(images).numpy())
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, images std {torch.cat(images).std():.3f}, flow up to "
          f"{flow.abs().max():.1f} LR pixels")


def main() -> None:
    """Writes every reference anew."""
    torch.manual_seed(0)
    images, flow = torch.rand(2, 3, 5, 7), 4 * torch.randn(2, 2, 5, 7)
    np.savez_compressed(REFERENCES / "warp.npz", images=images.permute(0, 2, 3, 1).numpy(),
                        flow=flow.permute(0, 2, 3, 1).numpy(), warped=moved(images, flow).permute(0, 2, 3, 1).numpy())
    store("frvsr_tecogan_pytorch_x4", 4, bicubic=True)
    store("frvsr_tecogan_pytorch_x2", 2, bicubic=False)


if __name__ == "__main__":
    main()
