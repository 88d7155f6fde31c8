"""``touchstone ingest --engine ray``: this process owns the data, Ray does what can be done anywhere."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.access.principal import LOCAL
from app.bulk.engine import BulkEngine
from app.bulk.ray_data import Makers
from app.bulk.ray_driver import RayDriver
from app.cli.options import opened
from app.cli.server import RunningServer
from app.desk import Desk
from app.errors import DataDirectoryLocked
from app.settings import Settings
from app.wiring import build_embedder, build_tokenizer

MAKERS = Makers(build_embedder, build_tokenizer)
"""What opens the models of the profile, here or on a worker."""
log = logging.getLogger(__name__)


@contextmanager
def ray_desk(settings: Settings, address: str) -> Iterator[tuple[Desk, BulkEngine]]:
    """The desk of this process, and the engine that works on what is handed in until the end of the block.

    Raises ``DataDirectoryLocked``, with the choice there is where a server owns the directory.
    """
    try:
        services = opened(settings)
    except DataDirectoryLocked as error:
        server = RunningServer.of(settings)
        if server is None:
            raise
        raise DataDirectoryLocked(
            f"the server at {server.url} owns {settings.data_dir}, and with --engine ray this command must "
            "own it; stop the server meanwhile, or leave --engine ray out: then the server reads the files"
        ) from error
    with services:
        services.load()
        driver = RayDriver(
            MAKERS,
            blobs=settings.data_dir / "blobs",
            address=address,
            verbose=log.isEnabledFor(logging.INFO),
        )
        engine = BulkEngine(services, driver)
        try:
            yield Desk(services, LOCAL), engine
        finally:
            engine.stop()
        if engine.left:
            click.echo(
                f"{engine.left} files could not be made on Ray, and this machine's own workers took them; "
                f"the first: {engine.reason}",
                err=True,
            )
