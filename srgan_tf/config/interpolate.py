"""What `interpolate` is told."""

import dataclasses

from srgan_tf.config.choices import OFFLINE_HELP, OVERLAP, OVERLAP_HELP, TILE_HELP, check_tile
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class InterpolateConfig(Settings):
    """A walk from one generator to another."""

    model_a: str = setting("", "Generator at alpha 0, usually the PSNR-oriented one: any model that convert --model "
                               "takes.",
                           group="Basics")
    model_b: str = setting("", "Generator at alpha 1, usually the adversarial one, whose training started from the "
                               "first.",
                           group="Basics")
    alpha: tuple[float, ...] = setting((0.2, 0.5, 0.8), "Interpolation factors: the weights are (1 - alpha) A + "
                                                        "alpha B.", group="Basics")
    output: str = setting("interpolated", "Folder: alpha_0.2.keras and so on; with --input also NAME_alpha_0.2.png and "
                          "NAME_sheet.png.", group="Basics")
    input: tuple[str, ...] = setting((), "Images to upscale at every alpha, and to draw the sheets from.",
                                     paths=True, group="Basics")
    pixels: bool = setting(True, "Compare with interpolated images: a second row on the sheet, NAME_pixels_0.2.png.",
                           group="Basics")
    offline: bool = setting(False, OFFLINE_HELP, group="Basics")
    tile: int | None = setting(None, TILE_HELP, low=0, group="Hardware")
    overlap: int = setting(OVERLAP, OVERLAP_HELP, low=0, group="Hardware")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tile(self.tile, self.overlap)
        self.require("model_a", "model_b", "alpha")
        for alpha in self.alpha:
            if not 0 <= alpha <= 1:
                raise UserError(f"--alpha must be within 0..1; got {alpha:g}")
