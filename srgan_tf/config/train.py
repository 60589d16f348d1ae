"""What `train` is told."""

import dataclasses
import typing

from srgan_tf.config.choices import (
    DISCRIMINATOR_INPUTS,
    DISTS_HELP,
    EXTRA_METRICS,
    LPIPS_HELP,
    METRICS,
    OPTIMIZERS,
    PRECISIONS,
    SCALES,
    SCHEDULES,
    STRATEGIES,
)
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, setting


@dataclasses.dataclass(frozen=True)
class TrainConfig(Settings):
    """A training run. Defaults are EDSR-baseline's (arXiv 1707.02921); the flagfiles hold the papers' recipes."""

    takes_recipes: typing.ClassVar[bool] = True

    model: str = setting(
        "edsr", "Generator: bsrn, dat, drcn, edsr, espcn, esrgan_plus, fsrcnn, mobile, msrresnet, omnisr, plksr, "
        "raisr, rcan, rdn, rrdb, span, srcnn, srresnet, srvgg, swinir, vdsr. Over time, for clips: frvsr, "
        "recurrent_span, vespcn.", group="Basics")
    model_args: str = setting("", "Arguments of --model, as in features:256,blocks:32,residual_scale:0.1 for EDSR-L.",
                              group="Model")
    scale: int = setting(4, "How many times larger the output is.", choices=SCALES, group="Basics")
    dataset: str = setting(
        "div2k/bicubic_x4",
        "Training images: div2k/bicubic_x4 and the other DIV2K sets (downloaded by tensorflow-datasets), folder:HR, "
        "folder:HR,LR (with their sub-folders), records:DIR (made by prepare), samples (scikit-image's photographs), "
        "deadleaves[:COUNT] (procedural). For a --model over time: clips:PATH (videos, folders of frames), "
        "clips:HR,LR, motion:SOURCE (windows that move over the photographs of another source).", group="Basics")
    val_dataset: str = setting("", "Validation images, in the same notation; empty: images held out of the training "
                                   "set.",
                               group="Data")
    frames: int = setting(10, "Frames of the short clips that a --model over time trains on.", low=3, group="Data")
    degradation: str = setting(
        "bicubic", "How LR is made from HR: bicubic (the stored LR), gaussian (blur of sigma 1.5, then every "
        "scale-th pixel), first_order (blur, resizing, noise and JPEG), "
        "real_esrgan (twice, as Real-ESRGAN), realsr (kernels and noise from --kernel_pool and --noise_pool); several "
        "with their shares, as in real_esrgan:5,first_order:4,bicubic:1.",
        group="Data")
    sharpen_targets: bool = setting(
        False, "Make LR from sharpened HR (unsharp mask), which the generator's losses then compare with; the "
        "discriminator sees HR as it is.", group="Data")
    kernel_pool: str = setting("", "Folder of blur kernels for realsr: .npy, KernelGAN's .mat, grey .png.",
                               group="Data")
    noise_pool: str = setting("", "Folder of noise patches for realsr, as prepare --collect_noise writes it.",
                              group="Data")
    mix: str = setting(
        "", "Mix crops, and how many of them: cutmix (a rectangle of another crop), mixup (the average of two), rgb "
        "(colours exchanged), as in cutmix:0.3,rgb:0.1; empty: none.", group="Data")
    steps: int = setting(300_000, "Total number of optimizer steps; a resumed run continues to this "
                          "number, which must stay as it is with --schedule=cosine.", low=1,
                         group="Basics")
    batch_size: int = setting(16, "Crops per step, over all devices.", low=1, group="Basics")
    patch_size: int = setting(192, "Side of the square HR crops, in pixels; a multiple of --scale.", low=1,
                              group="Basics")
    learning_rate: float = setting(1e-4, "Adam's learning rate at the start.", above=0, group="Basics")
    discriminator_learning_rate: float = setting(
        0, "Learning rate of the discriminator, which falls in the same way; 0: the rate of the generator.",
           low=0, group="Schedule")
    schedule: str = setting(
        "milestones", "How the learning rate falls: at --milestones, along half a cosine to zero, or not at all "
        "(constant). With schedule_free (Schedule-Free AdamW) it is constant and the optimizer averages the weights "
        "itself, instead of --ema, so that a run may stop at any step.",
        choices=SCHEDULES, group="Schedule")
    milestones: tuple[int, ...] = setting((200_000,), "Steps after which the rate is multiplied by --decay.", low=1,
                                          group="Schedule")
    decay: float = setting(0.5, "Factor applied to the learning rate at each milestone.", above=0, group="Schedule")
    optimizer: str = setting(
        "adam", "adam; or muon, which updates kernels by Muon (fewer steps for plain networks) and all else by Adam.",
        choices=OPTIMIZERS, group="Schedule")
    beta_1: float = setting(0.9, "Adam's decay of the gradient's average.", low=0)
    beta_2: float = setting(0.999, "Adam's decay of the gradient's square.", low=0)
    weight_decay: float = setting(0, "AdamW's decay of the weights, times the learning rate at each step.", low=0)
    warmup_steps: int = setting(0, "Steps over which the learning rate of --schedule=schedule_free rises.", low=0,
                                group="Schedule")
    losses: str = setting(
        "l1:1", "Terms of the generator's loss and their weights: l1, mse, charbonnier, vgg54 (ESRGAN's: before the "
        "activation, L1), vgg54_relu_mse (SRGAN's), any vggIJ; features (the discriminator's maps of both images "
        "compared, in adversarial runs); tv (smoothness of the output); ldl (L1 where artefacts are likely; needs "
        "--ema); msssim (structure at up to five scales); color, luma (Oklab); focal_frequency (spectra); wavelet "
        "(bands of luma); grid (dots of pixel shuffles); for a --model over time warp (what it moved), flow "
        "(smoothness), ping_pong (there and back), temporal (errors that change from frame to frame), vggIJ_cosine; "
        "as in l1:0.01,vgg54:1. teacher is L1 against a teacher's image of the same LR, and teacher_vgg34, "
        "teacher_msssim and so on compare with it too.",
        group="Losses")
    teacher: str = setting(
        "", "Model that the teacher's terms of --losses compare with, run at each step; empty: they compare with what "
        "prepare --teacher stored in the records, which costs nothing.", group="Losses")
    adversarial: str = setting(
        "", "Adversarial loss and its weight, as in relativistic:0.005: vanilla, relativistic, least_squares, hinge, "
        "wgan (use it with --gradient_penalty=gp:10); empty: none.", group="Losses")
    gradient_penalty: str = setting(
        "", "Penalty on the gradients of the discriminator with respect to its input, and its weight: gp:10 (WGAN-GP: "
        "a norm other than 1 between real and generated images), r1:10 (any gradient at real images; the weight is "
        "gamma); empty: none. It needs --precision=float32 and a discriminator without batch normalisation: unet, "
        "patchgan.",
        group="Losses")
    discriminator: str = setting(
        "vgg128", "Discriminator of an adversarial run. One logit per image: srgan, vgg128; per patch of 70x70: "
        "patchgan; per pixel: unet (Real-ESRGAN's). Only for a --model over time: spatiotemporal (TecoGAN's), which "
        "sees three frames.", group="Model")
    discriminator_args: str = setting("", "Arguments of --discriminator, as in features:32; patchgan also takes "
                                          "norm:batch.",
                                      group="Model")
    discriminator_input: str = setting(
        "rgb", "What the discriminator sees: the images, or three wavelet bands of their luma, which hold its details "
        "(wavelet).", choices=DISCRIMINATOR_INPUTS, group="Model")
    vgg_weights: str = setting(
        "imagenet", "VGG19 weights of perceptual losses: imagenet (downloaded), the path of keras.applications' notop "
        ".h5 file, or random (for tests only).", group="Losses")
    init_from: tuple[str, ...] = setting(
        (), "What the generator starts from: a .keras file, a run folder, foreign weights (.pth, .safetensors) or a "
        "model's name. recurrent_span takes several, separated by commas: a span for each frame, and a run of frvsr "
        "for the motion.", paths=True, group="Model")
    init_discriminator: str = setting(
        "", "Run folder whose discriminator --adversarial starts from: that of its last checkpoint, of the same "
        "--discriminator and --discriminator_args. Empty: a fresh one.", paths=True, group="Model")
    precision: str = setting("float32", "Compute type; weights stay float32.", choices=PRECISIONS, group="Hardware")
    ema: float = setting(
        0.999, "Decay of the moving average of the generator's weights, which is validated and saved as best.keras and "
        "last.keras; 0: no average.", low=0, group="Model")
    clip_norm: float = setting(0, "Scale gradients down to this norm, over all weights of a network; 0: never.", low=0)
    strategy: str = setting(
        "auto", "Devices: one, mirrored (all GPUs of this machine), multi_worker (those of the machines in TF_CONFIG), "
        "tpu, or auto: whichever of the first three fits.", choices=STRATEGIES, group="Hardware")
    jit_compile: bool = setting(False, "Compile the step with XLA.", group="Hardware")
    steps_per_call: int = setting(
        1, "Steps per call into the graph; more are faster if a step is short. Records, validations and "
        "checkpoints wait for the end of a call.", low=1)
    deterministic: bool = setting(False, "Use only operations that repeat bit for bit, where a GPU has faster ones.")
    seed: int = setting(0, "Seed of weights, crops and augmentation.", low=0)
    run_dir: str = setting("", "Run folder; one that holds this run is resumed. Empty: runs/MODEL_xSCALE.",
                           group="Basics")
    checkpoint_every: int = setting(1_000, "Steps between checkpoints.", low=1, group="Logging")
    validate_every: int = setting(1_000, "Steps between validations.", low=1, group="Logging")
    best_by: str = setting(
        "", "Validation metric that chooses best.keras; for niqe, lpips and dists smaller is better. Empty: psnr_y, "
        "and other commands then use last.keras of a run with a discriminator.",
        choices=("", *METRICS), group="Logging")
    lpips_weights: tuple[str, ...] = setting(
        (), f"{LPIPS_HELP} With them, LPIPS is validated too.", paths=True, group="Logging")
    dists_weights: tuple[str, ...] = setting(
        (), f"{DISTS_HELP} With them, DISTS is validated too.", paths=True, group="Logging")
    log_every: int = setting(100, "Steps between records of the losses.", low=1, group="Logging")
    keep_checkpoints: int = setting(3, "Checkpoints kept.", low=2, group="Logging")
    profile: int = setting(
        0, "Calls to trace, after the first five, for TensorBoard's profiler (pip install xprof); 0: none.", low=0)
    accept_changed_data: bool = setting(
        False, "Resume although the images of the run have changed; held-out images stay held out.",
        group="Data")
    val_images: int = setting(16, "Maximum number of validation images.", low=1, group="Data")

    check: bool = setting(
        False, "Do not train: read all images and list those that are unreadable, too small, doubled, blurred, "
        "strongly compressed, or LR of another HR; dataset_check.png shows them.", group="Data")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.patch_size % self.scale:
            raise UserError(f"--patch_size must be a multiple of --scale={self.scale}; got {self.patch_size}")
        for name in ("beta_1", "beta_2", "ema"):
            if getattr(self, name) >= 1:
                raise UserError(f"--{name} must be less than 1; got {getattr(self, name)}")
        if not self.losses and not self.adversarial:
            raise UserError("--losses and --adversarial are both empty: there is nothing to train on")
        weights = EXTRA_METRICS.get(self.best_by, "")
        if weights and not getattr(self, weights):
            raise UserError(f"--best_by={self.best_by} needs its weights: give --{weights}=FILE")
        if self.warmup_steps and self.schedule != "schedule_free":
            raise UserError(f"--warmup_steps={self.warmup_steps} is for --schedule=schedule_free; got {self.schedule}")
        if self.schedule == "schedule_free" and self.optimizer != "adam":
            raise UserError(f"--schedule=schedule_free is for --optimizer=adam; got {self.optimizer}")
        if self.schedule == "schedule_free" and not self.beta_1:
            raise UserError("--schedule=schedule_free needs a --beta_1 above 0; got 0")
        if self.schedule == "schedule_free" and self.adversarial:
            raise UserError(f"--adversarial={self.adversarial}: --schedule=schedule_free averages from the first step "
                            "on, which is for runs without a discriminator")
        if self.gradient_penalty and not self.adversarial:
            raise UserError(f"--gradient_penalty={self.gradient_penalty} needs a discriminator: give --adversarial "
                            "too, as in --adversarial=wgan:0.005")
        if self.discriminator_learning_rate and not self.adversarial:
            raise UserError(f"--discriminator_learning_rate={self.discriminator_learning_rate} needs a discriminator: "
                            "give --adversarial too, as in --adversarial=relativistic:0.005")
        if self.discriminator_input != "rgb" and not self.adversarial:
            raise UserError(f"--discriminator_input={self.discriminator_input} needs a discriminator: give "
                            "--adversarial too, as in --adversarial=relativistic:0.005")
        if self.gradient_penalty and self.precision != "float32":
            raise UserError("--gradient_penalty differentiates twice, for which only --precision=float32 is exact "
                            f"enough; got {self.precision}")

    @property
    def folder(self) -> str:
        """The run folder: --run_dir, or one named after the model and the scale."""
        return self.run_dir or f"runs/{self.model}_x{self.scale}"
