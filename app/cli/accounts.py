"""The accounts of a data directory, for commands that need neither index nor models."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from app.access.accounts import Accounts
from app.errors import BadRequest
from app.settings import Settings
from app.storage.collections import Collections
from app.storage.database import open_database


@dataclass(frozen=True, slots=True)
class Opened:
    """What the database of a data directory says of people and knowledge bases."""

    accounts: Accounts
    collections: Collections


@contextmanager
def accounts_of(settings: Settings) -> Iterator[Opened]:
    """The accounts, also while a server owns the directory: it reads them anew for each request.

    What must have one owner is the vector index, which is not opened here; SQLite takes several processes.
    """
    database = open_database(settings.data_dir, settings.database_busy_s)
    try:
        accounts = Accounts(database, settings=settings.access)
        yield Opened(accounts, Collections(database, now=lambda: datetime.now(UTC)))
    finally:
        database.close()
    if settings.access.mode == "single":
        click.echo("(access.mode is single: nobody needs to sign in until it is accounts)", err=True)


def read_password(who: str) -> str:
    """A password, typed twice at a terminal, else one line of standard input.

    Never an argument: everybody on the machine can list those. Raises ``BadRequest`` where none came.
    """
    if sys.stdin.isatty():
        typed: str = click.prompt(f"Password for {who}", hide_input=True, confirmation_prompt=True, err=True)
        return typed
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise BadRequest(
            "no password came in; type it at a terminal, or send it as one line of standard input"
        )
    return line
