import pytest

from app.access.accounts import Accounts
from app.access.principal import LOCAL, Principal
from app.errors import BadRequest, Conflict, Forbidden, NotFound
from app.storage.collections import Collection
from app.storage.database import Database
from app.storage.grants import Grantee
from app.storage.users import User
from tests.access.conftest import PASSWORD


def test_first_user_must_be_an_admin(accounts: Accounts) -> None:
    with pytest.raises(Conflict, match="the first one needs the role admin"):
        accounts.users.add(LOCAL, "Anna", "editor", PASSWORD)
    assert accounts.empty()


def test_equal_looking_names_are_one(accounts: Accounts, anna: User) -> None:
    for name in ("Anna", "ANNA", "Ａnna"):
        with pytest.raises(Conflict, match="is there already; choose another name"):
            accounts.users.add(LOCAL, name, "viewer", PASSWORD)
    assert accounts.users.named("aNNA") == accounts.users.get(anna.id)


def test_unknown_user_is_not_found(accounts: Accounts, admin: User) -> None:
    with pytest.raises(NotFound, match="user 'Eve' does not exist"):
        accounts.users.named("Eve")
    users = accounts.users
    for change in (users.disable, users.enable, users.remove, users.unlock):
        with pytest.raises(NotFound, match="the user does not exist"):
            change(LOCAL, "no such id")


def test_last_active_admin_cannot_be_taken_away(accounts: Accounts, admin: User, anna: User) -> None:
    def demote() -> object:
        return accounts.users.set_role(LOCAL, admin.id, "editor")

    def disable() -> object:
        return accounts.users.disable(LOCAL, admin.id)

    def remove() -> object:
        return accounts.users.remove(LOCAL, admin.id)

    for take_away in (demote, disable, remove):
        with pytest.raises(Conflict, match="'Ada' is the last active admin"):
            take_away()
    accounts.users.set_role(LOCAL, anna.id, "admin")
    accounts.users.disable(LOCAL, anna.id)
    with pytest.raises(Conflict):
        disable()
    accounts.users.enable(LOCAL, anna.id)
    demote()
    assert [each.role for each in accounts.users.all()] == ["editor", "admin"]


def test_user_goes_with_sessions_keys_memberships_and_grants(
    accounts: Accounts, anna: User, legal: Collection, database: Database
) -> None:
    begun = accounts.sign_in("Anna", PASSWORD)
    accounts.keys.add(begun.principal, anna.id, "ci", ["chat"], days=1)
    staff = accounts.groups.add(LOCAL, "staff")
    accounts.groups.add_member(LOCAL, staff.id, anna.id)
    accounts.grants.set(LOCAL, legal.id, Grantee("user", anna.id), "read")
    accounts.users.remove(LOCAL, anna.id)
    for table in ("session", "api_key", "membership", "grant_"):
        assert database.connection().execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0  # noqa: S608
    assert "Anna" in {each.details.get("name") for each in accounts.audit.page()}


def test_changes_are_for_admins_and_not_for_their_keys_for_something_else(
    accounts: Accounts, admin: User, anna: User
) -> None:
    staff = accounts.groups.add(LOCAL, "staff")
    editor = accounts.sign_in("Anna", PASSWORD).principal
    boss = accounts.sign_in("Ada", PASSWORD).principal
    key = accounts.by_key(accounts.keys.add(boss, admin.id, "ci", ["chat"], days=1).secret)
    assert key is not None
    before = len(accounts.audit.page())

    def changes(by: Principal) -> None:
        for change in (
            lambda: accounts.users.add(by, "Eve", "admin", PASSWORD),
            lambda: accounts.users.set_role(by, anna.id, "admin"),
            lambda: accounts.users.set_password(by, anna.id, PASSWORD),
            lambda: accounts.users.disable(by, anna.id),
            lambda: accounts.users.enable(by, anna.id),
            lambda: accounts.users.remove(by, anna.id),
            lambda: accounts.users.unlock(by, anna.id),
            lambda: accounts.groups.add(by, "others"),
            lambda: accounts.groups.remove(by, staff.id),
            lambda: accounts.groups.add_member(by, staff.id, anna.id),
            lambda: accounts.groups.remove_member(by, staff.id, anna.id),
        ):
            with pytest.raises(Forbidden, match="this needs the role admin"):
                change()

    changes(editor)
    changes(key)
    assert len(accounts.audit.page()) == before


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "has 0 characters; choose at least 12"),
        ("elf letters", "has 11 characters"),
        ("x" * 1025, "1024 bytes at most"),
        ("密" * 342, "1024 bytes at most"),
        ("whole \ud800 characters", "choose whole characters"),
        ("password1234", "among the first that are tried"),
        ("PASSWORD!PASSWORD", "among the first"),
        ("qwertyuiop123456", "among the first"),
        ("1q2w3e4r5t6y", "among the first"),
        ("aaaaaaaaaaaaaaaa", "among the first"),
        ("abcabcabcabcabc", "among the first"),
        ("xk9xk9xk9xk9xk9", "among the first"),
        ("Touchstone-2026", "among the first"),
        ("woaini5201314520", "among the first"),
        ("leavemealone", "among the first"),
        ("Leavemealone1!", "among the first"),
        ("Christopher2026!!", "among the first"),
        ("1380013800013", "among the first"),
        ("541233432442", "among the first"),
        ("wilhelmina.2026", "among the first"),
        ("AnimlehliwWilhelmina1", "among the first"),
    ],
)
def test_password_that_is_tried_first_is_refused(accounts: Accounts, password: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        accounts.users.add(LOCAL, "Wilhelmina", "admin", password)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple", "seven cats on a roof", "我家的猫每天早上六点叫我起床",
        "tr0ub4dor&3-zebra", "x7!kQ2#mP9$w", "密密密 三只猫坐在屋顶上看月亮",
        "my password is a green bicycle",
    ],
)  # fmt: skip
def test_long_password_of_any_kind_is_taken(accounts: Accounts, password: str) -> None:
    made = accounts.users.add(LOCAL, "Wilhelmina", "admin", password)
    assert accounts.sign_in("Wilhelmina", password).principal.id == made.id


@pytest.mark.parametrize(
    "name",
    [
        "", " ", " Anna", "Anna ", "An  na", "An\nna", "An\x00na", "An\u202ena", "An\u200bna", "An\u200dna",
        "A\u3164na", "An\ufe0fna", "An\u00a0na", "\u3000", "An\U000e0041na", "An\ud800na", "An\ue000na",
        "x" * 65, "x" * 100_000,
    ],
)  # fmt: skip
def test_name_with_what_nobody_sees_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot be used; choose 1 to 64 visible characters"):
        accounts.users.add(LOCAL, name, "admin", PASSWORD)


@pytest.mark.parametrize(
    "name", ["Anna", "李雷", "Zoé Müller", "o'Brien", "anna@example.org", "Анна", "🙂", "x" * 64]
)
def test_names_of_people_are_taken_and_shown_as_given(accounts: Accounts, name: str) -> None:
    assert accounts.users.add(LOCAL, name, "admin", PASSWORD).name == name
    assert accounts.users.named(name).name == name
