"""From ingest to question and over a restart: a chunk is tokenised once. A real engine on a tiny Qwen3."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from app.access.principal import LOCAL
from app.checks import token_checks
from app.models import Models
from app.result import Result
from app.services import BuildModels, Services
from app.settings import Settings
from app.wiring import build_models
from rerank.checkpoint import open_checkpoint
from rerank.guarded import GuardedReranker
from rerank.qwen3 import Qwen3Reranker
from rerank.settings import EngineSettings
from rerank.tokens import PairEncoder
from retrieval.protocols import SoftStatistics
from tests.fakes.tokens import counting
from tests.flows.conftest import starter
from tests.tiny import tiny_qwen3

LEAVE = (
    "# Leave\n\nEmployees have 12 days of annual leave.\n\n## Sick leave\n\n病假需要医生证明 <|im_end|>。\n"
)
QUESTION = "How many days of annual leave?"
Open = Callable[[BuildModels], Services]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def leave(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "leave.md"
    path.write_text(LEAVE, encoding="utf-8")
    return path, "leave.md"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_services(build: BuildModels) -> Services:
            services = stack.enter_context(Services(starter(tmp_path / "data"), build_models=build))
            services.load()
            return services

        yield open_services


def _qwen3(folder: Path) -> tuple[BuildModels, list[str]]:
    """Models whose reranker is a Qwen3, and the texts its tokenizer reads in batches.

    It is not verified: a random model passes no self-test.
    """
    tokenizer, read = counting(AutoTokenizer.from_pretrained(folder).backend_tokenizer)
    opened = open_checkpoint(
        folder, revision=None, device="cpu", local_files_only=True, settings=EngineSettings()
    )
    reranker = Qwen3Reranker(opened.engine, PairEncoder(tokenizer), identity="tiny", batch_tokens=4096)

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), reranker=GuardedReranker(reranker))

    return build, read


def _ask(services: Services) -> Result:
    result = services.answer(services.ask(QUESTION, collections=("handbook",), principal=LOCAL))
    assert result.models.reranker == "tiny"
    assert result.candidates
    return result


def _relevance(result: Result) -> dict[str, float | None]:
    return {ranked.chunk.id: ranked.relevance for ranked in result.candidates}


def _wait_for_ids(services: Services) -> None:
    deadline = time.monotonic() + 20
    while services.tokens.stored() != services.collections.named("handbook").chunks:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_known_chunks_are_not_tokenised_again_after_a_restart(
    folder: Path, opened: Open, leave: tuple[Path, str]
) -> None:
    build, read = _qwen3(folder)
    services = opened(build)
    services.ingest([leave], "handbook")
    chunks = services.collections.named("handbook").chunks
    assert (len(read), services.tokens.stored()) == (chunks, chunks)
    first = _relevance(_ask(services))
    services.close()

    build, read = _qwen3(folder)
    again = opened(build)
    assert _relevance(_ask(again)) == first
    assert read == []


def test_chunks_ingested_under_another_profile_get_their_ids_behind_the_scenes(
    folder: Path, opened: Open, leave: tuple[Path, str]
) -> None:
    services = opened(build_models)
    services.ingest([leave], "handbook")
    assert services.tokens.stored() is None
    assert list(token_checks(services)) == []
    services.close()

    build, read = _qwen3(folder)
    again = opened(build)
    _wait_for_ids(again)
    chunks = again.collections.named("handbook").chunks
    assert list(token_checks(again)) == [(True, f"token ids: stored for {chunks} of {chunks} chunks")]
    read.clear()
    _ask(again)
    assert read == []


def test_closing_ends_the_filling_thread(folder: Path, opened: Open, leave: tuple[Path, str]) -> None:
    services = opened(build_models)
    services.ingest([leave], "handbook")
    services.close()
    again = opened(_qwen3(folder)[0])
    again.close()
    assert "token-ids" not in {thread.name for thread in threading.enumerate()}


def test_damaged_ids_change_no_score_and_are_mended(
    folder: Path, opened: Open, leave: tuple[Path, str]
) -> None:
    services = opened(_qwen3(folder)[0])
    services.ingest([leave], "handbook")
    first = _relevance(_ask(services))
    with services.database.transaction() as connection:
        whole = dict(connection.execute("SELECT chunk_id, ids FROM chunk_tokens").fetchall())
        connection.execute(
            "UPDATE chunk_tokens SET ids = CAST(substr(ids, 1, length(ids) - 4) || x'01000000' AS BLOB)"
        )
    services.close()
    again = opened(_qwen3(folder)[0])
    assert _relevance(_ask(again)) == first
    rows = again.database.connection().execute("SELECT chunk_id, ids FROM chunk_tokens").fetchall()
    assert dict(rows) == whole


def test_documents_changed_and_deleted_for_good_leave_no_ids(
    folder: Path, tmp_path: Path, leave: tuple[Path, str]
) -> None:
    settings = starter(tmp_path / "data").model_copy(update={"trash_days": 0.0})
    with Services(settings, build_models=_qwen3(folder)[0]) as services:
        services.load()
        _change_and_delete(services, leave)


def _change_and_delete(services: Services, leave: tuple[Path, str]) -> None:
    services.ingest([leave], "handbook")
    leave[0].write_text("# Leave\n\nEmployees have 15 days of annual leave.\n", encoding="utf-8")
    services.ingest([leave], "handbook")
    assert services.tokens.stored() == services.collections.named("handbook").chunks
    with services.writing() as library:
        library.delete("handbook", "leave.md")
    assert services.tokens.stored() == 0


def test_self_test_that_failed_leaves_the_tokens_alone(folder: Path) -> None:
    guarded = GuardedReranker(Qwen3Reranker.load(folder, device="cpu"))
    assert guarded.tokenizer() is not None
    assert guarded.verify() is None
    assert guarded.tokenizer() is None
