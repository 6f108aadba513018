"""What the tests of the document share: real servers with something in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

# Its assertions explain themselves only if pytest rewrites them, which must come first.
pytest.register_assert_rewrite("tests.e2e.processes")

from tests.e2e.processes import Servers, running_servers  # noqa: E402


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Starts servers in the test's directory; what still runs at the end is killed."""
    yield from running_servers(tmp_path)
