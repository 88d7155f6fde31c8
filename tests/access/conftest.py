"""A real database with accounts, on a clock that moves when it is told to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.access.accounts import Accounts
from app.access.principal import LOCAL
from app.settings import AccessSettings
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.users import User

PASSWORD = "correct horse battery staple"  # noqa: S105 - of users that live for one test


class Calendar:
    """The time of day, which passes when it is told to, forwards or backwards."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Calendar:
    return Calendar()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "db.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def accounts(database: Database, clock: Calendar) -> Accounts:
    return Accounts(database, settings=AccessSettings(mode="accounts"), now=clock)


@pytest.fixture
def collections(database: Database, clock: Calendar) -> Collections:
    return Collections(database, now=clock)


@pytest.fixture
def admin(accounts: Accounts) -> User:
    return accounts.users.add(LOCAL, "Ada", "admin", PASSWORD)


@pytest.fixture
def anna(accounts: Accounts, admin: User) -> User:
    return accounts.users.add(LOCAL, "Anna", "editor", PASSWORD)


@pytest.fixture
def legal(collections: Collections) -> Collection:
    return collections.create("legal")
