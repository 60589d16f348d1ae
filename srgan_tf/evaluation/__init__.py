"""Evaluation: models on benchmarks, or finished images against references, as tables, sheets and a page.

    benchmarks.load_benchmark   ->  runs.evaluate  ->  report.write_report: table, scatter, page
    methods, chosen_metrics:          |                sheets.draw_sheet
    what is measured, and how       cache
"""

from srgan_tf.evaluation.benchmarks import Case, load_benchmark, load_finished
from srgan_tf.evaluation.measure import Measured, Scores, take
from srgan_tf.evaluation.report import report_lines, write_report
from srgan_tf.evaluation.result_table import csv_table, markdown_table, table_lines
from srgan_tf.evaluation.runs import Evaluation, evaluate
from srgan_tf.evaluation.sheets import draw_sheet

__all__ = ["Case", "Evaluation", "Measured", "Scores", "csv_table", "draw_sheet", "evaluate", "load_benchmark",
           "load_finished", "markdown_table", "report_lines", "table_lines", "take", "write_report"]
