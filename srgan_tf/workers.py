"""Work on many machines, by Apache Beam.

All of them must see the same files under the same paths; or the files lie in a store, of which Beam gives copies.
"""

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from srgan_tf.errors import MENDABLE, MissingPackageError, UserError

STORES = ("gs://", "s3://", "hdfs://")
PLAIN = "uncompressed"  # Beam's compression type of files that are taken as they are, whatever their ending
COPIED = 1 << 20  # bytes at a time


def run_pipeline(options: str, build: Callable[[Any, Any], Any]) -> None:
    """Runs a pipeline to its end.

    Args:
        options: of the pipeline, as on Beam's command line.
        build: adds the steps; takes apache_beam and the pipeline.

    Raises:
        MissingPackageError: Beam is not installed.
        UserError: the pipeline failed.
    """
    with _with_beam():
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions
    try:
        with apache_beam.Pipeline(options=PipelineOptions(shlex.split(options))) as pipeline:
            build(apache_beam, pipeline)
    except Exception as error:  # runners have no common type
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"the Beam pipeline failed ({type(error).__name__}): {reason}; the same command does what is "
                        "missing") from error


def in_store(path: str) -> bool:
    """Whether a path is that of an object store or of HDFS, which Beam reads and writes."""
    return path.startswith(STORES)


class Store:
    """Files of object stores and of HDFS, by Beam's file systems."""

    def __init__(self, options: str):
        """Takes the options of the pipeline, which hold those of the stores.

        Raises:
            MissingPackageError: Beam is not installed.
        """
        with _with_beam():
            from apache_beam.io.filesystems import FileSystems
            from apache_beam.options.pipeline_options import PipelineOptions
        self._files = FileSystems
        FileSystems.set_options(PipelineOptions(shlex.split(options)))

    def children(self, folder: str) -> list[str]:
        """The files of a folder, as `list`; none where there is no such folder."""
        # Only HDFS knows folders, and cannot list one that is not there.
        return [] if folder.startswith("hdfs://") and not self.exists(folder) else self.list(f"{folder}/*")

    def list(self, pattern: str) -> list[str]:
        """The files that a pattern of Beam stands for: * within a folder, ** across folders; as URLs, in order."""
        with _naming(pattern):
            return sorted(file.path for file in self._files.match([pattern])[0].metadata_list)

    def exists(self, url: str) -> bool:
        """Whether there is such a file."""
        with _naming(url):
            return self._files.exists(url)

    def fetch(self, url: str, target: Path) -> None:
        """Copies a file here."""
        with _naming(url), self._files.open(url, compression_type=PLAIN) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, COPIED)

    def put(self, source: Path, url: str) -> None:
        """Copies a file there, under its name only when all of it is there; one of this name is replaced."""
        folder, _, name = url.rpartition("/")
        temporary = f"{folder}/.{os.urandom(8).hex()}-{name}"
        with _naming(url):
            with source.open("rb") as file, self._files.create(temporary, compression_type=PLAIN) as target:
                shutil.copyfileobj(file, target, COPIED)
            if self._files.match([temporary])[0].metadata_list[0].size_in_bytes != source.stat().st_size:
                raise OSError("less arrived than was sent")
            self.remove(url)
            self._files.rename([temporary], [url])

    def remove(self, url: str) -> None:
        """Removes a file, if there is one."""
        with _naming(url):
            if self._files.exists(url):
                self._files.delete([url])


@contextlib.contextmanager
def _with_beam() -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise MissingPackageError("--beam needs Apache Beam: pip install 'srgan_tf[beam]'") from None


@contextlib.contextmanager
def _naming(url: str) -> Iterator[None]:
    """Errors of a store, which have no common type, as an OSError that names the file."""
    try:
        yield
    except MENDABLE:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise OSError(f"{url}: {type(error).__name__}: {reason}") from error
