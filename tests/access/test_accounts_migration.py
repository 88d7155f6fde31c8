"""Databases from before there were accounts, and copies of those from after."""

import sqlite3
import subprocess
import sys
from importlib import resources
from pathlib import Path

from app.access.accounts import Accounts
from app.access.principal import LOCAL
from app.settings import AccessSettings
from app.storage.database import MIGRATIONS, Database
from app.storage.grants import Grantee
from app.storage.snapshot import copy_database
from app.storage.users import User
from tests.access.conftest import PASSWORD

OPEN = (
    "import sys; from pathlib import Path; from app.storage.database import Database;"
    " Database(Path(sys.argv[1]))"
)


def _of_version_9(path: Path) -> None:
    """A database as it was before accounts, with a knowledge base."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        for name in MIGRATIONS[:9]:
            script = resources.files("app.storage").joinpath("migrations", name).read_text(encoding="utf-8")
            connection.executescript(script)
        connection.execute("PRAGMA user_version=9")
        connection.execute("INSERT INTO collection (id, name, created_at) VALUES ('c1', 'legal', '2026')")
    connection.close()


def test_database_from_before_accounts_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    _of_version_9(path)
    accounts = Accounts(Database(path), settings=AccessSettings())
    assert accounts.empty()
    accounts.users.add(LOCAL, "Ada", "admin", PASSWORD)
    anna = accounts.users.add(LOCAL, "Anna", "viewer", PASSWORD)
    accounts.grants.set(LOCAL, "c1", Grantee("user", anna.id), "read")
    assert accounts.sign_in("Anna", PASSWORD).principal.grants == {"c1": "read"}


def test_processes_that_meet_an_older_database_at_the_same_moment_all_open_it(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    _of_version_9(path)
    started = [
        subprocess.Popen([sys.executable, "-c", OPEN, str(path)], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ends = [(each.communicate()[1], each.returncode) for each in started]
    assert ends == [("", 0)] * 4


def test_copy_for_a_backup_holds_accounts_and_no_sessions(
    accounts: Accounts, anna: User, tmp_path: Path
) -> None:
    token = accounts.sign_in("Anna", PASSWORD).token
    copy_database(tmp_path / "db.sqlite3", tmp_path / "copy.sqlite3")
    copied = Accounts(Database(tmp_path / "copy.sqlite3"), settings=AccessSettings())
    assert copied.by_session(token) is None
    assert copied.sign_in("Anna", PASSWORD).principal.id == anna.id
    assert copied.audit.verify().broken_at == 0
    assert accounts.by_session(token) is not None
