"""The apps that the dashboard shows to newcomers run as they stand there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.compat.harness import (
    PLAIN,
    ROOT,
    Process,
    Server,
    answers,
    free_port,
    install_packages,
    node,
    wait_until,
)

# The first run may have to install the packages of the TypeScript example.
pytestmark = pytest.mark.timeout(420)

SNIPPETS = ROOT / "web" / "src" / "features" / "onboarding" / "snippets"
TYPESCRIPT = ROOT / "examples" / "typescript"


def written(framework: str, folder: Path, port: int) -> list[str]:
    """Write the files as a newcomer would, but for the port; the command that starts the app."""
    if framework == "fastapi":
        (folder / "main.py").write_text((SNIPPETS / "fastapi.py.txt").read_text())
        return [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port)]
    install_packages(TYPESCRIPT)
    (folder / "node_modules").symlink_to(TYPESCRIPT / "node_modules", target_is_directory=True)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "inngest.ts").write_text((SNIPPETS / "functions.ts.txt").read_text())
    main = (SNIPPETS / f"{framework}.ts.txt").read_text()
    assert "listen(3000" in main
    (folder / "server.ts").write_text(main.replace("listen(3000", f"listen({port}"))
    return [node(), "--import", "tsx", "server.ts"]


@pytest.fixture(params=["fastapi", "express", "node"])
def app_url(
    request: pytest.FixtureRequest, server: Server, logs: Path, tmp_path: Path
) -> Iterator[str]:
    """Where one of the apps serves its functions."""
    port = free_port()
    process = Process(
        written(request.param, tmp_path, port),
        log=logs / f"first-{request.param}.log",
        environ={"INNGEST_DEV": server.url},
        cwd=tmp_path,
    )
    # Node listens on the address that localhost means first.
    url = f"http://localhost:{port}/api/inngest"
    try:
        wait_until(lambda: answers(url), what=f"the app with {request.param}")
        assert httpx.put(url, trust_env=False, verify=PLAIN).status_code == 200
        yield url
        server.http.delete("/fn/remove", params={"url": url})
    finally:
        process.stop()


@pytest.mark.usefixtures("app_url")
def test_a_newcomer_sees_the_greeting(server: Server) -> None:
    event_id = server.send("hello/said", {"name": "Ada"})

    (run,) = server.ended_runs(event_id)

    assert (run.status, run.output) == ("Completed", "Hello, Ada!")
