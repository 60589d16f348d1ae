"""Work on many machines, by Apache Beam. All of them must see the same files under the same paths."""

import shlex
from collections.abc import Callable
from typing import Any

from srgan_tf.errors import MissingPackageError, UserError


def run_pipeline(options: str, build: Callable[[Any, Any], Any]) -> None:
    """Runs a pipeline to its end.

    Args:
        options: of the pipeline, as on Beam's command line.
        build: adds the steps; takes apache_beam and the pipeline.

    Raises:
        MissingPackageError: Beam is not installed.
        UserError: the pipeline failed.
    """
    try:
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError:
        raise MissingPackageError("--beam needs Apache Beam: pip install 'srgan_tf[beam]'") from None
    try:
        with apache_beam.Pipeline(options=PipelineOptions(shlex.split(options))) as pipeline:
            build(apache_beam, pipeline)
    except Exception as error:  # runners have no common type
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"the Beam pipeline failed ({type(error).__name__}): {reason}; the same command does what is "
                        "missing") from error
