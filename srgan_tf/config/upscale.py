"""What `upscale` is told."""

import dataclasses
import re

from srgan_tf.config.choices import (
    BEAM_HELP,
    COMPUTE_TYPES,
    OFFLINE_HELP,
    OVERLAP,
    OVERLAP_HELP,
    RUNTIMES,
    STRENGTHS,
    TILE_HELP,
    TRUST_HELP,
    VIDEO_CODECS,
    check_tile,
)
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, setting

LARGEST_SCALE = 64
# What cannot be asked for together.
_CONFLICTS = {"scale": ("width", "height"), "max_side": ("width", "height"), "quality": ("lossless",)}


@dataclasses.dataclass(frozen=True)
class UpscaleConfig(Settings):
    """An upscaling of images."""

    model: str = setting(
        "", "A model's name (--list shows all), a .keras file, a run folder, a SavedModel, a .tflite or .onnx "
        "file, OpenVINO's .xml, foreign weights (.pth, .safetensors, .param) or bicubic; empty: photo_x4_int8, on a "
        "GPU or with --runtime or --precision photo_x4, with --server the model that its URL names.", group="Basics")
    list: bool = setting(False, "Show the models that ship and the published ones, and do nothing else.",
                         group="Basics")
    sharpness: float = setting(
        0, "For clean images, instead of --model: interpolate between fidelity_x4 (near 0: faithful) and perceptual_x4 "
        "(1: invents texture); 0: off.", low=0, group="Basics")
    denoise: float = setting(
        1, "How much noise and how many JPEG blocks the default model removes: 1 is photo_x4, 0 is photo_gentle_x4, "
        "which keeps more of the image, noise included; between 0 and 1, interpolate.", low=0, group="Basics")
    output: str = setting(
        "upscaled", "Folder for the upscaled images; for one image also a file, as in large.png. A name with a slash "
        "at its end is always a folder.", group="Basics")
    scale: float = setting(
        0, "How many times larger the results are, as in 2, 1.5 or 16; 0: the scale of the model (bicubic: 4). For "
        "another scale the model runs until the image is large enough, and MATLAB's bicubic reduction does the rest.",
        low=0, group="Basics")
    width: int = setting(0, "Width of the results in pixels, instead of --scale; without --height, the proportions are "
                            "kept; 0: not given.", low=0, group="Output")
    height: int = setting(0, "Height of the results in pixels, in the same way; 0: not given.", low=0, group="Output")
    max_side: int = setting(0, "Reduce results whose longer side would have more pixels; 0: no limit.",
                            low=0, group="Output")
    suffix: str = setting(
        "_x{scale}", "Added to each file's name before its ending; {scale}, {width} and {height} stand for those of "
        "the result. Empty: names stay as they are. With --width, --height or --max_side the default is "
        "_{width}x{height}.",
        group="Output")
    format: str = setting(
        "", "File format of the results, by its ending: png, jpg, webp, tif, bmp; for clips mp4, mov, mkv, webm; for "
        "animated images gif, webp, png. Empty: jpg for JPEG images, png for other images; clips and animated images "
        "keep their format.", group="Output")
    quality: int = setting(0, "Quality of JPEG and WebP, 1 to 100; 0: 95 for JPEG, lossless for WebP. From 90 on JPEG "
                              "keeps colour at full resolution.", low=0, group="Output")
    lossless: bool = setting(False, "Write lossless files only: PNG instead of JPEG if --format is empty.",
                             group="Output")
    bit_depth: int = setting(0, "Bits per channel; 16 only for PNG and TIFF; 0: as in the image, if the format can "
                                "hold them.", choices=(0, 8, 16), group="Output")
    overwrite: bool = setting(False, "Replace files that exist.", group="Output")
    recursive: bool = setting(
        False, "Include images in sub-folders, as train and prepare always do, and keep the folder structure; hidden "
        "folders and those of programs, such as .thumbnails and @eaDir, are skipped.", group="Basics")
    tile: int | None = setting(None, TILE_HELP, low=0, group="Hardware")
    overlap: int = setting(OVERLAP, OVERLAP_HELP, low=0, group="Hardware")
    self_ensemble: bool = setting(
        False, "Upscale each tile in its eight symmetries and average the results: eight times slower, 0.1 to 0.2 dB "
        "better.",
        group="Quality")
    match_color: bool | None = setting(
        None, "Correct shifts of colour and brightness: results get the low frequencies of their images. On by default "
        "for --sharpness, --denoise, perceptual_x4 and published models that were trained against a discriminator.",
        group="Quality")
    max_megapixels: float = setting(400, "Refuse images whose output would have more megapixels.", above=0)
    page: int = setting(
        0, "Number of the page of a TIFF, or of the frame of an animated image, to upscale, counted from 1; 0: the "
        "only page, or all frames.",
        low=0)
    accept_truncated: bool = setting(False, "Upscale what there is of a JPEG or PNG that was cut off.")
    strip_metadata: bool = setting(
        False, "Write no metadata (EXIF, XMP, IPTC, texts, dots per inch), only the colour profile.")
    runtime: str = setting(
        "tensorflow", "What runs a .keras file or a SavedModel; openvino needs pip install 'srgan_tf[openvino]'.",
        choices=RUNTIMES, group="Hardware")
    precision: str = setting(
        "", "Compute type of a .keras file, and of a SavedModel in OpenVINO; empty: float32, or what an export has.",
        choices=("", *COMPUTE_TYPES), group="Hardware")
    threads: int = setting(0, "Threads that a .tflite file or OpenVINO runs with; 0: one for each core.", low=0,
                           group="Hardware")
    trust_model: bool = setting(False, TRUST_HELP)
    offline: bool = setting(False, OFFLINE_HELP, group="Basics")
    timing: bool = setting(False, "Print how long each phase took.")
    server: str = setting(
        "", "Upscale on this server instead: http://HOST:8501/v1/models/NAME (REST) or grpc://HOST:8500/NAME (gRPC) of "
        "TensorFlow Serving or srgan_tf.serve; --model is NAME if the URL has none. Several, separated by commas, "
        "share the work.", group="Server")
    server_token_file: str = setting(
        "", "A file whose first token is sent to the server; others than its owner and group must not be able to read "
        "it.",
        group="Server")
    server_timeout: float = setting(120, "Seconds that the server may take for one tile.", above=0, group="Server")
    server_retries: int = setting(5, "Further attempts if the server is busy or cannot be reached.", low=0,
                                  group="Server")
    server_requests: int = setting(2, "Requests that are in flight at each server.", low=1, group="Server")
    beam: str = setting("", f"Upscale on many machines by Apache Beam {BEAM_HELP}", group="Hardware")
    codec: str = setting(
        "", "Codec for clips; empty: h264, or hevc for more than 8 bits; in .webm vp9, or av1 for more than 8 bits. "
        "ffv1 (.mkv) is lossless.",
        choices=("", *VIDEO_CODECS), group="Video")
    crf: int = setting(
        -1, "Constant quality for clips, smaller is better; -1: h264 18, hevc 20, vp9 24, av1 28.", low=-1,
        group="Video")
    preset: str = setting(
        "", "Speed of the codec for clips: ultrafast to veryslow for h264 and hevc (empty: medium), 8 to 0 for vp9 "
        "(4), 12 to 0 for av1 (8).", group="Video")
    pixel_format: str = setting(
        "", "Pixel format for clips, as yuv420p, yuv444p or yuv420p10le; empty: yuv420p, or yuv420p10le for more than "
        "8 bits.", group="Video")
    start: str = setting("", "Start of the part of a clip to upscale: seconds, MM:SS or HH:MM:SS, as in 90.5 or 1:30.",
                         group="Video")
    end: str = setting("", "End of this part; empty: the end of the clip.", group="Video")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tile(self.tile, self.overlap)
        if self.scale and not 1 <= self.scale <= LARGEST_SCALE:
            raise UserError(f"--scale must be within 1..{LARGEST_SCALE}, or 0 for the model's own; got {self.scale:g}")
        if any(separator in self.suffix for separator in ("/", "\\", "\0")):
            raise UserError(f"--suffix is a part of a file's name, without folders; got {self.suffix!r}: --output "
                            "names the folder")
        if unknown := set(re.findall(r"\{[^{}]*\}", self.suffix)) - {"{scale}", "{width}", "{height}"}:
            raise UserError(f"--suffix may hold {{scale}}, {{width}} and {{height}}; got {min(unknown)}")
        if self.quality > 100:
            raise UserError(f"--quality must be within 1..100, or 0 for the format's own; got {self.quality}")
        for one, others in _CONFLICTS.items():
            given = [f"--{name}" for name in others if getattr(self, name)]
            if getattr(self, one) and given:
                raise UserError(f"--{one} and {' and '.join(given)} contradict each other: give one of them")
        if len(asked := self.strengths()) > 1:
            raise UserError(f"{' and '.join(f'--{name}' for name in asked)} contradict each other: give one of them")
        for name, kind in STRENGTHS.items():
            value = getattr(self, name)
            if value > 1:
                raise UserError(f"--{name} must be within 0..1; got {value:g}")
            if value != kind.off and (self.server or self.model not in ("", *kind.models)):
                raise UserError(f"--{name} lies between the shipped models {' and '.join(kind.models)}: give neither "
                                "another --model nor --server with it")

    def strengths(self) -> dict[str, float]:
        """The flags of STRENGTHS that are not off."""
        return {name: getattr(self, name) for name, kind in STRENGTHS.items() if getattr(self, name) != kind.off}
