"""What `prepare` is told."""

import dataclasses

from srgan_tf.config.choices import SCALES
from srgan_tf.settings import Settings, setting


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
