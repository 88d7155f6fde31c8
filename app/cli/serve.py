"""``touchstone serve``: the chat page on this machine."""

import errno
import logging
import socket
import sys
from pathlib import Path

import click
import uvicorn

from app.cli.options import config_option, opened, profile_option, settings_for
from app.main import create_app
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
    listening = _listen(settings.server)
    url = f"http://{settings.server.host}:{listening.getsockname()[1]}"
    services = opened(settings)
    services.lock.announce(url)
    click.echo(f"Touchstone serves {url}  (data in {settings.data_dir}; Ctrl+C stops it)")
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(services), log_level="warning", timeout_graceful_shutdown=GRACE_S, server_header=False
        )
    )
    server.run(sockets=[listening])


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
