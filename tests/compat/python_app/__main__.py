"""Serve the app on a port: `python -m tests.compat.python_app <port> <version>`."""

import sys

import uvicorn

from tests.compat.python_app.application import Application

if __name__ == "__main__":
    port, version = sys.argv[1:]
    uvicorn.run(Application(version), host="127.0.0.1", port=int(port), log_level="warning")
