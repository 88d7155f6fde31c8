import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.accounts import Accounts
from app.access.audit import Audit
from app.access.principal import LOCAL
from app.access.throttle import Throttle, network
from app.errors import NotSignedIn, TooManyAttempts
from app.settings import AccessSettings
from app.storage.database import Database
from app.storage.users import User
from tests.access.conftest import PASSWORD, Calendar

WRONG = "wrong password"
QUICK = AccessSettings(
    mode="accounts", free_failures=3, free_address_failures=6, first_wait_s=2, longest_wait_s=20,
    forgive_name_s=3600, forgive_address_s=60,
)  # fmt: skip


@pytest.fixture
def accounts(database: Database, clock: Calendar) -> Accounts:
    return Accounts(database, settings=QUICK, now=clock)


def _fail(accounts: Accounts, times: int = 1, *, name: str = "Anna", address: str = "") -> None:
    for _ in range(times):
        with pytest.raises(NotSignedIn):
            accounts.sign_in(name, WRONG, address=address)


def _waited(throttle: Throttle, name: str) -> int:
    try:
        throttle.begin(name, f"address of {name}")
    except TooManyAttempts as refused:
        return refused.retry_after_s
    return 0


def _wait(accounts: Accounts, *, name: str = "Anna", address: str = "", password: str = PASSWORD) -> int:
    with pytest.raises(TooManyAttempts) as refused:
        accounts.sign_in(name, password, address=address)
    return refused.value.retry_after_s


def test_first_failures_cost_nothing_and_each_further_one_doubles_the_wait(
    accounts: Accounts, anna: User, clock: Calendar
) -> None:
    _fail(accounts, 3)
    waits = []
    for _ in range(6):
        waits.append(_wait(accounts))
        clock.pass_s(waits[-1])
        _fail(accounts)
    assert waits == [2, 4, 8, 16, 20, 20]


def test_right_password_has_to_wait_as_well_and_is_then_let_in(
    accounts: Accounts, anna: User, clock: Calendar
) -> None:
    _fail(accounts, 3)
    assert _wait(accounts) == 2
    clock.pass_s(1.5)
    assert _wait(accounts) == 1
    clock.pass_s(0.5)
    accounts.sign_in("Anna", PASSWORD)


def test_success_forgives_the_name(accounts: Accounts, anna: User) -> None:
    for _ in range(3):
        _fail(accounts, 2)
        accounts.sign_in("Anna", PASSWORD)


def test_knocking_while_it_waits_neither_helps_nor_prolongs(
    accounts: Accounts, anna: User, clock: Calendar
) -> None:
    _fail(accounts, 3)
    for _ in range(20):
        assert _wait(accounts, password=WRONG) <= 2
        clock.pass_s(0.05)
    clock.pass_s(1)
    accounts.sign_in("Anna", PASSWORD)


def test_a_name_nobody_has_waits_as_one_that_somebody_has(accounts: Accounts, anna: User) -> None:
    _fail(accounts, 3)
    _fail(accounts, 3, name="nobody")
    assert _wait(accounts) == _wait(accounts, name="nobody") == 2


def test_one_name_that_waits_keeps_no_other_out(accounts: Accounts, anna: User, admin: User) -> None:
    _fail(accounts, 3, address="10.0.0.1")
    accounts.sign_in("Ada", PASSWORD, address="10.0.0.1")


def test_one_address_that_tries_many_names_has_to_wait(accounts: Accounts, anna: User) -> None:
    for number in range(6):
        _fail(accounts, name=f"guess {number}", address="10.0.0.1")
    assert _wait(accounts, address="10.0.0.1") == 2
    accounts.sign_in("Anna", PASSWORD, address="10.0.0.2")


def test_signing_in_with_an_account_of_his_own_does_not_free_an_address(
    accounts: Accounts, anna: User, clock: Calendar
) -> None:
    for number in range(5):
        _fail(accounts, name=f"guess {number}", address="10.0.0.1")
        accounts.sign_in("Anna", PASSWORD, address="10.0.0.1")
    _fail(accounts, name="guess 6", address="10.0.0.1")
    assert _wait(accounts, address="10.0.0.1") == 2


def test_success_begins_no_new_wait_for_its_address(accounts: Accounts, anna: User, clock: Calendar) -> None:
    for number in range(6):
        _fail(accounts, name=f"guess {number}", address="10.0.0.1")
    clock.pass_s(2)
    for _ in range(3):
        accounts.sign_in("Anna", PASSWORD, address="10.0.0.1")


def test_failures_of_an_address_that_many_share_are_forgiven_with_time(
    accounts: Accounts, anna: User, clock: Calendar
) -> None:
    for number in range(30):  # a typing error a minute, of thirty people, keeps nobody out
        _fail(accounts, name=f"colleague {number}", address="10.0.0.1")
        clock.pass_s(60)
    accounts.sign_in("Anna", PASSWORD, address="10.0.0.1")


def test_restart_forgives_nothing(
    accounts: Accounts, anna: User, database: Database, clock: Calendar
) -> None:
    _fail(accounts, 3)
    assert _wait(Accounts(database, settings=QUICK, now=clock)) == 2


def test_operator_unlocks_a_name(accounts: Accounts, anna: User) -> None:
    _fail(accounts, 3)
    assert accounts.users.unlock(LOCAL, anna.id)
    accounts.sign_in("Anna", PASSWORD)
    assert not accounts.users.unlock(LOCAL, anna.id)


def test_address_is_unlocked(accounts: Accounts, anna: User) -> None:
    for number in range(6):
        _fail(accounts, name=f"guess {number}", address="10.0.0.1")
    assert _wait(accounts, address="10.0.0.1") == 2
    assert accounts.users.unlock_address(LOCAL, "10.0.0.1")
    accounts.sign_in("Anna", PASSWORD, address="10.0.0.1")


def test_sign_in_nobody_had_time_for_does_not_count(database: Database, clock: Calendar) -> None:
    throttle = Throttle(database, Audit(database, now=clock), settings=QUICK, now=clock)
    for _ in range(10):
        throttle.withdrawn(throttle.begin("anna", "10.0.0.1"))
    assert _waited(throttle, "anna") == 0


def test_of_many_guesses_at_the_same_moment_no_more_are_looked_at(accounts: Accounts, anna: User) -> None:
    gate, ends = threading.Barrier(8), list[str]()

    def guess() -> None:
        gate.wait()
        try:
            accounts.sign_in("Anna", WRONG)
        except NotSignedIn:
            ends.append("looked at")
        except TooManyAttempts:
            ends.append("waits")

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["looked at"] * 3 + ["waits"] * 5


def test_clock_set_back_locks_nobody_out_and_lets_nobody_in(
    accounts: Accounts, anna: User, clock: Calendar
) -> None:
    _fail(accounts, 5 - 2)
    clock.pass_s(-365 * 86_400)
    assert _wait(accounts) == 2  # not free at once ...
    clock.pass_s(1)
    assert _wait(accounts) == 1  # ... and not for a year: it goes on from now
    clock.pass_s(1)
    accounts.sign_in("Anna", PASSWORD)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for many examples, each with a name of its own."""
    opened = Database(tmp_path_factory.mktemp("throttle") / "db.sqlite3")
    opened.connection().execute("PRAGMA synchronous = OFF")  # nothing here asks for a disk
    yield opened
    opened.close()


@given(
    name=st.uuids().map(str),
    steps=st.lists(
        st.one_of(st.just("fail"), st.floats(-1e7, 1e7, allow_nan=False)), min_size=1, max_size=30
    )
)
def test_wait_is_never_longer_than_the_longest_whatever_the_clock_does(
    name: str, steps: list[str | float], kept: Database
) -> None:
    clock = Calendar()
    throttle = Throttle(kept, Audit(kept, now=clock), settings=QUICK, now=clock)
    for step in steps:
        if isinstance(step, float):
            clock.pass_s(step)
            continue
        wait_s = _waited(throttle, name)
        if wait_s:
            assert 1 <= wait_s <= 20
            clock.pass_s(wait_s)
            assert _waited(throttle, name) == 0


def test_wait_is_written_down_once_for_what_began_it(accounts: Accounts, anna: User) -> None:
    _fail(accounts, 3, address="10.0.0.1")
    for _ in range(5):
        _wait(accounts, address="10.0.0.1")
    noted = [each for each in accounts.audit.page() if each.action == "throttled"]
    assert [(each.target, each.address, dict(each.details)) for each in noted] == [
        (anna.id, "10.0.0.1", {"of": "name", "wait_s": "2"})
    ]


def test_what_was_typed_as_a_name_is_kept_nowhere(
    accounts: Accounts, database: Database, admin: User
) -> None:
    _fail(accounts, name="MyPasswordInTheWrongField")
    assert "mypasswordinthewrongfield" not in "\n".join(database.connection().iterdump()).casefold()


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("unix", "unix"),
    ],
)
def test_ipv6_addresses_of_one_network_are_counted_together(address: str, counted: str) -> None:
    assert network(address) == counted
