"""Serves the desk on this machine: picks the port, prints the address, opens the browser, ends in order on Ctrl+C."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from firstpass.errors import UsageError
from firstpass.web.app import create_app
from firstpass.web.state import Desk

HOST = "127.0.0.1"
DRAIN_S = 5
PARALLEL = 64


def serve(
    project_path: str | Path,
    *,
    port: int = 0,
    open_browser: bool = True,
    layer: str | None = None,
    user: str | None = None,
    announce: Callable[[str], None],
) -> None:
    """Runs until it is interrupted. port: 0 = any that is free. announce: is told the address once it answers.

    Raises UsageError when the port is taken, and what `create_app` raises.
    """
    listening = _listen(port)
    try:
        app = create_app(project_path, user=user, layer=layer)
        desk: Desk = app.state.desk
        url = f"http://{HOST}:{listening.getsockname()[1]}/?token={desk.sessions.token}"

        def started() -> None:
            announce(url)
            if open_browser:
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, lifespan="on", ws="none",
            timeout_graceful_shutdown=DRAIN_S, limit_concurrency=PARALLEL, loop="asyncio", proxy_headers=False,
        )  # fmt: skip
        _Server(config, started).run(sockets=[listening])
    finally:
        listening.close()


class _Server(uvicorn.Server):
    """Tells when it answers."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._when_started()


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise UsageError(f"port {port} cannot be had: {error.strerror}. Leave --port out for any that is free") from error
    return listening
