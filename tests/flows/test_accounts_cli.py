"""The commands about people: users, groups, grants, keys, audit; also while a server owns the directory."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.access.accounts import Accounts
from app.cli.audit import audit
from app.cli.grants import grants
from app.cli.groups import groups
from app.cli.keys import keys
from app.cli.users import users
from app.errors import BadRequest, Conflict, NotFound, TouchstoneError
from app.services import Services
from app.settings import AccessSettings
from app.storage.collections import Collections
from app.storage.database import Database
from app.wiring import build_models
from tests.access.conftest import PASSWORD, Calendar
from tests.flows.conftest import starter

TOUCHSTONE = Path(sys.executable).parent / "touchstone"
Run = Callable[..., Result]


@pytest.fixture(params=["nobody owns the directory", "a server owns it"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    """Runs a command on a data directory with the collections law and hr."""

    def run_there(command: click.Command, *arguments: str, typed: str = "") -> Result:
        environment = {"TOUCHSTONE_DATA_DIR": str(tmp_path), "TOUCHSTONE_ACCESS__MODE": "accounts"}
        return CliRunner().invoke(command, arguments, env=environment, input=typed)

    with Services(starter(tmp_path), build_models=build_models) as services:
        for name in ("law", "hr"):
            services.collections.create(name)
        if request.param == "a server owns it":
            services.lock.announce("http://127.0.0.1:1")  # nobody listens there: nothing goes through it
            yield run_there
            return
    yield run_there


@pytest.fixture
def staffed(run: Run) -> Run:
    _out(run(users, "add", "Ada", "--role", "admin", typed=f"{PASSWORD}\n"))
    _out(run(users, "add", "Anna", typed=f"{PASSWORD}\n"))
    return run


def _out(done: Result) -> str:
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def _error(done: Result) -> TouchstoneError:
    assert isinstance(done.exception, TouchstoneError), done.output
    return done.exception


def _accounts(tmp_path: Path) -> Accounts:
    return Accounts(Database(tmp_path / "touchstone.sqlite3"), settings=AccessSettings())


def test_user_is_added_listed_changed_and_removed(staffed: Run, tmp_path: Path) -> None:
    assert _out(staffed(users, "role", "anna", "editor")) == "user 'Anna' is editor\n"
    assert _out(staffed(users, "disable", "Anna")) == "user 'Anna' is disabled\n"
    listed = _out(staffed(users))
    assert listed == _out(staffed(users, "list"))
    assert [word in listed for word in ("Ada", "admin", "Anna", "editor", "disabled", "never")] == [True] * 6
    assert _out(staffed(users, "enable", "Anna")) == "user 'Anna' is active\n"
    assert staffed(users, "remove", "Anna", typed="n\n").exit_code == 1
    assert _out(staffed(users, "remove", "Anna", "--yes")) == "deleted user 'Anna'\n"
    assert [each.name for each in _accounts(tmp_path).users.all()] == ["Ada"]


def test_password_comes_as_a_line_of_standard_input_and_signs_in(staffed: Run, tmp_path: Path) -> None:
    _out(staffed(users, "password", "Anna", typed="seven cats on a roof\nmore\n"))
    assert _accounts(tmp_path).sign_in("Anna", "seven cats on a roof").principal.name == "Anna"
    refused = staffed(users, "add", "Zoé")
    assert isinstance(_error(refused), BadRequest)
    assert "no password came in" in str(refused.exception)
    assert "seven" not in refused.output


def test_nobody_can_give_a_password_as_an_argument(staffed: Run) -> None:
    assert staffed(users, "add", "Eve", PASSWORD).exit_code == 2
    assert staffed(users, "add", "Eve", "--password", PASSWORD).exit_code == 2
    assert staffed(users, "password", "Anna", PASSWORD).exit_code == 2


def test_users_that_do_not_exist_or_may_not_be_changed_are_refused(staffed: Run) -> None:
    assert isinstance(_error(staffed(users, "role", "Eve", "viewer")), NotFound)
    assert isinstance(_error(staffed(users, "remove", "Ada", "--yes")), Conflict)
    assert isinstance(_error(staffed(users, "add", "ANNA", typed=f"{PASSWORD}\n")), Conflict)


def test_sessions_are_listed_and_ended(staffed: Run, tmp_path: Path) -> None:
    accounts = _accounts(tmp_path)
    token = accounts.sign_in("Anna", PASSWORD, address="10.0.0.1", agent="Firefox").token
    listed = _out(staffed(users, "sessions", "Anna"))
    assert "10.0.0.1" in listed
    assert "Firefox" in listed
    assert _out(staffed(users, "sessions", "Anna", "--end")) == "user 'Anna': ended 1 sessions\n"
    assert accounts.by_session(token) is None


def test_who_has_to_wait_is_unlocked(staffed: Run, tmp_path: Path) -> None:
    assert _out(staffed(users, "unlock", "Anna")) == "user 'Anna': no sign-in had failed\n"
    accounts = _accounts(tmp_path)
    for _ in range(5):
        with pytest.raises(TouchstoneError):
            accounts.sign_in("Anna", "wrong password")
    assert _out(staffed(users, "unlock", "Anna")) == "user 'Anna': failures are forgiven\n"
    accounts.sign_in("Anna", PASSWORD)


def test_address_that_has_to_wait_is_unlocked(staffed: Run, tmp_path: Path) -> None:
    accounts = _accounts(tmp_path)
    for number in range(3):
        with pytest.raises(TouchstoneError):
            accounts.sign_in(f"guess {number}", "wrong password", address="2001:db8::1")
    unlock = ("unlock", "--address", "2001:db8::9")  # of the same network
    assert _out(staffed(users, *unlock)) == "address '2001:db8::9': failures are forgiven\n"
    assert _out(staffed(users, *unlock)) == "address '2001:db8::9': no sign-in had failed\n"
    assert isinstance(_error(staffed(users, "unlock")), BadRequest)
    assert isinstance(_error(staffed(users, "unlock", "Anna", "--address", "::1")), BadRequest)


def test_groups_and_grants_open_a_collection(staffed: Run, tmp_path: Path) -> None:
    _out(staffed(groups, "create", "staff"))
    _out(staffed(groups, "add", "staff", "anna"))
    assert "Anna" in _out(staffed(groups))
    granted = _out(staffed(grants, "set", "law", "write", "--group", "staff"))
    assert granted == "group 'staff' may write 'law'\n"
    set_read = staffed(grants, "set", "hr", "manage", "--user", "Anna")
    assert "note: the role viewer lets 'Anna' read and no more" in _out(set_read)
    accounts = _accounts(tmp_path)
    law = Collections(Database(tmp_path / "touchstone.sqlite3"), now=Calendar()).named("law")
    assert accounts.users.principal(accounts.users.named("Anna").id).level(law.id) == "read"
    assert "staff" in _out(staffed(grants))
    assert "Anna" not in _out(staffed(grants, "list", "--collection", "law"))
    _out(staffed(grants, "remove", "law", "--group", "staff"))
    assert "staff" not in _out(staffed(grants))
    _out(staffed(groups, "remove", "staff", "Anna"))
    _out(staffed(groups, "delete", "staff", "--yes"))
    assert "staff" not in _out(staffed(groups, "list"))


def test_grant_needs_one_holder_and_a_collection_that_is_there(staffed: Run) -> None:
    for arguments in ((), ("--user", "Anna", "--group", "staff")):
        assert isinstance(_error(staffed(grants, "set", "law", "read", *arguments)), BadRequest)
    assert isinstance(_error(staffed(grants, "set", "zz", "read", "--user", "Anna")), NotFound)


def test_key_is_printed_alone_once_and_revoked(staffed: Run, tmp_path: Path) -> None:
    _out(staffed(grants, "set", "law", "read", "--user", "Anna"))
    made = staffed(keys, "create", "nightly", "--user", "Anna", "--for", "chat", "--collection", "law")
    secret = _out(made).strip()
    accounts = _accounts(tmp_path)
    found = accounts.by_key(secret)
    assert found is not None
    assert (found.name, found.uses, len(found.only or ())) == ("Anna", frozenset({"chat"}), 1)
    listed = _out(staffed(keys))
    assert secret not in listed
    assert [word in listed for word in (found.key, "nightly", "law")] == [True] * 3
    assert "revoked" in _out(staffed(keys, "revoke", found.key))
    assert accounts.by_key(secret) is None
    assert isinstance(_error(staffed(keys, "revoke", found.key)), NotFound)


def test_key_lasts_90_days_unless_something_else_is_said(staffed: Run, tmp_path: Path) -> None:
    for name, options in (("a", ()), ("b", ("--days", "7")), ("c", ("--never",))):
        _out(staffed(keys, "create", name, "--user", "Ada", "--for", "admin", *options))
    lasts = {
        each.name: None if each.expires_at is None else (each.expires_at - each.created_at).days
        for each in _accounts(tmp_path).keys.all()
    }
    assert lasts == {"a": 90, "b": 7, "c": None}
    both = staffed(keys, "create", "d", "--user", "Ada", "--for", "chat", "--days", "7", "--never")
    assert isinstance(_error(both), BadRequest)


def test_audit_lists_what_was_done_at_this_machine_and_finds_a_change(staffed: Run, tmp_path: Path) -> None:
    listed = _out(staffed(audit, "list", "--action", "user_add"))
    assert [word in listed for word in ("local", "user_add", "name=Anna", "role=viewer")] == [True] * 4
    assert "(older entries: --before 2)" in _out(staffed(audit, "list", "--limit", "1"))
    said = _out(staffed(audit, "verify"))
    assert said.startswith("2 entries fit together; the last has the digest ")
    digest = said.split()[-1]
    _out(staffed(audit, "verify", "--digest", digest))
    other = staffed(audit, "verify", "--digest", "00" * 32)
    assert other.exit_code == 1
    assert "BROKEN: no entry has the digest 0000" in other.stdout
    with sqlite3.connect(tmp_path / "touchstone.sqlite3") as connection:
        connection.execute("DROP TRIGGER audit_unchanged")
        connection.execute("UPDATE audit SET actor = 'eve' WHERE seq = 1")
    broken = staffed(audit, "verify")
    assert broken.exit_code == 1
    assert "BROKEN: entry 1 was changed, or one before it" in broken.stdout


def test_single_mode_says_that_nobody_needs_to_sign_in(tmp_path: Path) -> None:
    done = CliRunner().invoke(users, [], env={"TOUCHSTONE_DATA_DIR": str(tmp_path)})
    assert "access.mode is single: nobody needs to sign in" in done.stderr


def test_command_runs_as_a_person_runs_it(tmp_path: Path) -> None:
    environment = {**os.environ, "TOUCHSTONE_DATA_DIR": str(tmp_path), "TOUCHSTONE_ACCESS__MODE": "accounts"}

    def run(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [TOUCHSTONE, *arguments], input=typed, capture_output=True, text=True, env=environment, cwd="/",
            check=False, timeout=60,
        )  # fmt: skip

    added = run("users", "add", "Ada", "--role", "admin", typed=f"{PASSWORD}\n")
    assert (added.returncode, added.stdout) == (0, "added user 'Ada' (admin)\n"), added.stderr
    again = run("users", "add", "ada", typed=f"{PASSWORD}\n")
    assert (again.returncode, again.stderr) == (
        1, "touchstone: user 'ada' is there already; choose another name\n"
    )  # fmt: skip
