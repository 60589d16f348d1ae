"""Upscales images and clips: files, folders and patterns, with any kind of model.

Examples:
    python -m srgan_tf.upscale holiday.jpg --sharpness=0.5
    python -m srgan_tf.upscale scans/ "more/*.png" --model=runs/edsr --output=upscaled
    python -m srgan_tf.upscale clip.mp4 --model=mobile_x4 --start=1:30 --end=1:40
"""

import functools
import time
from collections import Counter

from srgan_tf import flags
from srgan_tf.config import DEFAULT_MODEL, UpscaleConfig
from srgan_tf.hub import ModelRef, known_scale, model_list
from srgan_tf.text import expand, show


def main(config: UpscaleConfig, inputs: list[str]) -> int:
    """Checks what can be checked before the model is loaded, then upscales; returns the exit status."""
    start = time.perf_counter()
    if config.list:
        show(model_list())
        return 0
    from srgan_tf.inference.batch import find_jobs, names_file, upscale_files
    from srgan_tf.inference.clips import check_clips
    from srgan_tf.inference.file_options import file_options

    name = "" if config.server else config.model or DEFAULT_MODEL
    scale = config.scale if name == "bicubic" else known_scale(name)
    output = expand(config.output)
    find = functools.partial(
        find_jobs, inputs, output, suffix=config.suffix, format=config.format, recursive=config.recursive)
    jobs = find(scale=scale)
    check_clips(jobs, file_options(config).clips)
    (output.parent if names_file(output) else output).mkdir(parents=True, exist_ok=True)

    model = _find(config)
    options = file_options(config, model)
    if model.needs_keras:
        flags.import_keras()
    from srgan_tf.inference import Upscaler

    imported = time.perf_counter()
    with flags.quiet_imports():  # LiteRT and Keras, too, have something to say when they open a model
        if config.sharpness:
            from srgan_tf.inference.sharpness import generator_between

            model = generator_between(config.sharpness, config.runtime, config.precision)
        upscaler = Upscaler(model, tile=config.tile, overlap=config.overlap, scale=config.scale,
                            threads=config.threads, runtime=config.runtime, precision=config.precision,
                            self_ensemble=config.self_ensemble, trust_model=config.trust_model,
                            server_timeout=config.server_timeout, server_retries=config.server_retries)
    if upscaler.scale != scale:
        jobs = find(scale=upscaler.scale)
    timings = Counter(imports=imported - start, model=time.perf_counter() - imported)
    failed = upscale_files(upscaler, jobs, overwrite=config.overwrite, max_megapixels=config.max_megapixels,
                           timings=timings, options=options)
    if config.timing:
        print(", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in timings.items()))
    return flags.USER_ERROR if failed else 0


def _find(config: UpscaleConfig) -> ModelRef:
    """The model that --model or --server names."""
    if config.server:
        return ModelRef("remote", config.model, url=config.server)
    return flags.find_model(config.model or DEFAULT_MODEL, config.offline)


run = functools.partial(flags.run, main, UpscaleConfig, arguments="INPUT...")

if __name__ == "__main__":
    run()
