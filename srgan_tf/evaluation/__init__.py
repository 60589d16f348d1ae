"""Evaluation: a model on benchmarks, or finished pictures against references, as tables and sheets of crops.

    benchmarks.load_benchmark -> runs.evaluate -> report.write_report, sheets.draw_sheet
"""

from srgan_tf.evaluation.benchmarks import Case, load_benchmark, load_finished
from srgan_tf.evaluation.measure import Scores
from srgan_tf.evaluation.report import markdown_table, write_report
from srgan_tf.evaluation.runs import evaluate
from srgan_tf.evaluation.sheets import draw_sheet

__all__ = ["Case", "Scores", "draw_sheet", "evaluate", "load_benchmark", "load_finished", "markdown_table",
           "write_report"]
