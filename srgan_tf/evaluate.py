"""Measures a model on benchmarks, or finished pictures against their references.

Examples:
    python -m srgan_tf.evaluate --model=runs/edsr_x4 --benchmark=Set5,Set14 --scale=4 --output=results
    python -m srgan_tf.evaluate --sr_dir=theirs --hr_dir=Set5/HR --scale=4

Prints a table and writes OUTPUT/results.json, OUTPUT/results.md and a sheet of crops for each benchmark.
"""

import sys
from pathlib import Path

from srgan_tf import flags
from srgan_tf.config import EvaluateConfig


def main(config: EvaluateConfig) -> int:
    """Evaluates and reports; returns the exit status."""
    flags.import_framework(config.model)
    from srgan_tf.evaluation import evaluate, markdown_table, write_report

    output = Path(config.output).expanduser()
    output.mkdir(parents=True, exist_ok=True)
    method, results = evaluate(config, output)
    print(markdown_table(results), end="")
    write_report(output, method, config.scale, results)
    failures = [failure for methods in results.values() for failure in methods[method].failures.items()]
    for name, reason in failures:
        print(f"failed: {reason if name in reason else f'{name}: {reason}'}", file=sys.stderr)
    print(f"written to {output}")
    return flags.USER_ERROR if failures else 0


if __name__ == "__main__":
    flags.run(main, EvaluateConfig)
