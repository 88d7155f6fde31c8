import pytest

from app.access.accounts import Accounts
from app.access.principal import LOCAL, Principal
from app.errors import Conflict, Forbidden, NotFound
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.grants import Grantee
from app.storage.users import User
from tests.access.conftest import PASSWORD


@pytest.fixture
def editor(accounts: Accounts, anna: User) -> Principal:
    return accounts.sign_in("Anna", PASSWORD).principal


def _now(accounts: Accounts, by: Principal) -> Principal:
    found = accounts.again(by)
    assert found is not None
    return found


def test_members_have_what_their_group_is_granted_and_the_highest_counts(
    accounts: Accounts, anna: User, legal: Collection, editor: Principal
) -> None:
    staff = accounts.groups.add(LOCAL, "staff")
    accounts.groups.add_member(LOCAL, staff.id, anna.id)
    accounts.grants.set(LOCAL, legal.id, Grantee("group", staff.id), "write")
    accounts.grants.set(LOCAL, legal.id, Grantee("user", anna.id), "read")
    assert _now(accounts, editor).level(legal.id) == "write"
    accounts.groups.remove_member(LOCAL, staff.id, anna.id)
    assert _now(accounts, editor).level(legal.id) == "read"
    accounts.grants.remove(LOCAL, legal.id, Grantee("user", anna.id))
    assert _now(accounts, editor).level(legal.id) is None


def test_group_is_found_by_name_filled_listed_and_deleted_with_its_grants(
    accounts: Accounts, anna: User, admin: User, legal: Collection, database: Database
) -> None:
    staff = accounts.groups.add(LOCAL, "Staff")
    with pytest.raises(Conflict, match="group 'STAFF' is there already"):
        accounts.groups.add(LOCAL, "STAFF")
    for user in (anna, admin, anna):
        accounts.groups.add_member(LOCAL, staff.id, user.id)
    accounts.grants.set(LOCAL, legal.id, Grantee("group", staff.id), "read")
    assert accounts.groups.named("staff").members == 2
    assert [each.name for each in accounts.groups.members(staff.id)] == ["Ada", "Anna"]
    assert [each.name for each in accounts.groups.of_user(anna.id)] == ["Staff"]
    accounts.groups.remove(LOCAL, staff.id)
    assert accounts.groups.all() == []
    assert accounts.grants.all(LOCAL) == []
    with pytest.raises(NotFound, match="group 'Staff' does not exist"):
        accounts.groups.named("Staff")
    assert len(accounts.users.all()) == 2


def test_taking_out_who_is_not_in_is_not_found(accounts: Accounts, anna: User) -> None:
    staff = accounts.groups.add(LOCAL, "staff")
    with pytest.raises(NotFound, match="user 'Anna' is not in group 'staff'"):
        accounts.groups.remove_member(LOCAL, staff.id, anna.id)
    with pytest.raises(NotFound, match="the user does not exist"):
        accounts.groups.add_member(LOCAL, staff.id, "no such id")


def test_whoever_manages_a_collection_grants_it_and_nobody_else(
    accounts: Accounts, anna: User, legal: Collection, editor: Principal
) -> None:
    own, staff = Grantee("user", anna.id), accounts.groups.add(LOCAL, "staff")
    with pytest.raises(NotFound, match="the collection does not exist"):
        accounts.grants.set(editor, legal.id, own, "manage")
    with pytest.raises(NotFound, match="the collection does not exist"):
        accounts.grants.of(editor, legal.id)
    accounts.grants.set(LOCAL, legal.id, own, "write")
    with pytest.raises(Forbidden, match="needs the right to manage, and yours is to write"):
        accounts.grants.set(_now(accounts, editor), legal.id, own, "manage")
    accounts.grants.set(LOCAL, legal.id, own, "manage")
    manager = _now(accounts, editor)
    accounts.grants.set(manager, legal.id, Grantee("group", staff.id), "read")
    assert [(each.name, each.level) for each in accounts.grants.of(manager, legal.id)] == [
        ("Anna", "manage"), ("staff", "read")
    ]  # fmt: skip
    accounts.grants.remove(manager, legal.id, Grantee("group", staff.id))
    with pytest.raises(NotFound, match="group 'staff' has no grant on this collection"):
        accounts.grants.remove(manager, legal.id, Grantee("group", staff.id))


def test_grant_to_nobody_is_not_found(accounts: Accounts, legal: Collection) -> None:
    for grantee in (Grantee("user", "no such id"), Grantee("group", "no such id")):
        with pytest.raises(NotFound, match="does not exist"):
            accounts.grants.set(LOCAL, legal.id, grantee, "read")
    with pytest.raises(NotFound):
        accounts.grants.set(LOCAL, "no such id", Grantee("user", "no such id"), "read")


def test_editor_manages_what_he_makes_and_an_admin_still_does_once_he_is_none(
    accounts: Accounts, collections: Collections, editor: Principal, admin: User, anna: User
) -> None:
    boss = accounts.sign_in("Ada", PASSWORD).principal
    for maker in (editor, boss, LOCAL):
        made = collections.create(f"of {maker.name}")
        accounts.granted_on_creation(maker, made.id)
    accounts.users.set_role(LOCAL, anna.id, "admin")
    accounts.users.set_role(LOCAL, admin.id, "editor")
    accounts.users.set_role(LOCAL, anna.id, "admin")
    seen = accounts.users.principal(admin.id)
    levels = {each.name: seen.level(each.id) for each in collections.all()}
    assert levels == {"of Ada": "manage", "of Anna": None, "of local": None}
    assert _grants(accounts) == {("of Ada", "Ada", "manage"), ("of Anna", "Anna", "manage")}


def test_grants_go_with_their_collection(
    accounts: Accounts, collections: Collections, legal: Collection, anna: User
) -> None:
    accounts.grants.set(LOCAL, legal.id, Grantee("user", anna.id), "read")
    collections.delete(legal.id)
    assert _grants(accounts) == set()


def _grants(accounts: Accounts) -> set[tuple[str, str, str]]:
    return {(each.collection, each.name, each.level) for each in accounts.grants.all(LOCAL)}
