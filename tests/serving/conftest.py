from collections.abc import Iterator

import pytest
from serving.trial import INFO, Server, save_version, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[Server]:
    """One server for all tests that leave it as it was: versions 1, labelled stable, and 30, which says what it is."""
    folder = tmp_path_factory.mktemp("server")
    for version in (1, 2, 30):
        save_version(folder / "tiny", version, info=INFO.to_json() if version == 30 else "")
    with serving(folder / "tiny", folder / "log", "--version_labels=stable:1", "--max_request_megabytes=1",
                 "--request_timeout=20") as server:
        yield server
