"""What papers report for x4 on bicubic reductions, on Y: PSNR in dB and SSIM, each with the table that it stands in.

A figure that could not be traced to a paper's table is not here. So ESRGAN has no row: its paper's table and its
repository report RRDB, the network before adversarial training, and of ESRGAN itself only single images.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A row of the literature.

    Attributes:
        source: where the figures stand, one of the SOURCES; it need not be the method's own paper.
        parameters: of the network that was measured, where it is known exactly.
        figures: PSNR and SSIM by benchmark; None: not reported.
    """

    source: str
    parameters: int | None
    figures: dict[str, tuple[float, float | None]]


class Source(NamedTuple):
    """A paper's table: its name, and the paper's number at arXiv."""

    table: str
    paper: str

    def __str__(self) -> str:
        return f"{self.table} (arXiv:{self.paper})"


SCALE = 4
SOURCES = {
    "vdsr": Source("VDSR paper, table of the benchmarks", "1511.04587"),
    "drcn": Source("DRCN paper, table of the benchmarks", "1511.04491"),
    # Its SSIM is of another implementation: above that of other papers at like PSNR.
    "srgan": Source("SRGAN paper, table 2", "1609.04802"),
    "rcan": Source("RCAN paper, table of bicubic reductions", "1807.02758"),
    "esrgan": Source("ESRGAN paper, table 2", "1809.00219"),
    "imdn": Source("IMDN paper, table of the benchmarks", "1909.11856"),
}
PUBLISHED = {
    "bicubic": Published("esrgan", None, {
        "Set5": (28.42, .8104), "Set14": (26.00, .7027), "BSD100": (25.96, .6675), "Urban100": (23.14, .6577)}),
    "SRCNN": Published("esrgan", 57_281, {
        "Set5": (30.48, .8628), "Set14": (27.50, .7513), "BSD100": (26.90, .7101), "Urban100": (24.52, .7221)}),
    "FSRCNN": Published("rcan", 12_809, {
        "Set5": (30.72, .8660), "Set14": (27.61, .7550), "BSD100": (26.98, .7150), "Urban100": (24.62, .7280)}),
    "ESPCN": Published("srgan", 24_752, {
        "Set5": (30.76, .8784), "Set14": (27.66, .8004), "BSD100": (27.02, .7442)}),
    "VDSR": Published("vdsr", 665_921, {
        "Set5": (31.35, .8838), "Set14": (28.01, .7674), "BSD100": (27.29, .7251), "Urban100": (25.18, .7524)}),
    "DRCN": Published("drcn", None, {
        "Set5": (31.53, .8854), "Set14": (28.02, .7670), "BSD100": (27.23, .7233), "Urban100": (25.14, .7510)}),
    "SRResNet": Published("srgan", 1_550_659, {
        "Set5": (32.05, .9019), "Set14": (28.49, .8184), "BSD100": (27.58, .7620)}),
    "EDSR-baseline": Published("imdn", 1_517_571, {
        "Set5": (32.09, .8938), "Set14": (28.58, .7813), "BSD100": (27.57, .7357), "Urban100": (26.04, .7849)}),
    "EDSR": Published("esrgan", 43_089_923, {
        "Set5": (32.46, .8968), "Set14": (28.80, .7876), "BSD100": (27.71, .7420), "Urban100": (26.64, .8033)}),
    "RDN": Published("esrgan", 22_271_107, {
        "Set5": (32.47, .8990), "Set14": (28.81, .7871), "BSD100": (27.72, .7419), "Urban100": (26.61, .8028)}),
    "RCAN": Published("esrgan", 15_592_379, {
        "Set5": (32.63, .9002), "Set14": (28.87, .7889), "BSD100": (27.77, .7436), "Urban100": (26.82, .8087)}),
    "RRDB": Published("esrgan", 16_697_987, {
        "Set5": (32.73, .9011), "Set14": (28.99, .7917), "BSD100": (27.85, .7455), "Urban100": (27.03, .8153)}),
    "SRGAN": Published("srgan", 1_550_659, {
        "Set5": (29.40, .8472), "Set14": (26.02, .7397), "BSD100": (25.16, .6688)}),
}
