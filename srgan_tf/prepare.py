"""Prepares training images: decodes them once, for `--dataset=records:OUTPUT` of train.

Examples:
    python -m srgan_tf.prepare --dataset=folder:photos --sizes=1,0.75,0.5 --output=records/photos
    python -m srgan_tf.prepare --dataset=div2k/bicubic_x4 --output=records/div2k
    python -m srgan_tf.prepare --dataset=clips:videos --output=records/videos
    python -m srgan_tf.prepare --dataset=folder:photos --teacher=realesrgan-x4plus --output=records/taught
    python -m srgan_tf.prepare --output=records/photos --verify
    python -m srgan_tf.prepare --preview
    python -m srgan_tf.prepare --dataset=folder:photos --collect_noise --output=noise

The same command resumes an interrupted preparation. --preview shows what the --degradation of train does to images;
--collect_noise cuts smooth patches for its --noise_pool.
"""

import functools
from pathlib import Path

from srgan_tf import flags
from srgan_tf.config import PrepareConfig
from srgan_tf.text import counted, printable


def main(config: PrepareConfig) -> None:
    """Does what the flags ask for, and says what is there."""
    from srgan_tf.data.early_checks import check_preparation

    check_preparation(config)
    if config.dataset.startswith("div2k") or config.val_dataset.startswith("div2k"):
        flags.require_tensorflow("div2k")
    if config.teacher:
        flags.require_tensorflow("--teacher")
    if config.preview:
        preview(config)
    elif config.collect_noise:
        collect_noise(config)
    elif config.verify:
        from srgan_tf.data.preparation import verify

        print(f"{config.output}: {counted(verify(config), 'shard')}, every checksum is right")
    else:
        prepare_records(config)


def preview(config: PrepareConfig) -> None:
    """Draws the sheet of --preview."""
    with flags.quiet_imports():
        from srgan_tf.data.preview import write_preview

    print(f"{printable(write_preview(config))}: --degradation={config.drawn} drawn several times")


def collect_noise(config: PrepareConfig) -> None:
    """Fills the pool of --collect_noise."""
    from srgan_tf.data.noise_patches import collect

    found = collect(config)
    print(f"{config.output}: {found.patches:,} patches out of {found.used} of {counted(found.images, 'image')}")
    for name, reason in found.skipped:
        print(f"  skipped {printable(reason if name in reason else f'{name}: {reason}')}")
    print(f"train on them with --degradation=realsr --noise_pool={config.output}")


def prepare_records(config: PrepareConfig) -> None:
    """Writes records."""
    from srgan_tf.data.preparation import prepare
    from srgan_tf.data.records import contents

    for part, shards in prepare(config).items():
        print(f"{printable(Path(config.output) / part)}: {contents(shards)}")
        for name, reason in (image for shard in shards for image in shard.skipped):
            print(f"  skipped {printable(reason if name in reason else f'{name}: {reason}')}")
    losses = " --losses=teacher:1" if config.teacher else ""
    print(f"train on them with --dataset=records:{config.output} --scale={config.scale}{losses}")


run = functools.partial(flags.run, main, PrepareConfig)

if __name__ == "__main__":
    run()
