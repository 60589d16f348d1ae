"""Trains a generator, alone or against a discriminator.

Examples:
    python -m srgan_tf.train --flagfile=quickstart.flags
    python -m srgan_tf.train --flagfile=esrgan.flags --dataset=folder:photos --init_from=runs/esrgan_psnr

    python -m srgan_tf.train --dataset=folder:photos --check     # looks for bad images, before hours are spent

A run is its folder (--run_dir): the same flags resume it.
"""

import functools
from pathlib import Path

from srgan_tf import flags
from srgan_tf.config import TrainConfig
from srgan_tf.text import printable


def main(config: TrainConfig) -> None:
    """Trains and says where the result is."""
    if config.check:
        check(config)
        return
    from srgan_tf.data.early_checks import check_training
    from srgan_tf.hub.light import require_keras

    require_keras("train")
    check_training(config)
    flags.require_tensorflow("training")
    with flags.quiet_imports():
        from srgan_tf.training import train

    folder = train(config, flags.to_flagfile(config))
    folder = printable(folder)
    print(f"generators: {folder}/best.keras (the best validation by {config.best_by or 'psnr_y'}), {folder}/last.keras")


def check(config: TrainConfig) -> None:
    """Prints what --check finds, and where the sheet is."""
    if config.dataset.startswith("div2k") or config.val_dataset.startswith("div2k"):
        flags.require_tensorflow("div2k")
    from srgan_tf.data import inspection

    report = inspection.check(config, Path("dataset_check.png"))
    print(*report.lines, sep="\n")
    if report.sheet is not None:
        print("dataset_check.png shows those that can be shown")
    elif not report.findings:
        print("nothing looks doubtful")


run = functools.partial(flags.run, main, TrainConfig)

if __name__ == "__main__":
    run()
