"""What a question comes back with when something is off: reranker, generator, question or person."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.answering import Answering, Sources, Stage
from app.audience import Audiences
from app.errors import BadRequest, NotFound
from app.models import Models
from app.offers import Matching
from app.quotes import Quotes
from app.result import Result, result_view
from app.services import Services
from generation.errors import GenerationError
from generation.types import Delta, Message, Prompt, Sampling
from rerank.errors import RerankError, RerankStopped
from rerank.guarded import GuardedReranker
from rerank.types import Scores
from tests.fakes.rerank import FailingReranker
from tests.flows.conftest import Open

TEXT = """# Handbook

## Annual leave

Employees have 12 days of annual leave. Leave is requested in the portal at least five working days ahead,
and the team lead answers within two working days. Days that are not used by March of the next year are lost.

## Expenses

Invoices are stamped with the invoice seal. Expenses are paid within 10 working days after the finance team
has checked the claim. Claims older than 90 days need the approval of the department head before payment.
"""
QUESTION = "How many days of annual leave do employees have?"


class EndlessReranker:
    """A reranker that only ends when it is told to stop."""

    identity = "endless/1"
    max_tokens = 512

    def score(
        self,
        query: str,
        passages: Sequence[str],
        instruction: str,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Scores:
        """Wait for ``stopped``."""
        while not stopped():
            pass
        raise RerankStopped("stopped")


class BrokenGenerator:
    """A generator that fails before it writes anything."""

    identity = "broken-writer/1"
    context_tokens = 4096

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """One token a character."""
        return sum(len(message.content) for message in messages)

    def stream(
        self, prompt: Prompt, sampling: Sampling, stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[str]:
        """Fail."""
        raise GenerationError("out of memory")


@pytest.fixture
def services(open_services: Open, tmp_path: Path) -> Services:
    services = open_services(tmp_path / "data")
    path = tmp_path / "handbook.md"
    path.write_text(TEXT, encoding="utf-8")
    services.ingest([(path, "handbook.md")], "handbook")
    return services


def _with_models(services: Services, models: Models, timeout_s: float = 60.0) -> Answering:
    rerank_settings = services.settings.rerank.model_copy(update={"timeout_s": timeout_s})
    return Answering(
        models=models,
        vectors=services.vectors,
        lexical=services.lexical,
        chunks=services.chunks,
        quotes=Quotes(services.database, services.blobs),
        floors=services.floors,
        audiences=Audiences(services.database),
        matching=Matching(services.caretaker.snippets, models, timeout_s=1.0),
        settings=services.settings.model_copy(update={"rerank": rerank_settings}),
    )


def _result(
    answering: Answering, services: Services, question: str = QUESTION, *, rerank: bool = True
) -> Result:
    events = list(answering.ask(services.ask(question, rerank=rerank, principal=LOCAL), lambda: False))
    assert isinstance(events[-1], Result)
    return events[-1]


def _codes(result: Result) -> list[str]:
    return [notice.code for notice in result.notices]


def test_answer_cites_document_and_heading(services: Services) -> None:
    result = _result(services.answering, services)
    assert result.answer.outcome == "answered"
    assert "12 days" in result.answer.text
    citation = result.answer.citations[0]
    assert (citation.document, citation.headings[-1]) == ("handbook.md", "Annual leave")
    assert citation.quote in TEXT


def test_events_come_in_the_order_of_the_stages(services: Services) -> None:
    events = list(services.answering.ask(services.ask(QUESTION, principal=LOCAL), lambda: False))
    stages = [event.name for event in events if isinstance(event, Stage)]
    assert stages == ["understand", "recall", "rerank", "select", "generate"]
    kinds = [type(event) for event in events if not isinstance(event, Stage)]
    assert kinds[0] is Sources
    assert kinds[-1] is Result
    assert Delta in kinds


def test_failed_reranker_leaves_the_fused_order_and_says_so(services: Services) -> None:
    failing = GuardedReranker(FailingReranker(RerankError("CUDA error")))
    result = _result(_with_models(services, replace(services.models, reranker=failing)), services)
    assert result.answer.passages
    assert result.answer.outcome == "answered"
    assert "rerank_failed" in _codes(result)
    assert [ranked.rank for ranked in result.candidates] == [
        ranked.candidate.rank for ranked in result.candidates
    ]
    assert all(ranked.relevance is None for ranked in result.candidates)
    assert result.models.reranker == ""


def test_late_reranker_leaves_the_fused_order_and_says_so(services: Services) -> None:
    models = replace(services.models, reranker=GuardedReranker(EndlessReranker()))
    result = _result(_with_models(services, models, timeout_s=0.1), services)
    assert result.answer.passages
    assert "rerank_timeout" in _codes(result)


def test_reranking_can_be_left_out_and_says_so(services: Services) -> None:
    result = _result(services.answering, services, rerank=False)
    assert "rerank_off" in _codes(result)
    assert result.answer.passages


def test_failed_generator_still_shows_the_passages(services: Services) -> None:
    result = _result(_with_models(services, replace(services.models, generator=BrokenGenerator())), services)
    assert "generation_failed" in _codes(result)
    assert result.answer.passages
    assert result.answer.text == "The answering model did not answer. These are the passages that were found:"


def test_question_beyond_the_documents_is_declined_and_the_nearest_named(services: Services) -> None:
    result = _result(services.answering, services, "Which satellite orbits the planet Jupiter?")
    assert result.answer.outcome == "abstained"
    assert result.answer.citations == ()


def test_vague_question_is_completed_from_the_collection(services: Services) -> None:
    result = _result(services.answering, services, "怎么弄？")
    assert result.answer.outcome == "abstained"
    assert "vague_question" in _codes(result)
    assert any("Annual leave" in suggestion for suggestion in result.suggestions)


def test_stopped_answer_keeps_what_was_written(services: Services) -> None:
    stop = threading.Event()
    events = []
    for event in services.answering.ask(services.ask(QUESTION, principal=LOCAL), stop.is_set):
        events.append(event)
        if isinstance(event, Delta):
            stop.set()
    result = events[-1]
    assert isinstance(result, Result)
    assert result.answer.outcome == "cancelled"
    assert result.answer.text


def test_question_stopped_before_the_answer_ends_cancelled(services: Services) -> None:
    result = list(services.answering.ask(services.ask(QUESTION, principal=LOCAL), lambda: True))[-1]
    assert isinstance(result, Result)
    assert result.answer.outcome == "cancelled"


def test_empty_question_is_refused(services: Services) -> None:
    with pytest.raises(BadRequest, match="the question is empty"):
        services.ask("  \n", principal=LOCAL)


def test_over_long_question_is_refused_not_cut(services: Services) -> None:
    with pytest.raises(BadRequest, match="has 2001 characters; at most 2000 are read"):
        services.ask("a" * 2001, principal=LOCAL)


def test_unknown_collection_is_refused(services: Services) -> None:
    with pytest.raises(NotFound, match="collection 'nothing' does not exist"):
        services.ask(QUESTION, collections=("nothing",), principal=LOCAL)


def test_collection_instruction_is_used_unless_the_asker_gives_one(services: Services) -> None:
    services.collections.set_instruction(services.collections.named("handbook").id, "Prefer numbers")
    assert services.ask(QUESTION, principal=LOCAL).instruction == "Prefer numbers"
    assert services.ask(QUESTION, instruction="Prefer names", principal=LOCAL).instruction == "Prefer names"


def test_json_shape_is_stable(services: Services) -> None:
    view = result_view(_result(services.answering, services)).model_dump(mode="json")
    assert list(view) == [
        "trace_id",
        "question",
        "language",
        "answer",
        "outcome",
        "citations",
        "passages",
        "candidates",
        "notices",
        "suggestions",
        "profile",
        "models",
        "timings_ms",
        "collection",
        "instruction",
        "answer_id",
        "floor",
        "rerank_tokens",
        "top_k",
        "top_n",
        "prompt_tokens",
        "assistant",
        "parts",
        "offers",
    ]
    assert list(view["citations"][0]) == [
        "number",
        "chunk_id",
        "document_id",
        "document",
        "title",
        "pages",
        "headings",
        "quote",
        "start",
        "end",
        "position",
    ]
    assert list(view["candidates"][0]) == [
        "chunk_id",
        "document",
        "title",
        "pages",
        "headings",
        "ranks",
        "scores",
        "relevance",
        "passage",
        "tokens",
    ]
    assert {"understand", "recall", "rerank", "select", "generate", "total"} <= set(view["timings_ms"])


def test_quote_across_a_removed_invisible_character_is_narrowed_to_what_stands(
    open_services: Open, tmp_path: Path
) -> None:
    services = open_services(tmp_path / "invisible")
    path = tmp_path / "seals.md"
    text = (
        "# Seals\n\nInvoices need two seals:\n\n"
        "- the invoice seal\n\u200b- the finance seal of the issuing company\n"
    )
    path.write_text(text, encoding="utf-8")
    services.ingest([(path, "seals.md")], "seals")
    result = _result(services.answering, services, "Which seals do invoices need?")
    assert result.answer.citations
    assert all(citation.quote in text for citation in result.answer.citations)


def test_quote_that_stands_nowhere_is_left_out_with_a_notice(services: Services) -> None:
    citation = _result(services.answering, services).answer.citations[0]
    quotes = Quotes(services.database, services.blobs)
    kept, notices = quotes.verified([replace(citation, quote="Employees have 99 days.")])
    assert kept == ()
    assert [notice.code for notice in notices] == ["citation_unverified"]
