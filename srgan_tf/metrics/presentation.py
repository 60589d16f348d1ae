"""What a metric is called, how many digits it is shown with, and whether more of it is better."""

from typing import NamedTuple


class Presentation(NamedTuple):
    """A metric as tables and messages show it; `rising`: whether more is better."""

    name: str
    form: str
    rising: bool
    unit: str = ""

    @property
    def title(self) -> str:
        """The heading of a column."""
        return f"{self.name}, {self.unit}" if self.unit else self.name

    def show(self, value: float) -> str:
        """Name, value and unit."""
        return f"{self.name} {value:{self.form}} {self.unit}".rstrip()


PRESENTATIONS = {
    "psnr_y": Presentation("PSNR-Y", ".2f", True, "dB"), "ssim_y": Presentation("SSIM-Y", ".4f", True),
    "psnr_rgb": Presentation("PSNR-RGB", ".2f", True, "dB"), "ssim_rgb": Presentation("SSIM-RGB", ".4f", True),
    "niqe": Presentation("NIQE", ".3f", False), "lpips": Presentation("LPIPS", ".4f", False),
    "dists": Presentation("DISTS", ".4f", False)}
