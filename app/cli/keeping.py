"""Who keeps the knowledge bases: this process, or the server that owns the data directory."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.access.principal import LOCAL
from app.cli.options import opened
from app.cli.server import RunningServer, say_where
from app.curator import Curator
from app.errors import DataDirectoryLocked
from app.settings import Settings

Keeper = Curator | RunningServer
"""Both promise the same under the same names."""


@contextmanager
def keeper(settings: Settings, *, load: bool = False) -> Iterator[Keeper]:
    """The keeper of the data directory: the server that runs on it, else this process.

    ``load`` opens models and index here, which deleting and reindexing need. Raises ``DataDirectoryLocked``
    where another process that is no server owns the directory.
    """
    try:
        services = opened(settings)
    except DataDirectoryLocked:
        server = RunningServer.of(settings)
        if server is None:
            raise
        say_where(server)
        yield server
        return
    with services:
        if load:
            services.load()
        yield Curator(services, LOCAL)
