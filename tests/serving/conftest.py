from collections.abc import Iterator
from pathlib import Path

import pytest
from serving.trial import INFO, Server, save_version, serving


@pytest.fixture(scope="session")
def versions(tmp_path_factory) -> Path:
    """A base path with versions 1, 2 and 30, which says what it is."""
    base = tmp_path_factory.mktemp("versions") / "tiny"
    for version in (1, 2, 30):
        save_version(base, version, info=INFO.to_json() if version == 30 else "")
    return base


@pytest.fixture(scope="session")
def server(tmp_path_factory, versions) -> Iterator[Server]:
    """One server for all tests that leave it as it was: versions 1, labelled stable, and 30."""
    folder = tmp_path_factory.mktemp("server")
    with serving(versions, folder / "log", "--version_labels=stable:1", "--max_request_megabytes=1",
                 "--request_timeout=20") as server:
        yield server
