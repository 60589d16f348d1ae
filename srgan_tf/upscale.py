"""Upscales images and clips: files, folders and patterns, with any kind of model.

Examples:
    python -m srgan_tf.upscale holiday.jpg
    python -m srgan_tf.upscale render.png --model=fidelity_x4 --output=large.png # a clean image
    python -m srgan_tf.upscale scans/ "more/*.png" --model=runs/edsr --output=upscaled
    python -m srgan_tf.upscale clip.mp4 --model=mobile_x4 --start=1:30 --end=1:40
"""

import dataclasses
import functools
import time
from collections import Counter

from srgan_tf import flags
from srgan_tf.config import UpscaleConfig
from srgan_tf.text import show


def main(config: UpscaleConfig, inputs: list[str]) -> int:
    """Checks what can be checked before the model is loaded, then upscales; returns the exit status."""
    start = time.perf_counter()
    from srgan_tf.hub import known_scale, model_list

    if config.list:
        show(model_list())
        return 0
    with flags.quiet_imports():
        from srgan_tf.inference.asked import asked_by
        from srgan_tf.inference.batch import upscale_files
        from srgan_tf.inference.configured import bicubic_scale, configured_upscaler, model_of
        from srgan_tf.inference.file_options import file_options
        from srgan_tf.inference.preflight import make_plan, report_plan, summary
        from srgan_tf.workers import in_store

    if not (config.model or config.server):
        config = dataclasses.replace(config, model=model_of(config))
    name = "" if config.server else config.model
    scale = bicubic_scale(config) if name == "bicubic" else known_scale(name)
    asked = asked_by(config)
    to_run = not config.strengths()  # between two networks lies no .tflite file
    if any(map(in_store, (*inputs, config.output))):
        from srgan_tf.inference.store_jobs import check_stores, upscale_in_store

        check_stores(config, inputs)
        model = flags.resolve_model(config.model, config.offline, config.server, to_run)
        asked = asked._replace(files=file_options(config, model))
        return flags.USER_ERROR if upscale_in_store(config, model, asked, inputs) else 0
    plan = make_plan(inputs, asked, scale)
    if scale or not plan.jobs:
        report_plan(plan)
    if not plan.jobs:
        return flags.USER_ERROR if summary(plan, 0) else 0

    model = flags.resolve_model(config.model, config.offline, config.server, to_run)
    plan = plan._replace(asked=asked._replace(files=file_options(config, model)))
    if model.needs_keras:
        flags.import_keras(config.model)
    imported = time.perf_counter()
    with flags.quiet_imports():  # LiteRT and Keras, too, have something to say when they open a model
        upscaler = configured_upscaler(config, model)
    flags.say(upscaler.remark)
    if upscaler.scale != scale:
        plan = make_plan(inputs, plan.asked, upscaler.scale)
        report_plan(plan)
    timings = Counter(imports=imported - start, model=time.perf_counter() - imported)
    if config.beam:
        from srgan_tf.inference.pieces import upscale_on_workers

        return flags.USER_ERROR if upscale_on_workers(config, model, plan) else 0
    failed = upscale_files(upscaler, plan, timings)
    if config.timing:
        print(", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in timings.items()))
    return flags.USER_ERROR if failed else 0


run = functools.partial(flags.run, main, UpscaleConfig, arguments="INPUT...")

if __name__ == "__main__":
    run()
