import sqlite3
from pathlib import Path

import pytest

from app.access.accounts import Accounts
from app.access.audit import Audit
from app.access.principal import LOCAL, Principal
from app.checks import audit_check
from app.errors import NotSignedIn
from app.storage.collections import Collection
from app.storage.database import Database
from app.storage.grants import Grantee
from app.storage.users import User
from tests.access.conftest import PASSWORD, Calendar
from tests.api.served import services_of


@pytest.fixture
def audit(database: Database, clock: Calendar) -> Audit:
    written = Audit(database, now=clock)
    for number in range(10):
        written.note(LOCAL, "upload", f"document {number}", details={"collection": "law"})
        clock.pass_s(1)
    return written


def _loosened(database: Database) -> sqlite3.Connection:
    """As whoever can write the file sees it: he begins by dropping the triggers."""
    connection = database.connection()
    for trigger in ("audit_unchanged", "audit_kept", "audit_appended"):
        connection.execute(f"DROP TRIGGER {trigger}")
    return connection


def test_whole_log_fits_together(audit: Audit) -> None:
    found = audit.verify()
    assert (found.entries, found.broken_at, found.reason) == (10, 0, "")
    assert found.digest == audit.page(limit=1)[0].digest
    assert audit.holds(found.digest)
    assert audit.holds(audit.page()[-1].digest)
    assert not audit.holds("00" * 32)
    assert not audit.holds("no digest")


def test_empty_log_fits_together(database: Database, clock: Calendar) -> None:
    assert Audit(database, now=clock).verify().entries == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET result = 'refused' WHERE seq = 5",
        "DELETE FROM audit WHERE seq = 5",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 5",
        "INSERT INTO audit SELECT seq - 100, at, 'eve', actor_name, via, address, action, target, result,"
        " details, digest FROM audit WHERE seq = 5",
    ],
)
def test_rows_are_neither_changed_nor_deleted_nor_slipped_in(
    audit: Audit, database: Database, statement: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="the audit log is append-only"):
        database.connection().execute(statement)
    assert audit.verify().entries == 10


@pytest.mark.parametrize(
    "column", ["at", "actor", "actor_name", "via", "address", "action", "target", "details", "digest"]
)
def test_change_of_any_value_is_found(audit: Audit, database: Database, column: str) -> None:
    value = "zeroblob(32)" if column == "digest" else "'x'"
    _loosened(database).execute(f"UPDATE audit SET {column} = {value} WHERE seq = 5")  # noqa: S608
    found = audit.verify()
    assert (found.entries, found.broken_at) == (4, 5)
    assert found.reason == "entry 5 was changed, or one before it"


def test_missing_entry_is_found(audit: Audit, database: Database) -> None:
    connection = _loosened(database)
    connection.execute("DELETE FROM audit WHERE seq = 5")
    assert audit.verify().reason == "entry 5 is missing"
    connection.execute("DELETE FROM audit WHERE seq = 1")
    assert audit.verify().reason == "entry 1 is missing"


def test_two_entries_that_changed_places_are_found(audit: Audit, database: Database) -> None:
    connection = _loosened(database)
    for old, new in ((4, 99), (5, 4), (99, 5)):
        connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (new, old))
    assert audit.verify().broken_at == 4


def test_entries_cut_off_at_the_end_are_found(audit: Audit, database: Database) -> None:
    _loosened(database).execute("DELETE FROM audit WHERE seq > 7")
    found = audit.verify()
    assert (found.entries, found.broken_at, found.reason) == (7, 8, "entries 8 to 10 are cut off")


def test_whole_new_chain_does_not_hold_a_digest_that_was_noted(
    audit: Audit, database: Database, clock: Calendar
) -> None:
    noted = audit.verify().digest
    connection = _loosened(database)
    connection.execute("DELETE FROM audit")
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'audit'")
    for number in range(10):
        audit.note(None, "upload", f"another {number}")
    assert audit.verify().broken_at == 0
    assert not audit.holds(noted)


def test_what_is_rolled_back_is_not_in_the_log(audit: Audit, database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction():  # noqa: PT012 - the nesting is the point
        audit.note(LOCAL, "settings")
        raise RuntimeError
    audit.note(LOCAL, "backup")
    found = audit.verify()
    assert (found.entries, found.broken_at) == (11, 0)
    assert audit.page(limit=1)[0].action == "backup"


def test_entries_are_paged_and_filtered(audit: Audit) -> None:
    audit.note(Principal("u1", "Anna", "editor", key="abcd0123"), "delete", "d1", address="10.0.0.1")
    first = audit.page(limit=4)
    assert [each.seq for each in first] == [11, 10, 9, 8]
    assert [each.seq for each in audit.page(before=8, limit=100)] == [7, 6, 5, 4, 3, 2, 1]
    (only,) = audit.page(actor="u1")
    assert (only.actor_name, only.via, only.address) == ("Anna", "key:abcd0123", "10.0.0.1")
    assert [each.seq for each in audit.page(action="delete")] == [11]


def test_value_that_could_be_a_text_is_refused(audit: Audit) -> None:
    for target, details in (("x" * 201, {}), ("", {"name": "x" * 201})):
        with pytest.raises(ValueError, match="201 characters are too many for the audit log"):
            audit.note(LOCAL, "upload", target, details=details)


def test_everything_that_is_done_to_accounts_is_written_down(
    accounts: Accounts, legal: Collection, tmp_path: Path
) -> None:
    token = accounts.setup_token()
    assert token is not None
    ada = accounts.setup(token, "Ada", PASSWORD, address="::1")
    boss = accounts.sign_in("Ada", PASSWORD).principal
    anna = accounts.users.add(boss, "Anna", "viewer", PASSWORD)
    accounts.users.set_role(boss, anna.id, "editor")
    staff = accounts.groups.add(boss, "staff")
    accounts.groups.add_member(boss, staff.id, anna.id)
    accounts.grants.set(boss, legal.id, Grantee("group", staff.id), "write")
    key = accounts.keys.add(boss, ada.id, "ci", ["chat"], days=1)
    with pytest.raises(NotSignedIn):
        accounts.sign_in("Anna", "wrong password")
    asking = accounts.sign_in("Anna", PASSWORD)
    accounts.sessions.end(boss, asking.session.id)
    accounts.users.set_password(boss, anna.id, PASSWORD)
    accounts.users.unlock(boss, anna.id)
    accounts.users.disable(boss, anna.id)
    accounts.users.enable(boss, anna.id)
    accounts.keys.revoke(boss, key.key.id)
    accounts.grants.remove(boss, legal.id, Grantee("group", staff.id))
    accounts.groups.remove_member(boss, staff.id, anna.id)
    accounts.groups.remove(boss, staff.id)
    accounts.users.remove(boss, anna.id)
    accounts.sign_out(boss)
    entries = accounts.audit.page()[::-1]
    assert [(each.action, each.actor_name, each.result) for each in entries] == [
        ("setup", "", "ok"), ("sign_in", "Ada", "ok"), ("user_add", "Ada", "ok"), ("user_role", "Ada", "ok"),
        ("group_add", "Ada", "ok"), ("member_add", "Ada", "ok"), ("grant_set", "Ada", "ok"),
        ("key_add", "Ada", "ok"), ("sign_in", "", "refused"), ("sign_in", "Anna", "ok"),
        ("session_end", "Ada", "ok"), ("user_password", "Ada", "ok"), ("user_unlock", "Ada", "ok"),
        ("user_disable", "Ada", "ok"), ("user_enable", "Ada", "ok"), ("key_revoke", "Ada", "ok"),
        ("grant_remove", "Ada", "ok"), ("member_remove", "Ada", "ok"), ("group_remove", "Ada", "ok"),
        ("user_remove", "Ada", "ok"), ("sign_out", "Ada", "ok"),
    ]  # fmt: skip
    assert accounts.audit.verify().broken_at == 0


def test_who_failed_to_sign_in_is_named_by_id_and_address(accounts: Accounts, anna: User) -> None:
    for name in ("Anna", "nobody"):
        with pytest.raises(NotSignedIn):
            accounts.sign_in(name, "wrong password", address="10.0.0.1")
    unknown, known = accounts.audit.page(limit=2)
    assert (known.action, known.target, known.address, known.result) == (
        "sign_in", anna.id, "10.0.0.1", "refused"
    )  # fmt: skip
    assert (unknown.target, dict(unknown.details)) == ("", {})


def test_doctor_tells_an_audit_log_that_was_changed(tmp_path: Path) -> None:
    with services_of(tmp_path) as services:
        services.accounts.audit.note(LOCAL, "settings", "one")
        services.accounts.audit.note(LOCAL, "settings", "two")
        fine, sentence = audit_check(services)
        assert fine
        assert "2 entries" in sentence
        connection = _loosened(services.database)
        connection.execute("UPDATE audit SET target = 'three' WHERE target = 'one'")
        fine, sentence = audit_check(services)
        assert not fine
        assert "entry 1" in sentence
