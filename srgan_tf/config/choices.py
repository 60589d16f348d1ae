"""Values that more than one command or room knows."""

from typing import NamedTuple

from srgan_tf.errors import UserError

SCALES = (1, 2, 3, 4, 8)
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
# The generators that a run folder holds, the one to take first.
RUN_MODELS = ("best.keras", "last.keras")
DEFAULT_MODEL = "photo_x4"
FAITHFUL_MODEL = "fidelity_x4"
SHARP_MODEL = "perceptual_x4"
GENTLE_MODEL = "photo_gentle_x4"


class Strength(NamedTuple):
    """What a flag of `upscale` between 0 and 1 stands for.

    Attributes:
        models: of strength 0 and of strength 1; what lies between has their interpolated weights.
        off: the strength at which the flag does nothing.
    """

    models: tuple[str, str]
    off: float


STRENGTHS = {"sharpness": Strength((FAITHFUL_MODEL, SHARP_MODEL), 0),
             "denoise": Strength((GENTLE_MODEL, DEFAULT_MODEL), 1)}
QUANTIZATIONS = ("none", "float16", "dynamic", "int8")
TFLITE_IO = ("uint8", "float255", "float1")
OPTIMIZERS = ("adam", "muon")
SCHEDULES = ("milestones", "cosine", "constant", "schedule_free")
DISCRIMINATOR_INPUTS = ("rgb", "wavelet")
STRATEGIES = ("auto", "one", "mirrored", "multi_worker", "tpu")
RUNTIMES = ("tensorflow", "openvino")
COMPUTE_TYPES = ("float32", "bfloat16")
# What clips are written with; video/encoders.py says how.
VIDEO_CODECS = ("h264", "hevc", "vp9", "av1", "ffv1")
# In LR pixels. EDSR-baseline takes 1.7 GiB for such a tile. Overlaps cost it 6% more time on a megapixel; with tiles of
# 256 they cost 21%.
TILE, OVERLAP = 384, 16
# Those that are measured besides PSNR and SSIM, and the flag that names the weights of those that have some.
EXTRA_METRICS = {"niqe": "", "lpips": "lpips_weights", "dists": "dists_weights"}
METRICS = ("psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb", *EXTRA_METRICS)
LPIPS_HELP = ("Weights of LPIPS (AlexNet or VGG16): one file with all of them, or torchvision's and lpips' files "
              "separated by a comma. .safetensors, .npz or .pth.")
DISTS_HELP = "Weights of DISTS: one file with all of them, or torchvision's VGG16 and DISTS_pytorch's weights.pt."
TRUST_HELP = ("Open a SavedModel that holds operations which can touch files, hosts or Python, and a .tflite file "
              "without a trial in a process of its own: only for models whose author you trust.")
BEAM_HELP = ("with these pipeline options, as in --beam='--runner=FlinkRunner --flink_master=HOST:8081'; empty: in "
             "this process.")
OFFLINE_HELP = ("Download nothing: a published model must be in the cache or in an installed package. The environment "
                "variable SRGAN_TF_OFFLINE=1 means the same.")
OVERLAP_HELP = ("Context around each tile, in pixels of the image that is upscaled. If it covers the model's receptive "
                "field, the result equals that of the whole image.")
TILE_HELP = ("Side of the tiles, in pixels of the image that is upscaled: bounds the memory; 0: no tiles. By default "
             f"{TILE}, but networks that take averages over the whole image take it at once if memory allows.")


def check_tile(tile: int | None, overlap: int) -> None:
    """Raises a ValueError where the overlap leaves nothing of the tile."""
    if tile and tile <= 2 * overlap:
        raise UserError(f"--tile must be greater than twice --overlap={overlap}; got {tile}")
