"""What `evaluate` is told."""

import dataclasses

from srgan_tf.config.choices import COMPUTE_TYPES, RUNTIMES, SCALES
from srgan_tf.settings import Settings, setting


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
    runtime: str = setting(
        "tensorflow", "What runs a .keras file or a SavedModel; openvino needs pip install 'srgan_tf[openvino]'.",
        choices=RUNTIMES)
    precision: str = setting(
        "", "Compute type of a .keras file, and of a SavedModel in OpenVINO; empty: float32, or what an export has.",
        choices=("", *COMPUTE_TYPES))
    threads: int = setting(0, "Threads that a .tflite file or OpenVINO runs with; 0: one for each core.", low=0)

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
