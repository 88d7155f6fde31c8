"""``touchstone serve``: the chat page, for whoever is at this machine or for people with accounts."""

import errno
import logging
import socket
import sys
import threading
from pathlib import Path
from types import FrameType

import click
import uvicorn

from app.access.channel import is_loopback
from app.cli.logs import configure
from app.cli.options import config_option, opened, profile_option, settings_for
from app.errors import SettingsError
from app.main import create_app
from app.services import Services
from app.settings import ServerSettings, Settings

GRACE_S = 5  # seconds open streams get to end when the server is told to stop


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--accounts", is_flag=True, help="People sign in, programs send keys; any host may be bound.")
@profile_option
@config_option
def serve(port: int | None, accounts: bool, profile: str | None, config: Path | None) -> None:
    """Serve the chat page. The page is there at once; models load behind it."""
    settings = settings_for(config, profile)
    if port is not None:
        settings = settings.model_copy(update={"server": settings.server.model_copy(update={"port": port})})
    if accounts:
        access = settings.access.model_copy(update={"mode": "accounts"})
        settings = settings.model_copy(update={"access": access})
    _require_walls(settings)
    logging.disable(logging.NOTSET)
    configure(settings.log)
    services = opened(settings)  # before the port: a second server on this directory is told of the first
    try:
        services.database.require_sound()
        listening = _listen(settings.server)
    except BaseException:
        services.close()
        raise
    url = address(settings.server.host, listening.getsockname()[1])
    services.lock.announce(url)
    shown = settings.server.public_origin or url
    click.echo(f"Touchstone serves {shown}  (data in {settings.data_dir}; Ctrl+C stops it)")
    if settings.access.mode == "accounts":
        _tell(services, shown)
    served = uvicorn.Config(
        create_app(services),
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        forwarded_allow_ips=list(settings.server.trusted_proxies),
    )
    _Server(served, services).run(sockets=[listening])


def address(host: str, port: int) -> str:
    """Where this machine reaches a server that listens on a host; on loopback one that listens everywhere."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _require_walls(settings: Settings) -> None:
    """Raise ``SettingsError`` where others could reach a server that lets everyone in."""
    host = settings.server.host
    if settings.access.mode == "single" and not is_loopback(host):
        raise SettingsError(
            f"setting 'server.host' (variable TOUCHSTONE_SERVER__HOST) is {host!r}, which others can reach, "
            "and without accounts everyone who reaches the server may do everything; add --accounts (or "
            'access.mode = "accounts"), or listen on 127.0.0.1'
        )


def _tell(services: Services, url: str) -> None:
    """Say how to begin, and what keeps people out."""
    token = services.accounts.setup_token()
    if token is not None:
        click.echo(f"Nobody has an account yet. Make the first admin at {url}/setup?token={token}")
        click.echo("(the address works once, until this server stops; `touchstone users add` works as well)")
    server, access = services.settings.server, services.settings.access
    if is_loopback(server.host) or server.public_origin.startswith("https:"):
        return
    if access.allow_insecure_http:
        click.echo(
            "touchstone: access.allow_insecure_http is set: passwords and answers cross the network in the "
            "clear, and every page says so",
            err=True,
        )
    else:
        click.echo(
            "touchstone: others sign in only over HTTPS: put a proxy that ends TLS in front and set "
            "server.public_origin to its address, or accept the risk with access.allow_insecure_http",
            err=True,
        )


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
