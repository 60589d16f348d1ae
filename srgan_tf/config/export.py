"""What `export` is told."""

import dataclasses

from srgan_tf.config.choices import COMPUTE_TYPES, DEFAULT_MODEL, OFFLINE_HELP, QUANTIZATIONS, TFLITE_IO, TILE
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, setting
from srgan_tf.text import whole_number


@dataclasses.dataclass(frozen=True)
class ExportConfig(Settings):
    """An export of one model to the formats that other software takes."""

    model: str = setting(
        "", "A .keras file, a run folder (best.keras, or last.keras of a run with a discriminator), foreign weights "
        "(.pth, .safetensors, .param), or the name of a shipped or published model; for web alone also a .tflite file "
        f"of free size that export wrote. Empty: {DEFAULT_MODEL}; for web alone the models that ship as .tflite, "
        f"{DEFAULT_MODEL}_int8 first, unless --quantize is given.", group="Basics")
    offline: bool = setting(False, OFFLINE_HELP, group="Basics")
    format: tuple[str, ...] = setting(
        ("saved_model", "tflite"), "Formats to write: saved_model, tflite, onnx, openvino, web.", group="Basics")
    output: str = setting(
        "", "Folder: OUTPUT/VERSION/ is the SavedModel (the next free number); OUTPUT/NAME.tflite, .onnx, .xml with "
        ".bin; OUTPUT/index.html is the site of web, to which a further export adds its model.", group="Basics")
    quantize: str = setting(
        "none", "Number type of the .tflite: none is float32; float16 halves the file; dynamic has int8 weights; int8 "
        "computes in int8 too, with ranges taken from --representative (not for RAISR and networks over time).",
        choices=QUANTIZATIONS, group="TFLite")
    tile: str = setting("64", "Height, or HEIGHTxWIDTH, of the fixed input of the .tflite, in LR pixels. (A network "
                        "over time takes any size.)", group="TFLite")
    dynamic: bool = setting(False, "Leave height and width of the .tflite's input free, instead of --tile.",
                            group="TFLite")
    io: str = setting(
        "", "Number type of the input and output of the .tflite: uint8 grey levels, float32 in 0..255 or float32 in "
        "0..1; empty: uint8 for --quantize=int8, else float1.", choices=("", *TFLITE_IO), group="TFLite")
    android_sample: bool = setting(
        False, "The .tflite of TensorFlow's super_resolution sample: float32 [1,50,50,3] in 0..255.", group="TFLite")
    representative: str = setting(
        "", "Folder of photographs that int8 is calibrated on (and dynamic's kernels are rounded by), less those that "
        "the loss is measured on; empty: scikit-image's.", group="TFLite")
    int8_loss: float = setting(
        0, "Greatest loss of int8, in dB of PSNR-Y on photographs that it is not calibrated on: if greater, "
        "the operations that cost most compute in float32; 0: all compute in int8.", low=0, group="TFLite")
    gpu_compatible: bool = setting(False, "Refuse to write a .tflite with operations that GPUs do not run.",
                                   group="TFLite")
    litert_js: str = setting(
        "", "The folder node_modules/@litertjs of npm, for web; empty: downloaded once (12 MB).", group="Web")
    precision: str = setting("float32", "Compute type of the SavedModel.", choices=COMPUTE_TYPES, group="SavedModel")
    saved_model_tile: int = setting(
        TILE, "Side of the tiles in which the SavedModel upscales larger images, in LR pixels: bounds its memory.",
        low=16, group="SavedModel")
    saved_model_overlap: int = setting(
        -1, "Context around each of those tiles, in LR pixels; -1: the network's receptive radius, at most an eighth "
        "of the tile.", low=-1, group="SavedModel")
    max_megapixels: float = setting(
        400, "The SavedModel refuses images whose output would have more megapixels.", above=0, group="SavedModel")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require("output", "format")
        if self.saved_model_tile <= 2 * self.saved_model_overlap:
            raise UserError(f"--saved_model_tile must be greater than twice --saved_model_overlap="
                            f"{self.saved_model_overlap}; got {self.saved_model_tile}")
        if self.android_sample and (self.dynamic or self.tile not in ("64", "50", "50x50")
                                    or self.io not in ("", "float255")):
            raise UserError("--android_sample means --tile=50 --io=float255: give none of --tile, --io and --dynamic")
        if "web" in self.format and (self.io == "float255" or self.android_sample or self.gpu_compatible):
            raise UserError("--format=web makes a .tflite of free size in 0..1 or uint8: give neither --io=float255, "
                            "--android_sample nor --gpu_compatible")
        if self.int8_loss and self.quantize != "int8":
            raise UserError(f"--int8_loss needs --quantize=int8; got --quantize={self.quantize}")
        if self.gpu_compatible and self.dynamic:
            raise UserError("--gpu_compatible needs the fixed sizes of --tile: GPU delegates refuse free ones")
        if not all((whole_number(side) or 0) >= 8 for side in self.tile.split("x")) or self.tile.count("x") > 1:
            raise UserError(f"--tile must be HEIGHT or HEIGHTxWIDTH, each at least 8; got {self.tile!r}")

    @property
    def tile_shape(self) -> tuple[int, int] | None:
        """Height and width of the .tflite's input; None where they are free."""
        if self.dynamic:
            return None
        height, _, width = ("50" if self.android_sample else self.tile).partition("x")
        return int(height), int(width or height)

    @property
    def tflite_io(self) -> str:
        """One of TFLITE_IO: what --io says, or what goes with the other flags."""
        return self.io or ("float255" if self.android_sample else "uint8" if self.quantize == "int8" else "float1")
