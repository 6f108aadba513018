"""Every test of the HTTP client runs on both event loops."""

from collections.abc import AsyncIterator

import pytest

from stepwell.drivers.http import HttpClient


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def client(anyio_backend: object) -> AsyncIterator[HttpClient]:
    """A client with default limits, closed at the end of the test."""
    client = HttpClient()
    yield client
    await client.close()
