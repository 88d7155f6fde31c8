"""One canary in each knowledge base, grants by chance: none is told to whom it is not visible."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from app.access.principal import LOCAL, Level, Principal, Role
from app.answering import Answering
from app.errors import NotFound
from app.result import result_view
from app.services import Services
from app.storage.snippets import Person
from retrieval.types import Scope
from tests.api.served import services_of

NAMES = ("alder", "birch", "cedar", "elm", "fir")
CANARIES = {name: f"{name}-heron-{number}7731" for number, name in enumerate(NAMES, start=1)}
QUESTIONS = ("How many days of leave does the heron give?", "年假有多少天？", *CANARIES.values())
SNIPPET = "snippet-heron-8812"
TEXT = """# Leave of {canary}

The heron of {canary} gives {days} days of leave to everyone. 年假 {days} 天，口令是 {canary}。
"""
levels: st.SearchStrategy[Level] = st.sampled_from(("read", "write", "manage"))
roles: st.SearchStrategy[Role] = st.sampled_from(("viewer", "editor", "admin"))


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Five knowledge bases that answer the same questions, asked by the admin first: caches are warm."""
    with services_of(tmp_path_factory.mktemp("forest")) as services:
        services.load()
        for number, (name, canary) in enumerate(CANARIES.items(), start=10):
            text = TEXT.format(canary=canary, days=number)
            services.add(text.encode(), f"{name}.md", name)
        for question in QUESTIONS:
            services.answer(services.ask(question, principal=LOCAL))
        yield services


@pytest.fixture(scope="module")
def ids(forest: Services) -> dict[str, str]:
    return {each.name: each.id for each in forest.collections.all()}


def _told(services: Services, asker: Principal, question: str, names: tuple[str, ...]) -> str:
    """Everything a caller gets for a question: the answer, every candidate, notices; or the error."""
    try:
        request = services.ask(question, principal=asker, collections=names)
    except NotFound as error:
        return str(error)
    return result_view(services.answer(request)).model_dump_json()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    role=roles,
    granted=st.dictionaries(st.sampled_from(NAMES), levels),
    only=st.none() | st.frozensets(st.sampled_from(NAMES)),
    question=st.sampled_from(QUESTIONS),
    named=st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
)
def test_no_answer_tells_a_canary_that_is_not_visible(
    forest: Services,
    ids: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    role: Role,
    granted: dict[str, Level],
    only: frozenset[str] | None,
    question: str,
    named: tuple[str, ...],
) -> None:
    asker = Principal(
        "local",  # so that his rights, read anew while the answer is made, are these
        "somebody",
        role,
        {ids[name]: level for name, level in granted.items()},
        only=None if only is None else frozenset(ids[name] for name in only),
    )
    seen = {name for name in NAMES if asker.may(ids[name], "read")}
    hidden = [CANARIES[name] for name in NAMES if name not in seen and CANARIES[name] not in question]
    with caplog.at_level(logging.DEBUG):
        told = _told(forest, asker, question, named)
    assert [canary for canary in hidden if canary in told] == []
    assert [canary for canary in CANARIES.values() if canary in caplog.text] == []
    measured = generate_latest(forest.metrics.registry).decode()
    assert [canary for canary in CANARIES.values() if canary in measured] == []
    if set(named) - seen:
        assert "does not exist" in told
    elif seen:
        assert any(CANARIES[name] in told for name in (named or seen))


def test_rights_that_are_taken_away_while_an_answer_is_made_hide_what_was_found(
    forest: Services, ids: dict[str, str]
) -> None:
    request = forest.ask(QUESTIONS[0], principal=LOCAL)
    left = Scope(frozenset((ids["elm"],)))
    result = forest.answer(replace(request, still=lambda: left))
    told = result_view(result).model_dump_json()
    assert CANARIES["elm"] in told
    assert [name for name in NAMES if name != "elm" and CANARIES[name] in told] == []
    assert "rights_changed" in [notice.code for notice in result.notices]


def test_rights_that_end_between_reranking_and_choosing_hide_what_was_judged(
    forest: Services, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = Scope(frozenset(ids.values()))
    asked = iter((everything, Scope(frozenset())))
    request = replace(forest.ask(QUESTIONS[0], principal=LOCAL), still=lambda: next(asked))
    assert isinstance(forest.answering, Answering)
    told = result_view(forest.answer(request)).model_dump_json()
    assert [canary for canary in CANARIES.values() if canary in told] == []


@pytest.fixture(scope="module")
def seller(forest: Services, ids: dict[str, str]) -> str:
    """The id of a sales assistant over alder and birch, whose approved answer has a canary of its own."""
    care, now = forest.caretaker, datetime.now(UTC)
    made = care.assistants.create("Seller", "sales", "", [ids["alder"], ids["birch"]])
    draft = care.snippets.create(
        made.id,
        questions=[QUESTIONS[0]],
        answer=f"Ten days, {SNIPPET}.",
        note=SNIPPET,
        owner=Person("local", "local"),
        expires_on=date(2999, 1, 1),
    )
    care.snippets.put(replace(draft, approved_at=now))
    return made.id


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    role=roles,
    granted=st.dictionaries(st.sampled_from(NAMES), levels),
    only=st.none() | st.frozensets(st.sampled_from(NAMES)),
)
def test_an_assistant_tells_nothing_to_whom_a_part_of_what_it_asks_is_hidden(
    forest: Services,
    ids: dict[str, str],
    seller: str,
    role: Role,
    granted: dict[str, Level],
    only: frozenset[str] | None,
) -> None:
    asker = Principal(
        "local",
        "somebody",
        role,
        {ids[name]: level for name, level in granted.items()},
        only=None if only is None else frozenset(ids[name] for name in only),
    )
    seen = {name for name in NAMES if asker.may(ids[name], "read")}
    if not seen >= {"alder", "birch"}:
        with pytest.raises(NotFound, match=f"^assistant '{seller}' does not exist$"):
            forest.ask(QUESTIONS[0], principal=asker, assistant=seller)
        return
    request = forest.ask(QUESTIONS[0], principal=asker, assistant=seller)
    told = result_view(forest.answer(request)).model_dump_json()
    assert SNIPPET in told
    assert [name for name in NAMES if name not in ("alder", "birch") and CANARIES[name] in told] == []
