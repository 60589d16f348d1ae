"""Trains a generator, alone or against a discriminator.

Examples:
    python -m srgan_tf.train --flagfile=quickstart.flags
    python -m srgan_tf.train --flagfile=esrgan.flags --dataset=folder:photos --init_from=runs/esrgan_psnr

A run is its folder (--run_dir): the same flags resume it.
"""

import functools

from srgan_tf import flags
from srgan_tf.config import TrainConfig
from srgan_tf.text import printable


def main(config: TrainConfig) -> None:
    """Trains and says where the result is."""
    flags.require_tensorflow("training")
    with flags.quiet_imports():
        from srgan_tf.training import train

    folder = train(config, flags.to_flagfile(config))
    folder = printable(folder)
    print(f"generators: {folder}/best.keras (the best validation by {config.best_by or 'psnr_y'}), {folder}/last.keras")


run = functools.partial(flags.run, main, TrainConfig)

if __name__ == "__main__":
    run()
