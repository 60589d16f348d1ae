"""Measures models on benchmarks, or compares finished images with their ground truth.

Examples:
    python -m srgan_tf.evaluate --benchmark=Set5,Set14
    python -m srgan_tf.evaluate --model=runs/edsr_x4,exports/rrdb,edsr_x4 --benchmark=Set5,Set14 --metrics=niqe
    python -m srgan_tf.evaluate --model=runs/frvsr,photo_x4 --clips=Vid4 --reduction=gaussian
    python -m srgan_tf.evaluate --sr_dir=theirs --hr_dir=Set5/HR --scale=4

Prints a table and writes OUTPUT/results.json, .md, .csv and .html (a page to open in a browser: table, plots, crops
to compare), and a sheet of crops for each benchmark. A second run reads cached results from --cache.
"""

import functools
import logging
import sys

from srgan_tf import flags
from srgan_tf.atomic import check_writable
from srgan_tf.config import EvaluateConfig
from srgan_tf.text import expand, printable


def main(config: EvaluateConfig) -> int:
    """Evaluates and reports; returns the exit status."""
    from srgan_tf.evaluation import evaluate, markdown_table, report_lines, write_report
    from srgan_tf.evaluation.report import absent_lines, missing_metrics
    from srgan_tf.evaluation.result_table import divided

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it takes several models for one that is traced anew
    output = expand(config.output)
    check_writable(output)
    output.mkdir(parents=True, exist_ok=True)
    if config.clips:
        from srgan_tf.evaluation.clip_runs import clip_table, evaluate_clips

        print(clip_table(evaluate_clips(config, output, flags.quiet_imports)), end="")
        print(f"written to {printable(output)}")
        return 0
    evaluation = evaluate(config, output, flags.quiet_imports)
    lines = report_lines(evaluation, config)
    print(markdown_table(lines), end="")
    write_report(output, evaluation, config)
    failures = [(benchmark, name, reason) for benchmark, methods in evaluation.results.items()
                for scores in methods.values() for name, reason in scores.failures.items()]
    for _, name, reason in dict.fromkeys(failures):
        print(f"failed: {printable(reason if name in reason else f'{name}: {reason}')}", file=sys.stderr)
    for text in absent_lines(evaluation.results):
        print(f"absent: {printable(text)}", file=sys.stderr)
    folded = "; papers' figures are in its results.html and results.md" if divided(lines)[1] else ""
    print(f"written to {printable(output)}{folded}")
    missing = missing_metrics(evaluation.results, config.metrics)
    for text in missing:
        print(f"failed: {printable(text)}", file=sys.stderr)
    return flags.USER_ERROR if failures or missing else 0


run = functools.partial(flags.run, main, EvaluateConfig)

if __name__ == "__main__":
    run()
