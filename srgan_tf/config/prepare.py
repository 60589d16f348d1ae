"""What `prepare` is told."""

import dataclasses

from srgan_tf.config.choices import BEAM_HELP, COMPUTE_TYPES, SCALES
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class PrepareConfig(Settings):
    """Images made ready to train on: decoded, reduced and written as they will be mapped into memory."""

    dataset: str = setting(
        "", "What to prepare: div2k/bicubic_x4 and the other DIV2K sets, folder:HR, folder:HR,LR (with their "
        "sub-folders), clips:PATH, clips:HR,LR (videos or folders of frames), samples, deadleaves[:COUNT].",
        group="Basics")
    val_dataset: str = setting("", "Validation images, in the same notation; empty: images held out of --dataset.",
                               group="Basics")
    scale: int = setting(4, "HR side divided by LR side.", choices=SCALES, group="Basics")
    output: str = setting("", "Folder for the records; an unfinished folder with the same settings is resumed.",
                          group="Basics")
    sizes: tuple[float, ...] = setting(
        (1.0,), "Sizes to store each training image at: 1 is itself, 0.5 half its sides by MATLAB's bicubic "
        "reduction; as in 1,0.75,0.5.", above=0, group="Data")
    shard_images: int = setting(32, "Images of the dataset per shard; of clips, stretches of about 64 frames.", low=1,
                                formerly="shard_pictures")
    beam: str = setting(
        "", f"Write the shards on many machines by Apache Beam {BEAM_HELP}")
    verify: bool = setting(False, "Write nothing: compare every byte of the records in --output with its checksum.",
                           group="Basics")
    preview: bool = setting(
        False, "Write a sheet of images instead: crops of --dataset (empty: samples), each degraded several times, "
        "with the random parameters. --output is its file; empty: degradations.png.", group="Basics")
    teacher: str = setting(
        "", "Model whose images are stored beside HR, for the teacher's terms of train --losses: the images are cut "
        "into crops, LR is made of each by --degradation, and the teacher upscales it. Empty: none.", group="Teacher")
    crop_size: int = setting(288, "Side of the crops for --teacher, in HR pixels; a multiple of the scale.", low=16,
                             group="Teacher")
    precision: str = setting("float32", "What --teacher computes in.", choices=COMPUTE_TYPES, group="Teacher")
    degradation: str = setting(
        "", "For --teacher and --preview: first_order, real_esrgan (which empty means too), realsr or bicubic, or "
        "several with their shares, as in train.", group="Data")
    sharpen_targets: bool = setting(False, "For --preview: as in train.", group="Data")
    kernel_pool: str = setting("", "For --degradation=realsr, as in train.", group="Data")
    noise_pool: str = setting("", "For --degradation=realsr, as in train.", group="Data")
    seed: int = setting(0, "Seed of what --teacher's crops and --preview draw.", low=0)
    collect_noise: bool = setting(
        False, "Write a pool of noise patches to --output instead, for train --degradation=realsr --noise_pool: the "
        "smooth squares of --dataset, whose brightness varies only by noise.", group="Basics")
    noise_patch: int = setting(256, "Side of the noise patches, in pixels.", low=8, group="Data")
    noise_variance: float = setting(
        20, "Squares with a smaller variance count as smooth, in grey levels squared.", above=0, group="Data")
    noise_mean: float = setting(
        0, "Leave out squares with a lower average; RealSR uses 50 for phones, whose shadows contain no noise.",
        low=0, group="Data")

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum((self.verify, self.preview, self.collect_noise)) > 1:
            raise UserError("--verify, --preview and --collect_noise are three different things: give one of them")
        if self.preview and self.teacher:
            raise UserError("--preview shows degradations, without --teacher: give one of them")
        if self.preview:
            return
        if not self.output:
            raise UserError("--output is required: the folder of the records")
        if not self.dataset and not self.verify:
            raise UserError("--dataset is required: div2k/bicubic_x4, folder:HR, samples, ...")
        if self.crop_size % self.scale:
            raise UserError(f"--crop_size must be a multiple of --scale={self.scale}; got {self.crop_size}")
        if self.degradation and not self.teacher:
            raise UserError(f"--degradation={self.degradation} is for --teacher and --preview: without a teacher, "
                            "records hold clean LR, which train --degradation replaces crop by crop")
        if self.teacher and self.sharpen_targets:
            raise UserError("--sharpen_targets is for --preview: a teacher's images belong to the LR of HR as it is")
        if not self.sizes or max(self.sizes) > 1:
            sizes = ",".join(f"{size:g}" for size in self.sizes)
            raise UserError(f"--sizes must be numbers greater than 0 and at most 1; got {sizes!r}")

    @property
    def drawn(self) -> str:
        """The degradation of --teacher and --preview."""
        return self.degradation or "real_esrgan"
