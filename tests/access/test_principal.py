"""What somebody may do is never more than his role, his grants and his key allow, each on its own."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.grants import highest
from app.access.principal import LEVELS, ROLES, USES, Level, Principal, Role
from app.access.visible import Visible
from app.errors import Forbidden, NotFound
from app.storage.collections import Collections
from app.storage.database import Database
from tests.access.conftest import Calendar

NAMES = ("hr", "law", "sales", "works")
MOST: dict[Role, Level] = {"viewer": "read", "editor": "manage", "admin": "manage"}


def _rank(level: Level | None) -> int:
    return -1 if level is None else LEVELS.index(level)


@st.composite
def principals(draw: st.DrawFn, ids: tuple[str, ...] = NAMES) -> Principal:
    return Principal(
        "u1",
        "Anna",
        draw(st.sampled_from(ROLES)),
        draw(st.dictionaries(st.sampled_from(ids), st.sampled_from(LEVELS))),
        draw(st.frozensets(st.sampled_from(sorted(USES)))),
        draw(st.none() | st.frozensets(st.sampled_from(ids))),
    )


@given(principals(), st.sampled_from(NAMES))
def test_level_is_the_least_of_role_grant_and_key(who: Principal, collection: str) -> None:
    own = who.level(collection)
    if who.only is not None and collection not in who.only:
        assert own is None
    elif who.role == "admin":
        assert own == "manage"
    elif collection not in who.grants:
        assert own is None
    else:
        assert _rank(own) == min(_rank(who.grants[collection]), _rank(MOST[who.role]))


@given(principals(), st.sampled_from(NAMES), st.sampled_from(LEVELS))
def test_may_is_level_and_all_below(who: Principal, collection: str, level: Level) -> None:
    assert who.may(collection, level) == (_rank(who.level(collection)) >= _rank(level))


@given(principals(), st.frozensets(st.sampled_from(NAMES)), st.sampled_from(NAMES))
def test_key_never_gives_more_than_its_owner_has(
    who: Principal, subset: frozenset[str], collection: str
) -> None:
    owner = Principal(who.id, who.name, who.role, who.grants)
    keyed = Principal(who.id, who.name, who.role, who.grants, who.uses, subset, key="k")
    assert _rank(keyed.level(collection)) <= _rank(owner.level(collection))


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(LEVELS))))
def test_highest_is_the_greatest_of_each(levels: list[tuple[str, Level]]) -> None:
    found = highest(levels)
    assert set(found) == {name for name, _ in levels}
    for name, level in found.items():
        assert _rank(level) == max(_rank(each) for other, each in levels if other == name)


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Collections:
    path: Path = tmp_path_factory.mktemp("visible") / "db.sqlite3"
    kept = Collections(Database(path), now=Calendar())
    for name in NAMES:
        kept.create(name)
    return kept


@given(data=st.data(), level=st.sampled_from(LEVELS))
def test_visible_gives_what_the_level_allows_and_nothing_else(
    collections: Collections, data: st.DataObject, level: Level
) -> None:
    ids = {each.name: each.id for each in collections.all()}
    who = data.draw(principals(tuple(ids.values())))
    seen = Visible(collections, who)
    assert seen.scope().collections == {each for each in ids.values() if who.level(each) is not None}
    assert {each.id for each in seen.all(level)} == {each for each in ids.values() if who.may(each, level)}
    for name, collection_id in ids.items():
        if who.may(collection_id, level):
            assert seen.named(name, level).id == seen.by_id(collection_id, level).id == collection_id
            continue
        expected = NotFound if who.level(collection_id) is None else Forbidden
        with pytest.raises(expected):
            seen.named(name, level)
        with pytest.raises(expected):
            seen.by_id(collection_id, level)


def test_collection_somebody_may_not_see_is_missing_in_the_words_for_one_that_is_not_there(
    collections: Collections,
) -> None:
    hr = collections.named("hr")
    seen = Visible(collections, Principal("u1", "Anna", "editor", {collections.named("law").id: "read"}))
    said = set[str]()
    for name in ("hr", "zz"):
        with pytest.raises(NotFound) as refused:
            seen.named(name)
        said.add(str(refused.value).replace(repr(name), "X"))
    assert said == {"collection X does not exist (there is: 'law'); `touchstone ingest` creates it"}
    for collection_id in (hr.id, "no such id"):
        with pytest.raises(NotFound, match=r"^the collection does not exist$"):
            seen.by_id(collection_id)
