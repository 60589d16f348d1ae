"""What `upscale` is told."""

import dataclasses

from srgan_tf.config.choices import (
    COMPUTE_TYPES,
    DEFAULT_MODEL,
    OFFLINE_HELP,
    OVERLAP,
    OVERLAP_HELP,
    RUNTIMES,
    SCALES,
    SHARP_MODEL,
    TILE,
    TRUST_HELP,
    VIDEO_CODECS,
    check_tile,
)
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class UpscaleConfig(Settings):
    """An upscaling of images."""

    model: str = setting(
        "", "A model's name (--list shows all), a .keras file, a run folder, a SavedModel, a .tflite file, foreign "
        "weights (.pth, .safetensors, .param) or bicubic; empty: edsr_x4, or the model that --server names.",
        group="Basics")
    list: bool = setting(False, "Show the models that ship and the published ones, and do nothing else.",
                         group="Basics")
    sharpness: float = setting(
        0, "Interpolates between the shipped models: 0 is edsr_x4 (faithful), 1 is perceptual_x4 (invents "
        "texture).", low=0, group="Basics")
    output: str = setting("upscaled", "Folder for the upscaled images; or, of one image, the file, as in large.png.",
                          group="Basics")
    scale: int = setting(4, "Scale of --model=bicubic; every other model has its own.", choices=SCALES, group="Basics")
    suffix: str = setting(
        "_x{scale}", "Added to each file's name before its ending; {scale} stands for the model's scale. Empty: names "
        "stay as they are.", group="Basics")
    format: str = setting(
        "", "Ending of the files written: png, jpg, webp, tif, bmp; empty: png, but jpg for jpg. Of clips: mp4, mov, "
        "mkv, webm; empty: as the clip's.", group="Basics")
    overwrite: bool = setting(False, "Replace files that exist.", group="Basics")
    recursive: bool = setting(
        False, "Include images in sub-folders, and keep the folder structure; hidden folders and those of programs, "
        "such as .thumbnails and @eaDir, are left alone.", group="Basics")
    tile: int = setting(TILE, "Side of the tiles, in LR pixels: bounds the memory; 0: no tiles.", low=0,
                        group="Hardware")
    overlap: int = setting(OVERLAP, OVERLAP_HELP, low=0, group="Hardware")
    self_ensemble: bool = setting(
        False, "Upscale each tile in its eight symmetries and average the results: eight times slower, 0.1 to 0.2 "
               "dB better.",
        group="Quality")
    max_megapixels: float = setting(400, "Refuse images whose output would have more megapixels.", above=0)
    page: int = setting(
        0, "Page of a TIFF, or frame of an animated image, that is upscaled, from 1; 0: files of several are refused.",
        low=0)
    accept_truncated: bool = setting(False, "Take a JPEG that is cut off as far as it goes.")
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
        "TensorFlow Serving or srgan_tf.serve; --model is NAME where the URL has none.", group="Server")
    server_timeout: float = setting(120, "Seconds that the server may take for one tile.", above=0, group="Server")
    server_retries: int = setting(5, "Further attempts where the server is busy or cannot be reached.", low=0,
                                  group="Server")
    codec: str = setting(
        "", "Codec of a clip; empty: h264, or of more than 8 bits hevc; in .webm vp9, av1. ffv1 (.mkv) is lossless.",
        choices=("", *VIDEO_CODECS), group="Video")
    crf: int = setting(
        -1, "Constant quality of a clip's codec, smaller is better; -1: h264 18, hevc 20, vp9 24, av1 28.", low=-1,
        group="Video")
    preset: str = setting(
        "", "Speed of a clip's codec: ultrafast to veryslow for h264 and hevc (empty: medium), 8 to 0 for vp9 (4), "
        "12 to 0 for av1 (8).", group="Video")
    pixel_format: str = setting(
        "", "Pixel format of a clip, as yuv420p, yuv444p or yuv420p10le; empty: yuv420p, or of more than 8 bits "
        "yuv420p10le.", group="Video")
    start: str = setting("", "Begin a clip here: seconds, MM:SS or HH:MM:SS, as in 90.5 or 1:30.", group="Video")
    end: str = setting("", "End a clip here; empty: at its end.", group="Video")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tile(self.tile, self.overlap)
        if self.sharpness > 1:
            raise UserError(f"--sharpness must be within 0..1; got {self.sharpness:g}")
        if self.sharpness and (self.server or self.model not in ("", DEFAULT_MODEL)):
            raise UserError(f"--sharpness lies between the shipped models {DEFAULT_MODEL} and {SHARP_MODEL}: give "
                            "neither --model nor --server with it")
