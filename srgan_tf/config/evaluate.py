"""What `evaluate` is told."""

import dataclasses

from srgan_tf.config.choices import (
    BEAM_HELP,
    COMPUTE_TYPES,
    DISTS_HELP,
    EXTRA_METRICS,
    LPIPS_HELP,
    OFFLINE_HELP,
    OVERLAP,
    OVERLAP_HELP,
    RUNTIMES,
    SCALES,
    TILE_HELP,
    TRUST_HELP,
    check_tile,
)
from srgan_tf.errors import UserError
from srgan_tf.settings import Settings, check_pattern, lookup, setting


@dataclasses.dataclass(frozen=True)
class EvaluateConfig(Settings):
    """An evaluation: models on benchmarks, or a folder of images against a folder of ground truth."""

    model: tuple[str, ...] = setting(
        (), "Models, separated by commas, of every kind that upscale takes; empty: the shipped fidelity_x4 (without "
        "TensorFlow fidelity_x4_int8), which is for clean images, as benchmarks are.", paths=True,
        group="Basics")
    benchmark: tuple[str, ...] = setting(
        (), "Folders with HR/* and optionally LR_bicubic/X4/*, separated by commas; a folder whose own name has a "
        "comma comes first. If LR is absent, it is made by MATLAB's bicubic reduction.", paths=True, group="Basics")
    clips: tuple[str, ...] = setting(
        (), "Instead of benchmarks: HR videos, folders of videos or of frames, separated by commas, for figures over "
        "time and space-time slices (OUTPUT/clips.md, clips.json, slices_*.png).", paths=True, group="Data")
    reduction: str = setting("bicubic", "How the LR of --clips is made: MATLAB's reduction, or a blur of sigma 1.5 and "
                             "every scale-th pixel (gaussian).", choices=("bicubic", "gaussian"), group="Data")
    scale: int = setting(4, "Scale of the task; as many pixels are cropped from each side.", choices=SCALES,
                         group="Basics")
    output: str = setting(
        "results", "Folder for results.json, results.md, results.csv, results.html and the sheets of crops.",
        group="Basics")
    metrics: tuple[str, ...] = setting(
        (), "Metrics besides PSNR and SSIM: niqe (needs 96x192 pixels and no ground truth), lpips, dists. For these, "
        "smaller is better.", group="Basics")
    lpips_weights: tuple[str, ...] = setting(
        (), LPIPS_HELP, paths=True, group="Basics")
    dists_weights: tuple[str, ...] = setting(
        (), DISTS_HELP, paths=True, group="Basics")
    self_ensemble: bool = setting(
        False, "Average the output over the eight symmetries of each image; papers mark this with a + after the name.",
        group="Basics")
    published: bool = setting(
        True, "Add what papers report for benchmarks of these names at x4, with sources; the page shows them on a "
        "click.")
    cache: str = setting(
        "auto", "Folder of cached images and figures, so that nothing is computed twice; auto: "
        "srgan_tf/evaluate in $XDG_CACHE_HOME or ~/.cache; empty: none.")
    sr_dir: str = setting("", "Instead of a model: a folder of finished images.", group="Data")
    hr_dir: str = setting(
        "", "Their ground truth, with the same names; what programs add to names (x4, _SR, _rlt, ...), or what is "
        "added to all of them, is ignored.", group="Data")
    sr_pattern: str = setting(
        "", "Names of the images of --sr_dir, as in {name}_x4*: {name} is the name of the ground truth without its "
        "ending, * and ? stand for anything and for any character.", group="Data")
    save_images: bool = setting(
        False, "Also write every upscaled image to OUTPUT/BENCHMARK/, or to OUTPUT/BENCHMARK/MODEL/ if there are "
        "several models.",
        group="Basics")
    sheet_rows: int = setting(
        6, "Images of each benchmark on its sheet of crops and on the page, at most; 0: no sheets.", low=0)
    tile: int | None = setting(None, TILE_HELP, low=0, group="Hardware")
    overlap: int = setting(OVERLAP, OVERLAP_HELP, low=0, group="Hardware")
    runtime: str = setting(
        "tensorflow", "What runs a .keras file or a SavedModel; openvino needs pip install 'srgan_tf[openvino]'.",
        choices=RUNTIMES, group="Hardware")
    precision: str = setting(
        "", "Compute type of a .keras file, and of a SavedModel in OpenVINO; empty: float32, or what an export has.",
        choices=("", *COMPUTE_TYPES), group="Hardware")
    threads: int = setting(0, "Threads that a .tflite file or OpenVINO runs with; 0: one for each core.", low=0,
                           group="Hardware")
    beam: str = setting(
        "", f"Measure on many machines by Apache Beam, into a --cache that all of them see, {BEAM_HELP}",
        group="Hardware")
    trust_model: bool = setting(False, TRUST_HELP)
    offline: bool = setting(False, OFFLINE_HELP, group="Basics")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_tile(self.tile, self.overlap)
        if bool(self.sr_dir) != bool(self.hr_dir):
            raise UserError("--sr_dir (finished images) and --hr_dir (their ground truth) must be given together")
        if self.sr_dir and self.benchmark:
            raise UserError("give --benchmark (with --model) or --sr_dir with --hr_dir, not both")
        if self.sr_dir and self.model:
            raise UserError("--model cannot be used with --sr_dir, which names finished images")
        if self.sr_pattern:
            if not self.sr_dir:
                raise UserError(f"--sr_pattern={self.sr_pattern} chooses files of --sr_dir: give --sr_dir and --hr_dir "
                                "too")
            check_pattern(self.sr_pattern, "--sr_pattern")
        if self.beam and (not self.benchmark or not self.cache):
            raise UserError("--beam measures models on --benchmark, and its results pass through --cache: give both")
        if self.clips and (self.benchmark or self.sr_dir):
            raise UserError("give --clips, or --benchmark, or --sr_dir with --hr_dir: one of them")
        if self.reduction != "bicubic" and not self.clips:
            raise UserError(f"--reduction={self.reduction} is for --clips: benchmarks have their own LR")
        if not self.sr_dir and not self.benchmark and not self.clips:
            raise UserError("nothing to evaluate: give --benchmark or --clips (and --model), or --sr_dir and "
                            "--hr_dir")
        for name in self.metrics:
            flag = lookup(EXTRA_METRICS, name, "metric of --metrics")
            if flag and not getattr(self, flag):
                raise UserError(f"--metrics={name} needs its weights: give --{flag}=FILE")
