import re

import pytest

from app.access.accounts import Accounts
from app.access.principal import LOCAL, Principal, Use
from app.errors import BadRequest, Forbidden, NotFound
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.grants import Grantee
from app.storage.users import User
from tests.access.conftest import PASSWORD, Calendar

DAY_S = 86_400


@pytest.fixture
def asking(accounts: Accounts, anna: User) -> Principal:
    return accounts.sign_in("Anna", PASSWORD).principal


def _by(accounts: Accounts, secret: str) -> Principal:
    found = accounts.by_key(secret)
    assert found is not None
    return found


def test_key_is_its_owner_narrowed_to_its_uses(accounts: Accounts, asking: Principal, anna: User) -> None:
    made = accounts.keys.add(asking, anna.id, "nightly", ["chat", "search"], days=30)
    assert re.fullmatch(r"tsk_[0-9a-f]{8}_[0-9A-Za-z_-]{43}", made.secret)
    found = _by(accounts, made.secret)
    assert (found.id, found.name, found.role, found.key) == (anna.id, "Anna", "editor", made.key.id)
    assert found.uses == {"chat", "search"}
    assert found.session == ""


def test_one_character_more_less_or_other_opens_nothing(
    accounts: Accounts, asking: Principal, anna: User
) -> None:
    secret = accounts.keys.add(asking, anna.id, "ci", ["chat"], days=30).secret
    other = "A" if secret[-1] != "A" else "B"
    wrong = [secret[:-1], secret + "A", secret[:-1] + other, secret.upper(), secret + "\n", " " + secret]
    assert [accounts.by_key(each) for each in wrong] == [None] * len(wrong)


def test_key_expires(accounts: Accounts, asking: Principal, anna: User, clock: Calendar) -> None:
    secret = accounts.keys.add(asking, anna.id, "ci", ["chat"], days=1).secret
    forever = accounts.keys.add(asking, anna.id, "ci", ["chat"], days=None).secret
    clock.pass_s(DAY_S - 1)
    assert accounts.by_key(secret) is not None
    clock.pass_s(1)
    assert accounts.by_key(secret) is None
    clock.pass_s(1000 * DAY_S)
    assert accounts.by_key(forever) is not None


def test_key_of_a_disabled_or_deleted_owner_opens_nothing(
    accounts: Accounts, asking: Principal, anna: User
) -> None:
    secret = accounts.keys.add(asking, anna.id, "ci", ["chat"], days=1).secret
    accounts.users.disable(LOCAL, anna.id)
    assert accounts.by_key(secret) is None
    accounts.users.enable(LOCAL, anna.id)
    assert accounts.by_key(secret) is not None
    accounts.users.remove(LOCAL, anna.id)
    assert accounts.by_key(secret) is None


def test_key_sees_the_subset_it_was_made_for_and_never_more_than_its_owner(
    accounts: Accounts, asking: Principal, anna: User, collections: Collections
) -> None:
    law, hr = collections.create("law"), collections.create("hr")
    for each in (law, hr):
        accounts.grants.set(LOCAL, each.id, Grantee("user", anna.id), "write")
    made = accounts.keys.add(asking, anna.id, "ci", ["search"], only=[law.id], days=1)
    assert made.key.only == frozenset({law.id})
    found = _by(accounts, made.secret)
    assert (found.level(law.id), found.level(hr.id)) == ("write", None)
    accounts.grants.remove(LOCAL, law.id, Grantee("user", anna.id))
    assert _by(accounts, made.secret).level(law.id) is None


def test_key_whose_collections_are_all_deleted_sees_nothing(
    accounts: Accounts, admin: User, collections: Collections
) -> None:
    law, other = collections.create("law"), collections.create("other")
    boss = accounts.sign_in("Ada", PASSWORD).principal
    secret = accounts.keys.add(boss, admin.id, "ci", ["search"], only=[law.id], days=1).secret
    collections.delete(law.id)
    found = _by(accounts, secret)
    assert found.only == frozenset()
    assert found.level(other.id) is None


def test_key_is_not_made_for_a_collection_its_owner_may_not_see(
    accounts: Accounts, asking: Principal, anna: User, legal: Collection, admin: User
) -> None:
    for only in ([legal.id], ["no such id"]):
        with pytest.raises(NotFound, match="does not exist"):
            accounts.keys.add(asking, anna.id, "ci", ["search"], only=only, days=1)
    boss = accounts.sign_in("Ada", PASSWORD).principal
    with pytest.raises(NotFound):
        accounts.keys.add(boss, admin.id, "ci", ["search"], only=["no such id"], days=1)
    assert accounts.keys.all() == []


def test_admin_use_goes_with_the_role(accounts: Accounts, admin: User, anna: User, asking: Principal) -> None:
    with pytest.raises(BadRequest, match="needs an owner with the role admin"):
        accounts.keys.add(asking, anna.id, "ci", ["admin"], days=1)
    accounts.users.set_role(LOCAL, anna.id, "admin")
    secret = accounts.keys.add(LOCAL, anna.id, "ci", ["admin", "chat"], days=1).secret
    assert _by(accounts, secret).uses == {"admin", "chat"}
    accounts.users.set_role(LOCAL, anna.id, "editor")
    assert _by(accounts, secret).uses == {"chat"}


@pytest.mark.parametrize(
    ("uses", "only", "days", "name", "said"),
    [
        ([], None, 1, "ci", "a key for nothing cannot be made"),
        (["chat", "everything"], None, 1, "ci", "a key for everything cannot be made"),
        (["admin"], [], 1, "ci", "cannot be kept to some knowledge bases"),
        (["chat"], None, 0, "ci", "lasts up to 3650 days, not 0"),
        (["chat"], None, 1e9, "ci", "lasts up to 3650 days"),
        (["chat"], None, float("nan"), "ci", "lasts up to 3650 days"),
        (["chat"], None, 1, "a\nb", "key name .* cannot be used"),
    ],
)
def test_what_no_key_can_be_is_refused(
    accounts: Accounts,
    admin: User,
    uses: list[Use],
    only: list[str] | None,
    days: float,
    name: str,
    said: str,
) -> None:
    with pytest.raises(BadRequest, match=said):
        accounts.keys.add(LOCAL, admin.id, name, uses, only=only, days=days)


def test_key_makes_no_keys_and_nobody_makes_one_for_another(
    accounts: Accounts, anna: User, admin: User, asking: Principal
) -> None:
    boss = accounts.sign_in("Ada", PASSWORD).principal
    key = _by(accounts, accounts.keys.add(boss, admin.id, "ci", ["admin"], days=1).secret)
    for by, owner in ((key, admin), (boss, anna), (asking, admin)):
        with pytest.raises(Forbidden, match="made by its owner, after he has signed in"):
            accounts.keys.add(by, owner.id, "ci", ["chat"], days=1)
    assert accounts.keys.add(LOCAL, anna.id, "ci", ["chat"], days=1).key.owner == "Anna"


def test_own_keys_are_listed_and_revoked_and_anothers_are_not_there(
    accounts: Accounts, anna: User, admin: User, asking: Principal, clock: Calendar
) -> None:
    first = accounts.keys.add(asking, anna.id, "first", ["chat"], days=1)
    clock.pass_s(1)
    second = accounts.keys.add(asking, anna.id, "second", ["chat"], days=1)
    bosss = accounts.keys.add(LOCAL, admin.id, "boss", ["chat"], days=1)
    assert [each.name for each in accounts.keys.of(anna.id)] == ["second", "first"]
    assert [each.owner for each in accounts.keys.all()] == ["Ada", "Anna", "Anna"]
    with pytest.raises(NotFound):
        accounts.keys.revoke(asking, bosss.key.id)
    with pytest.raises(NotFound):
        accounts.keys.revoke(_by(accounts, first.secret), second.key.id)
    assert accounts.keys.revoke(asking, first.key.id).name == "first"
    assert accounts.by_key(first.secret) is None
    accounts.keys.revoke(accounts.sign_in("Ada", PASSWORD).principal, second.key.id)
    assert accounts.by_key(second.secret) is None


def test_last_use_is_written_at_most_once_a_minute(
    accounts: Accounts, asking: Principal, anna: User, clock: Calendar
) -> None:
    secret = accounts.keys.add(asking, anna.id, "ci", ["chat"], days=1).secret
    assert accounts.keys.of(anna.id)[0].used_at is None
    first = clock()
    for _ in range(3):
        accounts.by_key(secret)
        assert accounts.keys.of(anna.id)[0].used_at == first
        clock.pass_s(20)
    accounts.by_key(secret)
    assert accounts.keys.of(anna.id)[0].used_at == clock()


def test_full_disk_is_no_reason_to_refuse_a_key_or_a_session(
    accounts: Accounts, asking: Principal, anna: User, clock: Calendar, database: Database
) -> None:
    begun = accounts.sign_in("Anna", PASSWORD)
    secret = accounts.keys.add(asking, anna.id, "ci", ["chat"], days=1).secret
    clock.pass_s(120)
    database.connection().execute("PRAGMA query_only = ON")  # as of a disk that takes nothing
    assert accounts.by_key(secret) is not None
    assert accounts.by_session(begun.token) is not None
