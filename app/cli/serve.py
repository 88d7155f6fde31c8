"""``touchstone serve``: the chat page on this machine."""

import errno
import logging
import socket
import sys
import threading
from pathlib import Path
from types import FrameType

import click
import uvicorn

from app.cli.options import config_option, opened, profile_option, settings_for
from app.main import create_app
from app.services import Services
from app.settings import ServerSettings

GRACE_S = 5  # seconds open streams get to end when the server is told to stop


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@profile_option
@config_option
def serve(port: int | None, profile: str | None, config: Path | None) -> None:
    """Serve the chat page. The page is there at once; models load behind it."""
    settings = settings_for(config, profile)
    if port is not None:
        settings = settings.model_copy(update={"server": settings.server.model_copy(update={"port": port})})
    logging.disable(logging.NOTSET)
    services = opened(settings)  # before the port: a second server on this directory is told of the first
    try:
        services.database.require_sound()
        listening = _listen(settings.server)
    except BaseException:
        services.close()
        raise
    url = f"http://{settings.server.host}:{listening.getsockname()[1]}"
    services.lock.announce(url)
    click.echo(f"Touchstone serves {url}  (data in {settings.data_dir}; Ctrl+C stops it)")
    served = uvicorn.Config(
        create_app(services), log_level="warning", timeout_graceful_shutdown=GRACE_S, server_header=False
    )
    _Server(served, services).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Gives the jobs back as soon as it is told to stop, while open answers come to their end.

    uvicorn closes the application only after every connection has ended, and pages that follow the jobs keep
    one open.
    """

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asks for the end; the work is done in a thread, for a signal may come anywhere."""
        threading.Thread(target=self._services.ingestion.stop, name="drain", daemon=True).start()
        super().handle_exit(sig, frame)


def _listen(server: ServerSettings) -> socket.socket:
    try:
        return socket.create_server((server.host, server.port), family=_family(server.host), backlog=128)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        click.echo(
            f"touchstone: port {server.port} is taken; stop what uses it, or choose another with --port or "
            "TOUCHSTONE_SERVER__PORT",
            err=True,
        )
        sys.exit(1)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
