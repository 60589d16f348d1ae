"""Prepares training pictures: decodes them once, for `--dataset=records:OUTPUT` of train.

Examples:
    python -m srgan_tf.prepare --dataset=div2k/bicubic_x4 --output=records/div2k
    python -m srgan_tf.prepare --dataset=folder:photos --sizes=1,0.75,0.5 --output=records/photos
    python -m srgan_tf.prepare --output=records/photos --verify

Stopped anywhere, the same command goes on where it was.
"""

from pathlib import Path

from srgan_tf import flags
from srgan_tf.config import PrepareConfig


def main(config: PrepareConfig) -> None:
    """Prepares, or verifies, and says what is there."""
    from srgan_tf.data.preparation import prepare, verify

    if config.verify:
        print(f"{config.output}: {verify(config)} shards, every checksum is right")
        return
    if "div2k" in config.dataset + config.val_dataset:
        flags.require_tensorflow("div2k")
    for part, shards in prepare(config).items():
        size = sum(shard.bytes for shard in shards) / 2**20
        count = sum(len(shard.pairs) for shard in shards)
        print(f"{Path(config.output) / part}: {count} pictures in {len(shards)} shards, {size:,.0f} MiB")
        for name, reason in (picture for shard in shards for picture in shard.skipped):
            print(f"  skipped {reason}" if name in reason else f"  skipped {name}: {reason}")
    print(f"train on them with --dataset=records:{config.output} --scale={config.scale}")


if __name__ == "__main__":
    flags.run(main, PrepareConfig)
