"""Converts foreign weights to a .keras file, or a model to a .safetensors file with the authors' names.

Examples:
    python -m srgan_tf.convert --model=RealESRGAN_x4plus.pth --output=real_esrgan.keras
    python -m srgan_tf.convert --model=edsr_x4 --output=edsr_x4.safetensors
    python -m srgan_tf.convert --model=runs/esrgan --output=esrgan.safetensors --keys=bsrgan
    python -m srgan_tf.convert --model=runs/span --output=span.keras --fold

PyTorch is not needed, and nothing in the file is executed. docs/weights.md lists what is recognised.
"""

import functools

from srgan_tf import flags
from srgan_tf.atomic import check_writable
from srgan_tf.config import ConvertConfig
from srgan_tf.errors import UserError
from srgan_tf.settings import parse_arguments
from srgan_tf.text import expand, printable


def main(config: ConvertConfig) -> None:
    """Reads, writes, and says what it was."""
    output = expand(config.output)
    check_writable(output.parent)
    given = parse_arguments(config.model_args)
    if not given.keys().isdisjoint(("dtype", "model", "path")):  # which load_model and load_foreign have themselves
        raise UserError(f"--model_args={config.model_args}: only the network's own arguments can be given; dtype, "
                        "model and path are none")
    found = flags.resolve_model(config.model, config.offline)
    flags.import_keras("convert")
    with flags.quiet_imports():
        from srgan_tf.hub import load_model
        from srgan_tf.models import Generator, save_model
        from srgan_tf.weights import save_weights

        model = load_model(found, dtype="float32", **given)
    if config.fold and isinstance(model, Generator):
        model = model.fold()
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix == ".keras":
        save_model(model, output)
    else:
        save_weights(model, output, config.keys)
    arguments = ", ".join(f"{name}={value}" for name, value in model.get_config().items())
    print(f"{printable(output)}: {type(model).__name__}({arguments}), {model.count_params():,} parameters")


run = functools.partial(flags.run, main, ConvertConfig)

if __name__ == "__main__":
    run()
