import threading
from datetime import timedelta

import pytest

from app.access.accounts import Accounts
from app.access.principal import LOCAL, Principal
from app.errors import NotFound
from app.settings import AccessSettings
from app.storage.collections import Collection
from app.storage.database import Database
from app.storage.grants import Grantee
from app.storage.users import User
from tests.access.conftest import PASSWORD, Calendar

HOUR_S, DAY_S = 3_600, 86_400


def test_session_ends_after_12_hours_without_a_request(
    accounts: Accounts, anna: User, clock: Calendar
) -> None:
    token = accounts.sign_in("Anna", PASSWORD).token
    for _ in range(3):
        clock.pass_s(11 * HOUR_S)
        assert accounts.by_session(token) is not None
    clock.pass_s(12 * HOUR_S)
    assert accounts.by_session(token) is None


def test_session_ends_after_7_days_however_much_it_is_used(
    accounts: Accounts, anna: User, clock: Calendar
) -> None:
    token = accounts.sign_in("Anna", PASSWORD).token
    for _ in range(16):
        clock.pass_s(10 * HOUR_S)
        assert accounts.by_session(token) is not None
    clock.pass_s(8 * HOUR_S)
    assert accounts.by_session(token) is None
    assert accounts.sessions.of(anna.id) == []


def test_lengths_are_settings(database: Database, clock: Calendar, anna: User) -> None:
    short = AccessSettings(session_idle_h=1, session_max_days=0.125)
    accounts = Accounts(database, settings=short, now=clock)
    token = accounts.sign_in("Anna", PASSWORD).token
    for _ in range(5):
        clock.pass_s(0.5 * HOUR_S)
        assert accounts.by_session(token) is not None
    clock.pass_s(0.5 * HOUR_S)
    assert accounts.by_session(token) is None


def test_clock_set_back_a_little_ends_nothing_and_set_back_far_ends_the_session(
    accounts: Accounts, anna: User, clock: Calendar
) -> None:
    token = accounts.sign_in("Anna", PASSWORD).token
    clock.pass_s(-60)
    assert accounts.by_session(token) is not None
    clock.pass_s(-DAY_S)
    assert accounts.by_session(token) is None


@pytest.mark.parametrize("token", ["", "x", "ü", "\ud800", "' OR 1=1 --", "a" * 100_000])
def test_any_other_token_is_nobodys(accounts: Accounts, anna: User, token: str) -> None:
    accounts.sign_in("Anna", PASSWORD)
    assert accounts.by_session(token) is None
    assert accounts.by_key(token) is None


def test_token_is_256_random_bits_and_never_the_same(accounts: Accounts, anna: User) -> None:
    tokens = {accounts.sign_in("Anna", PASSWORD).token for _ in range(5)}
    assert len(tokens) == 5
    assert {len(each) for each in tokens} == {43}


def test_role_and_grants_are_those_of_the_moment(
    accounts: Accounts, anna: User, legal: Collection, database: Database
) -> None:
    token = accounts.sign_in("Anna", PASSWORD).token
    grantee = Grantee("user", anna.id)

    def level() -> str | None:
        found = accounts.by_session(token)
        assert found is not None
        return found.level(legal.id)

    assert level() is None
    accounts.grants.set(LOCAL, legal.id, grantee, "write")
    assert level() == "write"
    with database.transaction() as connection:  # as another process would
        connection.execute("UPDATE user SET role = 'viewer' WHERE id = ?", (anna.id,))
    assert level() == "read"
    accounts.grants.remove(LOCAL, legal.id, grantee)
    assert level() is None


def test_role_password_and_disabling_end_every_session(accounts: Accounts, anna: User) -> None:
    def demote() -> None:
        accounts.users.set_role(LOCAL, anna.id, "viewer")

    def give_password() -> None:
        accounts.users.set_password(LOCAL, anna.id, PASSWORD)

    def disable() -> None:
        accounts.users.disable(LOCAL, anna.id)

    for change in (demote, give_password, disable):
        tokens = [accounts.sign_in("Anna", PASSWORD).token for _ in range(2)]
        change()
        assert [accounts.by_session(each) for each in tokens] == [None, None]


def test_sign_out_ends_that_session_only(accounts: Accounts, anna: User) -> None:
    one, two = accounts.sign_in("Anna", PASSWORD), accounts.sign_in("Anna", PASSWORD)
    accounts.sign_out(one.principal)
    assert accounts.by_session(one.token) is None
    assert accounts.by_session(two.token) is not None


def test_own_sessions_are_listed_and_ended_and_anothers_are_not_there(
    accounts: Accounts, anna: User, admin: User, clock: Calendar
) -> None:
    first = accounts.sign_in("Anna", PASSWORD, address="10.0.0.1", agent="Firefox" + "x" * 300)
    clock.pass_s(120)
    second = accounts.sign_in("Anna", PASSWORD)
    listed = accounts.sessions.of(anna.id)
    assert [each.id for each in listed] == [second.session.id, first.session.id]
    assert (listed[1].address, len(listed[1].agent)) == ("10.0.0.1", 200)
    boss = accounts.sign_in("Ada", PASSWORD)
    with pytest.raises(NotFound):
        accounts.sessions.end(first.principal, boss.session.id)
    with pytest.raises(NotFound):
        accounts.sessions.end_of(first.principal, admin.id)
    accounts.sessions.end(first.principal, second.session.id)
    assert accounts.by_session(second.token) is None
    assert accounts.sessions.end_of(boss.principal, anna.id) == 1
    assert accounts.by_session(first.token) is None


def test_api_key_ends_no_sessions(accounts: Accounts, anna: User) -> None:
    session = accounts.sign_in("Anna", PASSWORD)
    secret = accounts.keys.add(session.principal, anna.id, "ci", ["chat"], days=1).secret
    key = accounts.by_key(secret)
    assert key is not None
    with pytest.raises(NotFound):
        accounts.sessions.end(key, session.session.id)
    with pytest.raises(NotFound):
        accounts.sessions.end_of(key, anna.id)


def test_use_is_written_at_most_once_a_minute(accounts: Accounts, anna: User, clock: Calendar) -> None:
    begun = accounts.sign_in("Anna", PASSWORD)
    clock.pass_s(59)
    accounts.by_session(begun.token)
    assert accounts.sessions.of(anna.id)[0].seen_at == begun.session.seen_at
    clock.pass_s(1)
    accounts.by_session(begun.token)
    assert accounts.sessions.of(anna.id)[0].seen_at == begun.session.seen_at + timedelta(minutes=1)


def test_long_write_keeps_nobody_waiting_who_only_reads(
    accounts: Accounts, anna: User, clock: Calendar, database: Database
) -> None:
    begun = accounts.sign_in("Anna", PASSWORD)
    secret = accounts.keys.add(begun.principal, anna.id, "ci", ["chat"], days=1).secret
    clock.pass_s(120)
    found = list[object]()
    with database.transaction():
        reader = threading.Thread(
            target=lambda: found.extend((accounts.by_session(begun.token), accounts.by_key(secret)))
        )
        reader.start()
        reader.join(timeout=5)
        assert [each is None for each in found] == [False, False]
    assert accounts.sessions.of(anna.id)[0].seen_at == begun.session.seen_at


def test_open_stream_learns_that_its_session_or_key_has_ended(accounts: Accounts, anna: User) -> None:
    session = accounts.sign_in("Anna", PASSWORD).principal
    made = accounts.keys.add(session, anna.id, "ci", ["chat"], days=1)
    key = accounts.by_key(made.secret)
    assert key is not None
    assert accounts.again(session) == session
    assert accounts.again(key) == key
    assert accounts.again(LOCAL) == LOCAL
    accounts.keys.revoke(session, made.key.id)
    accounts.sign_out(session)
    assert accounts.again(session) is None
    assert accounts.again(key) is None
    assert accounts.again(Principal(anna.id, "Anna", "admin")) is None


def test_expired_sessions_are_swept_at_the_next_sign_in(
    accounts: Accounts, anna: User, clock: Calendar, database: Database
) -> None:
    accounts.sign_in("Anna", PASSWORD)
    clock.pass_s(13 * HOUR_S)
    accounts.sign_in("Anna", PASSWORD)
    assert database.connection().execute("SELECT count(*) FROM session").fetchone()[0] == 1
