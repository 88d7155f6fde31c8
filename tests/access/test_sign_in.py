import threading
import time
from statistics import median

import pytest
from argon2 import PasswordHasher

from app.access.accounts import Accounts
from app.access.passwords import Passwords
from app.access.principal import LOCAL
from app.errors import BadRequest, Conflict, NotSignedIn
from app.settings import AccessSettings
from app.storage.database import Database
from app.storage.users import User, UserTable
from tests.access.conftest import PASSWORD, Calendar


def _token(accounts: Accounts) -> str:
    token = accounts.setup_token()
    assert token is not None
    return token


def test_first_admin_is_made_with_the_setup_token_and_signs_in(accounts: Accounts) -> None:
    assert accounts.empty()
    made = accounts.setup(_token(accounts), "Ada", PASSWORD)
    assert made.role == "admin"
    assert not accounts.empty()
    assert accounts.setup_token() is None
    assert accounts.sign_in("Ada", PASSWORD).principal.id == made.id


def test_setup_without_the_right_token_makes_nobody(accounts: Accounts) -> None:
    for wrong in ("", "x", _token(accounts)[:-1], _token(accounts) + "x", "ü" * 43, "\ud800"):
        with pytest.raises(NotSignedIn, match="the setup token is wrong"):
            accounts.setup(wrong, "Eve", PASSWORD)
    assert accounts.empty()


def test_setup_is_over_once_there_is_a_user(accounts: Accounts) -> None:
    token = _token(accounts)
    accounts.setup(token, "Ada", PASSWORD)
    with pytest.raises(Conflict, match="the first admin is there already"):
        accounts.setup(token, "Eve", PASSWORD)
    assert [each.name for each in accounts.users.all()] == ["Ada"]


def test_each_process_has_a_setup_token_of_its_own(accounts: Accounts, database: Database) -> None:
    other = Accounts(database, settings=AccessSettings())
    assert _token(other) != _token(accounts)
    with pytest.raises(NotSignedIn):
        other.setup(_token(accounts), "Ada", PASSWORD)


def test_of_several_setups_at_the_same_moment_one_makes_an_admin(accounts: Accounts) -> None:
    token, gate, ends = _token(accounts), threading.Barrier(4), list[str]()

    def set_up(name: str) -> None:
        gate.wait()
        try:
            accounts.setup(token, name, PASSWORD)
            ends.append("made")
        except Conflict:
            ends.append("refused")

    threads = [threading.Thread(target=set_up, args=(f"user {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["made", "refused", "refused", "refused"]
    assert len(accounts.users.all()) == 1


def test_second_first_row_cannot_be_written_even_past_the_first_look(
    database: Database, clock: Calendar
) -> None:
    table = UserTable(database, now=clock)
    assert table.add_first("Ada", "ada", "x") is not None
    assert table.add_first("Eve", "eve", "x") is None


def test_name_is_found_however_it_is_written(accounts: Accounts, anna: User) -> None:
    for name in ("anna", "ANNA", "Ａｎｎａ", " anna "):
        assert accounts.sign_in(name, PASSWORD).principal.id == anna.id


def test_password_is_the_same_from_every_keyboard(accounts: Accounts, admin: User) -> None:
    composed, decomposed = "caf\u00e9 mit sieben Katzen", "cafe\u0301 mit sieben Katzen"
    user = accounts.users.add(LOCAL, "Zoé", "viewer", composed)
    assert accounts.sign_in("Zoé", decomposed).principal.id == user.id


def test_every_sign_in_that_fails_is_told_the_same(accounts: Accounts, anna: User, admin: User) -> None:
    said = set[str]()
    accounts.users.disable(LOCAL, anna.id)
    tries = [
        ("nobody", PASSWORD), ("Ada", "wrong password"), ("Anna", PASSWORD), ("", ""),
        ("x" * 5000, "x" * 5000), ("Ada", "\ud800"), ("\u202eAda", PASSWORD),
    ]  # fmt: skip
    for name, password in tries:
        with pytest.raises(NotSignedIn) as refused:
            accounts.sign_in(name, password)
        said.add(str(refused.value))
    assert said == {"name or password is wrong, or the account is disabled"}


def test_unknown_name_takes_as_long_as_a_wrong_password(accounts: Accounts, admin: User) -> None:
    passwords = Passwords()
    hashed = passwords.hashed(PASSWORD, "Ada")

    def seconds(against: str | None, password: str) -> float:
        began = time.process_time()
        assert not passwords.verify(against, password)
        return time.process_time() - began

    known = median(seconds(hashed, "wrong password") for _ in range(5))
    for against, password in ((None, "wrong password"), (hashed, "x" * 2000)):
        other = median(seconds(against, password) for _ in range(5))
        assert known / 4 < other < known * 4, (against, password[:9])


def test_disabled_user_has_no_sessions_and_cannot_sign_in(accounts: Accounts, anna: User) -> None:
    signed_in = accounts.sign_in("Anna", PASSWORD)
    accounts.users.disable(LOCAL, anna.id)
    assert accounts.by_session(signed_in.token) is None
    with pytest.raises(NotSignedIn):
        accounts.sign_in("Anna", PASSWORD)
    accounts.users.enable(LOCAL, anna.id)
    assert accounts.by_session(signed_in.token) is None
    assert accounts.sign_in("Anna", PASSWORD).principal.id == anna.id


def test_sign_in_does_not_outlive_a_password_that_was_changed_meanwhile(
    accounts: Accounts, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = Passwords.verify

    def change_after(self: Passwords, hashed: str | None, password: str) -> bool:
        right = verify(self, hashed, password)
        accounts.users.set_password(LOCAL, anna.id, "another horse battery")
        return right

    monkeypatch.setattr(Passwords, "verify", change_after)
    with pytest.raises(NotSignedIn):
        accounts.sign_in("Anna", PASSWORD)
    assert accounts.sessions.of(anna.id) == []


def test_sign_in_ends_the_session_it_replaces(accounts: Accounts, anna: User) -> None:
    first = accounts.sign_in("Anna", PASSWORD)
    second = accounts.sign_in("Anna", PASSWORD, replaces=first.token)
    assert second.token != first.token
    assert accounts.by_session(first.token) is None
    assert accounts.by_session(second.token) == second.principal


def test_hash_of_older_parameters_is_renewed_at_sign_in(
    accounts: Accounts, anna: User, database: Database, clock: Calendar
) -> None:
    table = UserTable(database, now=clock)
    table.set_hash(anna.id, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD))
    accounts.sign_in("Anna", PASSWORD)
    assert table.password_hash(anna.id).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    accounts.sign_in("Anna", PASSWORD)


def test_own_password_is_changed_with_the_present_one_and_ends_every_session(
    accounts: Accounts, anna: User
) -> None:
    here, elsewhere = accounts.sign_in("Anna", PASSWORD), accounts.sign_in("Anna", PASSWORD)
    with pytest.raises(NotSignedIn):
        accounts.change_password(here.principal, "wrong password", "seven cats on a roof")
    with pytest.raises(BadRequest, match="choose at least 12"):
        accounts.change_password(here.principal, PASSWORD, "short")
    assert accounts.by_session(here.token) is not None
    renewed = accounts.change_password(here.principal, PASSWORD, "seven cats on a roof")
    assert accounts.by_session(here.token) is None
    assert accounts.by_session(elsewhere.token) is None
    assert accounts.by_session(renewed.token) == renewed.principal
    assert accounts.sign_in("Anna", "seven cats on a roof").principal.id == anna.id
    with pytest.raises(NotSignedIn):
        accounts.sign_in("Anna", PASSWORD)


def test_no_password_and_no_token_is_kept(accounts: Accounts, anna: User, database: Database) -> None:
    signed_in = accounts.sign_in("Anna", PASSWORD)
    key = accounts.keys.add(signed_in.principal, anna.id, "ci", ["chat"], days=1)
    kept = "\n".join(database.connection().iterdump())
    for secret in (PASSWORD, signed_in.token, key.secret, key.secret[13:]):
        assert secret not in kept
