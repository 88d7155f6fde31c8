"""Every question is looked at once; nothing is lost where the embedder fails, changes or is slow."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.conversations.asking import AskedWith, sources_of
from app.gaps.collecting import Collector
from app.gaps.details import detail
from app.gaps.inbox import Inbox, Wanted
from app.models import Models
from app.result import result_view
from app.services import Services
from app.settings import Settings
from app.storage.message_events import End
from app.wiring import build_models
from retrieval.errors import RetrievalError
from retrieval.protocols import Embedder, SoftStatistics, Vectors
from tests.api.served import fill, settings_of

QUESTIONS = ("Where may visitors park their bicycles?", "访客的自行车可以停在哪里？", "Who repairs the lift?")


class Flaky:
    """The starter's embedder that can be made to fail, or to be another one."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.dim = embedder.dim
        self.fails, self.name = False, embedder.identity

    @property
    def identity(self) -> str:
        return self.name

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        if self.fails:
            raise RetrievalError("the embedding server does not answer")
        return self._embedder.embed_queries(texts)

    def __getattr__(self, name: str) -> object:
        return getattr(self._embedder, name)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[tuple[Services, list[Flaky]]]:
    """Loaded services, and the embedder in them."""
    made: list[Flaky] = []

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        models = build_models(settings, statistics)
        made.append(Flaky(models.embedder))
        return replace(models, embedder=made[0])  # type: ignore[arg-type]  # the rest by __getattr__

    with Services(settings_of(tmp_path / "data"), build_models=build) as services:
        services.load()
        fill(services, tmp_path)
        yield services, made


def ask(services: Services, *questions: str) -> None:
    """Questions of a program, kept as they are by the API."""
    for question in questions:
        result = services.answer(services.ask(question, principal=LOCAL, collections=("handbook",)))
        services.caretaker.answers.keep(result, owner=LOCAL.id)


def inbox(services: Services, within_s: float = 60.0) -> Inbox:
    return Inbox(services, LOCAL, Collector(services), lambda: datetime.now(UTC), catch_up_s=within_s)


def listed(box: Inbox) -> list[tuple[str, int]]:
    found, _ = box.page(Wanted(), "asked", "en", after=None, limit=50)
    return [(each.question, each.asked) for each in found.data]


def test_a_failing_embedder_is_told_and_loses_no_question(held: tuple[Services, list[Flaky]]) -> None:
    services, (embedder,) = held
    ask(services, *QUESTIONS)
    embedder.fails = True
    found, _ = inbox(services).page(Wanted(), "asked", "en", after=None, limit=50)
    assert found.data == ()
    assert [each.code for each in found.notices] == ["gaps_not_grouped"]
    assert "does not answer" in found.notices[0].text
    embedder.fails = False
    assert [count for _, count in listed(inbox(services))] == [2, 1]
    embedder.fails = True
    assert [count for _, count in listed(inbox(services))] == [2, 1]  # what is grouped needs no embedder


def test_another_embedder_leaves_gaps_as_they_are(held: tuple[Services, list[Flaky]]) -> None:
    services, (embedder,) = held
    ask(services, *QUESTIONS)
    before = listed(inbox(services))
    ids = [each.id for each in inbox(services).page(Wanted(), "asked", "en", after=None, limit=9)[0].data]
    ask(services, "Where may visitors park bicycles")
    embedder.name = "another/1"
    assert [count for _, count in listed(inbox(services))] == [3, 1]
    after = inbox(services).page(Wanted(), "asked", "en", after=None, limit=9)[0].data
    assert [each.id for each in after] == ids
    assert [count for _, count in before] == [2, 1]
    rows = services.database.connection().execute("SELECT DISTINCT embedder FROM gap_vector").fetchall()
    assert [row["embedder"] for row in rows] == ["another/1"]


def test_what_no_time_was_for_is_told_and_done_by_the_thread(held: tuple[Services, list[Flaky]]) -> None:
    services, _ = held
    ask(services, *QUESTIONS)
    collector = Collector(services)
    (notice,) = collector.catch_up(0.0)
    assert notice.code == "gaps_pending"
    collector._thread.join(30)  # type: ignore[union-attr]  # its end is what is waited for
    assert collector.catch_up(0.0) == ()
    assert [count for _, count in listed(inbox(services))] == [2, 1]
    collector.close()


def test_a_document_that_is_deleted_for_good_takes_its_words_and_leaves_the_gap(
    held: tuple[Services, list[Flaky]]
) -> None:
    services, _ = held
    chats = services.caretaker.chats
    canary = "quixotic-heron-4411"
    services.add(f"# {canary}\n\nThe heron sleeps.\n".encode(), f"{canary}.md", "handbook")
    collection = services.collections.named("handbook").id
    talk = chats.conversations.create(LOCAL.id)
    asked = AskedWith(collections=(collection,)).model_dump_json()
    message = chats.messages.ask(talk.id, LOCAL.id, "Who repairs the lift?", asked)
    request = services.ask("Who repairs the lift?", principal=LOCAL, collections=("handbook",))
    result = services.answer(request)
    text, sources = result_view(result).model_dump_json(), sources_of(result, request)
    chats.events.end(message.id, [], End("complete", result.answer.text, text, sources=sources))
    box = inbox(services)
    (gap,) = box.page(Wanted(), "asked", "en", after=None, limit=9)[0].data
    assert canary in detail(box, gap.id, "en").model_dump_json()
    connection = services.database.connection()
    connection.execute("DELETE FROM document WHERE name = ?", (f"{canary}.md",))
    (after,) = box.page(Wanted(), "asked", "en", after=None, limit=9)[0].data
    assert (after.id, after.kinds, after.best_relevance) == (gap.id, gap.kinds, gap.best_relevance)
    shown = detail(box, gap.id, "en")
    assert canary not in shown.model_dump_json()
    assert shown.answers[0].wiped
