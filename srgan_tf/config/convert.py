"""What `convert` is told."""

import dataclasses

from srgan_tf.config.choices import OFFLINE_HELP
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class ConvertConfig(Settings):
    """A model file made of another."""

    model: str = setting(
        "", "Foreign weights (.pth, .safetensors, .param), a .keras file, a run folder, or the name of a shipped or "
        "published model.", group="Basics")
    output: str = setting(
        "", "File to write: .keras for this package, or .safetensors with the names that the architecture's authors "
        "use.", group="Basics")
    keys: str = setting(
        "", "Names in the .safetensors: basicsr (BasicSR, Real-ESRGAN), esrgan (2018; also msrresnet), bsrgan "
        "(2019) for rrdb; edsr_pytorch, rcan; span, folded for span; plksr, realplksr; empty: the first. If you give "
        "an unknown one, the message lists those of the model.", group="Basics")
    model_args: str = setting(
        "", "Arguments that names and shapes cannot tell, as in residual_scale:0.1 (edsr), activation:relu (srvgg), "
        "scale:3 (rrdb in esrgan keys), input_range:1 (span, swinir), norm_groups:8 (plksr), "
        "patch_size:128 (unet).", group="Model")
    offline: bool = setting(False, OFFLINE_HELP, group="Basics")
    fold: bool = setting(
        False, "Write the network in its form for inference: span re-parametrises its convolutions in training, and is "
        "written with plain 3x3 convolutions. Other architectures have one form.", group="Basics")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("model", "output")
        if not self.output.endswith((".keras", ".safetensors")):
            raise UserError(f"--output must end in .keras or .safetensors; got {self.output!r}")
        if self.keys and not self.output.endswith(".safetensors"):
            raise UserError(f"--keys={self.keys} chooses the names in a .safetensors file, and --output={self.output} "
                            "is none: leave --keys out")
