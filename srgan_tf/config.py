"""What each command is told: frozen dataclasses, a field a flag.

Nothing here knows absl, TensorFlow or Keras: flags.py turns the fields into command-line flags.
"""

import dataclasses
import re
from pathlib import Path

from srgan_tf.settings import Settings, setting

SCALES = (2, 3, 4, 8)
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
# The generators that a run folder holds, the one to take first.
RUN_MODELS = ("best.keras", "last.keras")
DEFAULT_MODEL = "edsr_x4"
QUANTIZATIONS = ("none", "float16", "dynamic", "int8")
TFLITE_IO = ("uint8", "float255", "float1")
SCHEDULES = ("milestones", "cosine", "constant")
STRATEGIES = ("auto", "one", "mirrored", "multi_worker", "tpu")


@dataclasses.dataclass(frozen=True)
class TrainConfig(Settings):
    """A training run. Defaults are EDSR-baseline's (arXiv 1707.02921); the flagfiles hold the papers' recipes."""

    model: str = setting("edsr", "Generator: edsr, rrdb, srresnet, ... (srgan_tf.models.GENERATORS).")
    model_args: str = setting("", "Its arguments, as in features:256,blocks:32,residual_scale:0.1 for EDSR-L.")
    scale: int = setting(4, "How many times larger the output is.", choices=SCALES)
    dataset: str = setting(
        "div2k/bicubic_x4",
        "Training pictures: div2k/bicubic_x4 and its sisters (downloaded by tensorflow-datasets), folder:HR, "
        "folder:HR,LR, records:DIR (made by prepare), samples (scikit-image's photographs), deadleaves[:COUNT] "
        "(procedural).")
    val_dataset: str = setting("", "Validation pictures, written likewise; empty: held-out ones of the training set.")
    steps: int = setting(300_000, "Optimizer steps in all; a resumed run goes on to this number.", low=1)
    batch_size: int = setting(16, "Crops in a step, on all devices together.", low=1)
    patch_size: int = setting(192, "Side of the square HR crops, in pixels; a multiple of --scale.", low=1)
    learning_rate: float = setting(1e-4, "Adam's learning rate at the start.", above=0)
    schedule: str = setting(
        "milestones", "How the rate falls: at --milestones, along half a cosine to zero, or not at all.",
        choices=SCHEDULES)
    milestones: tuple[int, ...] = setting((200_000,), "Steps after which the rate is multiplied by --decay.", low=1)
    decay: float = setting(0.5, "Factor applied to the learning rate at each milestone.", above=0)
    beta_1: float = setting(0.9, "Adam's decay of the gradient's mean.", low=0)
    beta_2: float = setting(0.999, "Adam's decay of the gradient's square.", low=0)
    losses: str = setting(
        "l1:1", "Terms of the generator's loss and their weights: l1, mse, charbonnier, vgg54 (ESRGAN's: before the "
        "activation, L1), vgg54_relu_mse (SRGAN's), any vggIJ; as in l1:0.01,vgg54:1.")
    adversarial: str = setting(
        "", "Adversarial loss and its weight, as in relativistic:0.005: vanilla, relativistic, least_squares, hinge; "
        "empty: none.")
    discriminator: str = setting("vgg128", "Second player of an adversarial run: srgan, vgg128.")
    discriminator_args: str = setting("", "Its arguments, as in features:32.")
    vgg_weights: str = setting(
        "imagenet", "VGG19 weights of perceptual losses: imagenet (downloaded), the path of keras.applications' notop "
        ".h5 file, or random (for trials of the machinery only).")
    init_from: str = setting("", "A .keras file or run folder whose generator's weights the run starts from.")
    precision: str = setting("float32", "Compute type; weights stay float32.", choices=PRECISIONS)
    ema: float = setting(
        0.999, "Decay of the moving average of the generator's weights, which is what is validated and kept as "
        "best.keras and last.keras; 0: the weights themselves.", low=0)
    clip_norm: float = setting(0, "Scale gradients down to this norm, over all weights of a network; 0: never.", low=0)
    strategy: str = setting(
        "auto", "Devices: one, mirrored (all GPUs of this machine), multi_worker (those of the machines in TF_CONFIG), "
        "tpu, or auto: whichever of the first three fits.", choices=STRATEGIES)
    jit_compile: bool = setting(False, "Compile the step with XLA.")
    steps_per_call: int = setting(
        1, "Steps that a call into the graph takes; more are faster where a step is short. Records, validations and "
        "checkpoints wait for the end of a call.", low=1)
    deterministic: bool = setting(False, "Use only operations that repeat bit for bit, where a GPU has faster ones.")
    seed: int = setting(0, "Seed of weights, crops and augmentation.", low=0)
    run_dir: str = setting("", "Run folder; one that holds this run is resumed. Empty: runs/MODEL_xSCALE.")
    checkpoint_every: int = setting(1_000, "Steps between checkpoints.", low=1)
    validate_every: int = setting(1_000, "Steps between validations.", low=1)
    log_every: int = setting(100, "Steps between records of the losses.", low=1)
    keep_checkpoints: int = setting(3, "Checkpoints kept.", low=2)
    profile: int = setting(
        0, "Calls to trace, after the first five, for TensorBoard's profiler (pip install xprof); 0: none.", low=0)
    val_images: int = setting(16, "Validation pictures used, at most.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch_size % self.scale:
            raise ValueError(f"--patch_size must be a multiple of --scale={self.scale}; got {self.patch_size}")
        for name in ("beta_1", "beta_2", "ema"):
            if getattr(self, name) >= 1:
                raise ValueError(f"--{name} must be less than 1; got {getattr(self, name)}")
        if not self.losses and not self.adversarial:
            raise ValueError("--losses and --adversarial are both empty: there is nothing to train on")

    @property
    def folder(self) -> str:
        """The run folder: --run_dir, or one named after the model and the scale."""
        return self.run_dir or f"runs/{self.model}_x{self.scale}"


@dataclasses.dataclass(frozen=True)
class PrepareConfig(Settings):
    """Pictures made ready to train on: decoded, reduced and written as they will be mapped into memory."""

    dataset: str = setting(
        "", "What to prepare: div2k/bicubic_x4 and its sisters, folder:HR, folder:HR,LR, samples, deadleaves[:COUNT].")
    val_dataset: str = setting("", "Validation pictures, written likewise; empty: held-out ones of --dataset.")
    scale: int = setting(4, "HR side over LR side.", choices=SCALES)
    output: str = setting("", "Folder for the records; one that holds these records already is gone on with.")
    sizes: tuple[float, ...] = setting(
        (1.0,), "Sizes to store each training picture at: 1 is itself, 0.5 half its sides by MATLAB's bicubic "
        "reduction; as in 1,0.75,0.5.", above=0)
    shard_pictures: int = setting(32, "Pictures of the dataset in a shard.", low=1)
    beam: str = setting(
        "", "Write the shards by Apache Beam with these pipeline options, as in --beam='--runner=FlinkRunner'; empty: "
        "in this process.")
    verify: bool = setting(False, "Write nothing: compare every byte of the records in --output with its checksum.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.output:
            raise ValueError("--output is required: the folder of the records")
        if not self.dataset and not self.verify:
            raise ValueError("--dataset is required: div2k/bicubic_x4, folder:HR, samples, ...")
        if not self.sizes or max(self.sizes) > 1:
            raise ValueError(f"--sizes must be numbers up to 1; got {','.join(f'{size:g}' for size in self.sizes)!r}")


@dataclasses.dataclass(frozen=True)
class EvaluateConfig(Settings):
    """An evaluation: a model on benchmarks, or a folder of pictures against a folder of references."""

    model: str = setting("", "bicubic, a .keras file, a run folder, a SavedModel, a .tflite file, or a shipped name.")
    benchmark: tuple[str, ...] = setting(
        (), "Folders with HR/* and optionally LR_bicubic/X4/*, separated by commas. LR is made by MATLAB's bicubic "
        "reduction where it is absent.")
    scale: int = setting(4, "Scale of the task; as many pixels are cropped from each side.", choices=SCALES)
    output: str = setting("results", "Folder for results.json, results.md and the sheets of crops.")
    sr_dir: str = setting("", "Instead of a model: pictures that somebody else made.")
    hr_dir: str = setting("", "Their references, with equal names (an ending such as x4 or _SR is passed over).")
    save_images: bool = setting(False, "Also write every enlarged picture, to OUTPUT/BENCHMARK/.")
    sheet_rows: int = setting(6, "Pictures on each sheet of crops, at most; 0: no sheets.", low=0)
    tile: int = setting(256, "Side of the tiles that pictures are enlarged by, in LR pixels; 0: whole pictures.", low=0)
    threads: int = setting(0, "Threads that a .tflite model runs with; 0: one for each core.", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.sr_dir) != bool(self.hr_dir):
            raise ValueError("--sr_dir and --hr_dir go together: the pictures and their references")
        if self.sr_dir and self.benchmark:
            raise ValueError("give --benchmark (with --model) or --sr_dir with --hr_dir, not both")
        if self.sr_dir and self.model:
            raise ValueError("--sr_dir names finished pictures: --model has nothing to do")
        if not self.sr_dir and not (self.model and self.benchmark):
            raise ValueError("nothing to evaluate: give --model and --benchmark, or --sr_dir and --hr_dir")


@dataclasses.dataclass(frozen=True)
class ExportConfig(Settings):
    """An export of one model to the formats that other software takes."""

    model: str = setting("", "A .keras file, a run folder (its best generator) or a shipped name.")
    format: tuple[str, ...] = setting(("saved_model", "tflite"), "Formats to write: saved_model, tflite.")
    output: str = setting("", "Folder: OUTPUT/VERSION/ is the SavedModel (the next free number), OUTPUT/NAME.tflite.")
    quantize: str = setting(
        "none", "Numbers of the .tflite: none is float32; float16 halves the file; dynamic has int8 weights; int8 "
        "computes in int8 too, with ranges taken from --representative.", choices=QUANTIZATIONS)
    tile: str = setting("64", "Height, or HEIGHTxWIDTH, of the fixed input of the .tflite, in LR pixels.")
    dynamic: bool = setting(False, "Leave height and width of the .tflite's input free, instead of --tile.")
    io: str = setting(
        "", "Numbers in and out of the .tflite: uint8 grey levels, float32 in 0..255 or float32 in 0..1; empty: uint8 "
        "for --quantize=int8, else float1.", choices=("", *TFLITE_IO))
    android_sample: bool = setting(
        False, "The .tflite of TensorFlow's super_resolution sample: float32 [1,50,50,3] in 0..255.")
    representative: str = setting(
        "", "Folder of photographs that int8 is calibrated on, less those that the loss is measured on; empty: "
        "scikit-image's.")
    gpu_compatible: bool = setting(False, "Refuse a .tflite with operations that GPUs do not take.")
    precision: str = setting("float32", "Compute type of the SavedModel.", choices=("float32", "bfloat16"))
    saved_model_tile: int = setting(
        384, "Side of the tiles that the SavedModel enlarges larger pictures by, in LR pixels: bounds its memory.",
        low=16)
    max_megapixels: float = setting(
        400, "The SavedModel refuses pictures whose enlargement would be larger.", above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("model", "output", "format"):
            if not getattr(self, name):
                raise ValueError(f"--{name} is required")
        if self.android_sample and (self.dynamic or self.tile not in ("64", "50", "50x50")
                                    or self.io not in ("", "float255")):
            raise ValueError("--android_sample means --tile=50 --io=float255: give none of --tile, --io and --dynamic")
        if self.gpu_compatible and self.dynamic:
            raise ValueError("--gpu_compatible needs the fixed sizes of --tile: GPU delegates refuse free ones")
        if not all(side.isdecimal() and int(side) >= 8 for side in self.tile.split("x")) or self.tile.count("x") > 1:
            raise ValueError(f"--tile must be HEIGHT or HEIGHTxWIDTH, each at least 8; got {self.tile!r}")

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


@dataclasses.dataclass(frozen=True)
class ServeConfig(Settings):
    """A server of one model. The flags that tensorflow_model_server has too have its names and meanings."""

    model_base_path: str = setting("", "Folder whose numbered folders are SavedModel versions, as export writes it.")
    model_name: str = setting("", "Name of the model in requests; empty: that of the folder.")
    host: str = setting("127.0.0.1", "Address to listen on; 0.0.0.0: every one, so that others can use the server.")
    port: int = setting(8500, "Port of gRPC; 0: no gRPC.", low=0)
    rest_api_port: int = setting(8501, "Port of REST and the page; 0: neither.", low=0)
    file_system_poll_wait_seconds: float = setting(1, "Seconds between looks for new versions.", above=0)
    version_labels: tuple[str, ...] = setting(
        (), "Labels of versions, as in stable:3,canary:4. They are served beside the newest, whose label is latest.")
    max_request_megabytes: float = setting(32, "Larger requests are refused.", above=0)
    max_held_megabytes: float = setting(1024, "Requests and answers in memory, together.", above=0)
    max_running: int = setting(2, "Requests that compute at the same time.", low=1)
    max_waiting: int = setting(32, "Requests that wait for a turn; more are refused at once.", low=0)
    request_timeout: float = setting(120, "Seconds for a request to arrive, and for its answer to be made.", above=0)
    stop_timeout: float = setting(20, "Seconds that running requests are given when the server is stopped.", above=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.model_base_path:
            raise ValueError("--model_base_path is required: a folder of SavedModel versions, as export writes it")
        if not self.port and not self.rest_api_port:
            raise ValueError("--port and --rest_api_port are both 0: there is nothing to listen on")
        for name in ("port", "rest_api_port"):
            if getattr(self, name) > 65535:
                raise ValueError(f"--{name} must be at most 65535; got {getattr(self, name)}")
        if not re.fullmatch(r"[\w.-]+", self.name):
            raise ValueError(f"--model_name must be of letters, digits and _ . - alone; got {self.name!r}")
        if self.labels.get("latest") is not None:
            raise ValueError("--version_labels: latest is the newest version's label and cannot be given to another")

    @property
    def name(self) -> str:
        """Of the model in requests."""
        return self.model_name or Path(self.model_base_path).resolve().name

    @property
    def labels(self) -> dict[str, int]:
        """Versions by label."""
        found = {}
        for item in self.version_labels:
            label, _, number = item.partition(":")
            if not re.fullmatch(r"[\w.-]+", label) or not number.isdecimal():
                raise ValueError(f"--version_labels must be LABEL:NUMBER[,LABEL:NUMBER]; got {item!r}")
            found[label] = int(number)
        return found


@dataclasses.dataclass(frozen=True)
class UpscaleConfig(Settings):
    """An enlargement of pictures."""

    model: str = setting(
        "", "A .keras file, a run folder, a SavedModel, a .tflite file, a shipped name, or bicubic; empty: the shipped "
        "edsr_x4, or the model that --server names.")
    output: str = setting("upscaled", "Folder for the enlarged pictures.")
    scale: int = setting(4, "Scale of --model=bicubic; every other model has its own.", choices=SCALES)
    suffix: str = setting("", "Added to each file's name before its ending, as in _x4.")
    format: str = setting(
        "", "Ending of the files written: png, jpg, webp, tif, bmp; empty: png, but jpg for jpg.")
    overwrite: bool = setting(False, "Replace files that exist.")
    recursive: bool = setting(False, "Take the pictures of sub-folders too, and keep the folders.")
    tile: int = setting(256, "Side of the tiles, in LR pixels: bounds the memory; 0: whole pictures.", low=0)
    overlap: int = setting(
        16, "Context around each tile, in LR pixels. Where it covers the model's receptive field the result is that of "
        "the whole picture.", low=0)
    max_megapixels: float = setting(400, "Pictures whose enlargement would be larger are refused.", above=0)
    threads: int = setting(0, "Threads that a .tflite model runs with; 0: one for each core.", low=0)
    timing: bool = setting(False, "Print how long each phase took.")
    server: str = setting(
        "", "Enlarge there instead: http://HOST:8501/v1/models/NAME (REST) or grpc://HOST:8500/NAME (gRPC) of "
        "TensorFlow Serving or srgan_tf.serve; --model is NAME where the URL has none.")
    server_timeout: float = setting(120, "Seconds that the server may take for one tile.", above=0)
    server_retries: int = setting(5, "Further attempts where the server is busy or cannot be reached.", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tile and self.tile <= 2 * self.overlap:
            raise ValueError(f"--tile must be greater than twice --overlap={self.overlap}; got {self.tile}")
