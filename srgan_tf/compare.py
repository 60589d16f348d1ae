"""Compares models on one image: a page with a slider, and a sheet.

Examples:
    python -m srgan_tf.compare photo.jpg
    python -m srgan_tf.compare photo.jpg --models=edsr_x4,realesrgan-x4plus,runs/mine --crop=256x192+1200+800
    python -m srgan_tf.compare photo.jpg --models=all,weights.pth -o comparison.html

The page needs no network and nothing beside it. It shows a part of a large image (--crop), so that it is soon made;
each result comes with the time it took, its licence and the command that makes it of the whole image.
"""

import functools
import logging

from srgan_tf import flags
from srgan_tf.config import CompareConfig
from srgan_tf.errors import UserError
from srgan_tf.text import expand, printable


def main(config: CompareConfig, inputs: list[str]) -> int:
    """Checks what can be checked before a model is opened, then compares; returns the exit status."""
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it takes several models for one that is traced anew
    if len(inputs) != 1:
        raise UserError(f"name one image to compare models on; got {len(inputs) or 'none'}")
    from srgan_tf.evaluation.comparison import compare, find_models, left_out
    from srgan_tf.evaluation.comparison_files import find_targets, read_subject, write_comparison

    subject = read_subject(inputs[0], config)
    targets = find_targets(expand(config.output), expand(inputs[0]))
    models, failures = find_models(config.models, config.offline)
    for model in models.values():
        flags.say(model.note)
    flags.say(left_out(config.models))
    networks = [name for name, model in models.items() if model.needs_keras]
    if networks:
        flags.import_keras(networks[0])
    comparison = compare(subject.crop, models, config, flags.quiet_imports)
    comparison = comparison._replace(failures={**failures, **comparison.failures})
    write_comparison(targets, subject, comparison)
    print(f"written to {printable(targets.page)} (open it in a browser) and {printable(targets.sheet)}")
    return flags.USER_ERROR if comparison.failures else 0


run = functools.partial(flags.run, main, CompareConfig, arguments="IMAGE")

if __name__ == "__main__":
    run()
