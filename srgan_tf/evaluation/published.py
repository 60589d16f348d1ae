"""What papers report for x4 on bicubic reductions, on Y: PSNR in dB and SSIM, as given in their tables.

The number beside a method is that of its own paper, which need not be the one whose table the figure stands in. RRDB
is trained on DF2K; the SRGAN paper's SSIM is higher than that of others at like PSNR.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """A row of the literature.

    Attributes:
        paper: its number at arXiv; empty: none of its own.
        parameters: of the network that was measured, where it is known exactly.
        figures: PSNR and SSIM by benchmark; None: not reported.
    """

    paper: str
    parameters: int | None
    figures: dict[str, tuple[float, float | None]]


SCALE = 4
PUBLISHED = {
    "bicubic": Published("", None, {
        "Set5": (28.42, .8104), "Set14": (26.00, .7027), "BSD100": (25.96, .6675), "Urban100": (23.14, .6577)}),
    "SRCNN": Published("1501.00092", 57_281, {
        "Set5": (30.48, .8628), "Set14": (27.50, .7513), "BSD100": (26.90, .7101), "Urban100": (24.52, .7221)}),
    "ESPCN": Published("1609.05158", 24_752, {
        "Set5": (30.52, .8697), "Set14": (27.42, None), "BSD100": (26.87, None), "Urban100": (24.39, None)}),
    "FSRCNN": Published("1608.00367", 12_809, {
        "Set5": (30.70, .8657), "Set14": (27.59, None), "BSD100": (26.96, None), "Urban100": (24.60, None)}),
    "VDSR": Published("1511.04587", 665_921, {
        "Set5": (31.35, .8838), "Set14": (28.01, None), "BSD100": (27.29, None), "Urban100": (25.18, None)}),
    "DRCN": Published("1511.04491", None, {
        "Set5": (31.53, .8854), "Set14": (28.02, None), "BSD100": (27.23, None), "Urban100": (25.14, None)}),
    "LapSRN": Published("1704.03915", None, {
        "Set5": (31.54, .8850), "Set14": (28.19, None), "BSD100": (27.32, None), "Urban100": (25.21, None)}),
    "DRRN": Published("", None, {
        "Set5": (31.68, .8888), "Set14": (28.21, None), "BSD100": (27.38, None), "Urban100": (25.44, None)}),
    "SRResNet": Published("1609.04802", 1_550_659, {
        "Set5": (32.05, .9019), "Set14": (28.49, .8184), "BSD100": (27.58, .7620)}),
    "EDSR-baseline": Published("1707.02921", 1_517_571, {
        "Set5": (32.09, .8938), "Set14": (28.58, .7813), "BSD100": (27.57, .7357), "Urban100": (26.04, .7849)}),
    "EDSR": Published("1707.02921", 43_089_923, {
        "Set5": (32.46, .8968), "Set14": (28.80, .7876), "BSD100": (27.71, .7420), "Urban100": (26.64, .8033)}),
    "RDN": Published("1802.08797", 22_271_107, {
        "Set5": (32.47, .8990), "Set14": (28.81, .7871), "BSD100": (27.72, .7419), "Urban100": (26.61, .8028)}),
    "RRDB": Published("1809.00219", 16_697_987, {
        "Set5": (32.73, .9011), "Set14": (28.99, .7917), "BSD100": (27.85, .7455), "Urban100": (27.03, .8153)}),
    "SRGAN": Published("1609.04802", 1_550_659, {
        "Set5": (29.40, .8472), "Set14": (26.02, .7397), "BSD100": (25.16, .6688)}),
    "ESRGAN": Published("1809.00219", 16_697_987, {
        "Set5": (30.45, .8677), "Set14": (26.28, .7783), "BSD100": (25.32, .6506), "Urban100": (24.36, None)}),
}
