"""The size of a knowledge base's chunks: chosen for it, kept with what was cut, told by true token counts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.chunking import ChunkingView
from app.curator import Curator
from app.errors import BadRequest
from app.models import Models
from app.services import Services
from app.settings import Settings
from app.storage.documents import DocumentRow
from app.wiring import build_models
from ingest.settings import ChunkSize, IngestSettings
from rerank.guarded import GuardedReranker
from rerank.protocols import TokenStore
from rerank.types import PassageIds
from retrieval.protocols import SoftStatistics, Vectors
from retrieval.types import Chunk, Notice
from tests.fakes.hashing import HashingEmbedder
from tests.fakes.rerank import OverlapReranker
from tests.flows.conftest import Open, starter

SENTENCES = "".join(f"第{number}条规定说的是第{number}件事情，请各部门遵照执行。" for number in range(1, 40))


class SpellingReranker(OverlapReranker):
    """Reads one token for each character, so that its count is never the estimate."""

    tokenizer_identity = "letters/1"

    def token_ids(self, passages: Sequence[str]) -> list[PassageIds]:
        """See the role ``HasTokenizer``."""
        return [PassageIds(text.encode()[:16], text.encode(), len(text)) for text in passages]

    def read_from(self, store: TokenStore) -> None:
        """See the role ``HasTokenizer``."""


def _add(services: Services, folder: Path, *names: str, collection: str = "rules") -> None:
    for name in names:
        (folder / name).write_text(f"# {name}\n\n{SENTENCES}\n", encoding="utf-8")
    reports = services.ingest([(folder / name, name) for name in names], collection)
    assert [report.error for report in reports] == [None] * len(names)


def _rows(services: Services, collection: str = "rules") -> list[DocumentRow]:
    return services.documents.shown(services.collections.named(collection).id)


def _chunks(services: Services, name: str) -> list[Chunk]:
    row = services.documents.find(services.collections.named("rules").id, name)
    assert row is not None
    return services.chunks.of_document(row.id)


def _reindex(services: Services) -> None:
    assert {each.status for each in services.reindex("rules", lambda _: lambda *_: None)} == {"reindexed"}


def test_new_documents_are_cut_to_the_size_of_their_collection_only(
    open_services: Open, tmp_path: Path
) -> None:
    services = open_services(tmp_path / "data")
    services.collections.create("rules")
    Curator(services, LOCAL).set_chunking("rules", 100, 30)
    _add(services, tmp_path, "a.md")
    _add(services, tmp_path, "b.md", collection="other")
    assert [row.cut for row in _rows(services)] == [ChunkSize(100, 30)]
    assert [row.cut for row in _rows(services, "other")] == [services.settings.ingest.chunk_size]
    chunks = _chunks(services, "a.md")
    assert all(each.tokens <= 100 for each in chunks)
    assert all(after.start < before.end for before, after in pairwise(chunks))


def test_changed_size_leaves_what_is_there_until_a_reindex_cuts_it_anew(
    open_services: Open, tmp_path: Path
) -> None:
    services = open_services(tmp_path / "data")
    curator = Curator(services, LOCAL)
    _add(services, tmp_path, "a.md", "b.md")
    before = _chunks(services, "a.md")
    changed = curator.set_chunking("rules", 100, None)
    assert changed == curator.chunking("rules")
    assert (changed.chunk_tokens, changed.own_tokens, changed.own_overlap) == (100, 100, None)
    assert changed.outdated == ("a.md", "b.md")
    assert [(each.code, each.values) for each in changed.notices] == [
        ("chunks_outdated", {"count": "2", "collection": "rules"})
    ]
    assert _chunks(services, "a.md") == before
    _add(services, tmp_path, "c.md")
    assert curator.chunking("rules").outdated == ("a.md", "b.md")
    _reindex(services)
    after = curator.chunking("rules")
    assert (after.outdated, after.notices, after.own_tokens) == ((), (), 100)
    assert len(_chunks(services, "a.md")) > len(before)


def test_back_to_the_default_is_one_reindex_away(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    _add(services, tmp_path, "a.md")
    before = [(each.text, each.start) for each in _chunks(services, "a.md")]
    Curator(services, LOCAL).set_chunking("rules", 64, 16)
    _reindex(services)
    assert [row.cut for row in _rows(services)] == [ChunkSize(64, 16)]
    assert Curator(services, LOCAL).set_chunking("rules", None, None).own_tokens is None
    _reindex(services)
    assert [(each.text, each.start) for each in _chunks(services, "a.md")] == before


def test_document_of_unknown_size_counts_as_cut_otherwise(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    _add(services, tmp_path, "a.md", "b.md")
    with services.database.transaction() as connection:  # as in a database from before sizes were kept
        connection.execute(
            "UPDATE version SET chunk_tokens = NULL, chunk_overlap = NULL WHERE document_id = ?",
            (_rows(services)[0].id,),
        )
    curator = Curator(services, LOCAL)
    assert curator.chunking("rules").outdated == ("a.md",)
    assert [row.chunk_tokens for row in curator.documents("rules")] == [None, 320]
    _reindex(services)
    assert curator.chunking("rules").outdated == ()


def test_new_default_of_the_settings_shows_what_was_cut_to_the_old_one(
    open_services: Open, tmp_path: Path
) -> None:
    services = open_services(tmp_path / "data")
    _add(services, tmp_path, "a.md")
    services.close()
    changed = starter(tmp_path / "data").model_copy(update={"ingest": IngestSettings(chunk_tokens=200)})
    with Services(changed, build_models=build_models) as again:
        found = Curator(again, LOCAL).chunking("rules")
    assert (found.chunk_tokens, found.own_tokens, found.outdated) == (200, None, ("a.md",))


@pytest.mark.parametrize(
    ("tokens", "overlap", "said"),
    [
        (31, None, "chunk_tokens cannot be 31: Input should be greater than or equal to 32"),
        (4097, None, "chunk_tokens cannot be 4097: Input should be less than or equal to 4096"),
        (None, -1, "chunk_overlap cannot be -1: Input should be greater than or equal to 0"),
        (100, 51, r"chunk_overlap is 51, more than half of chunk_tokens \(100\); lower it"),
    ],
)
def test_size_that_cannot_be_used_is_refused_by_name_and_nothing_changes(
    open_services: Open, tmp_path: Path, tokens: int | None, overlap: int | None, said: str
) -> None:
    services = open_services(tmp_path / "data")
    services.collections.create("rules")
    curator = Curator(services, LOCAL)
    curator.set_chunking("rules", 128, 8)
    with pytest.raises(BadRequest, match=said):
        curator.set_chunking("rules", tokens, overlap)
    assert (curator.chunking("rules").own_tokens, curator.chunking("rules").own_overlap) == (128, 8)


def test_size_that_new_settings_make_impossible_fails_the_file_with_the_remedy(
    open_services: Open, tmp_path: Path
) -> None:
    services = open_services(tmp_path / "data")
    services.collections.create("rules")
    Curator(services, LOCAL).set_chunking("rules", 64, None)
    services.close()
    changed = starter(tmp_path / "data").model_copy(update={"ingest": IngestSettings(chunk_overlap=60)})
    with Services(changed, build_models=build_models) as again:
        again.load()
        (tmp_path / "a.md").write_text(SENTENCES, encoding="utf-8")
        (report,) = again.ingest([(tmp_path / "a.md", "a.md")], "rules")
    assert report.error is not None
    code, message = report.error
    assert code == "chunk_size"
    assert "chunk_overlap is 60, more than half of chunk_tokens (64)" in message
    assert "touchstone collections chunking" in message


def _with(change: Callable[[Models], Models]) -> Callable[[Settings, SoftStatistics], Models]:
    return lambda settings, statistics: change(build_models(settings, statistics))


def test_size_changed_while_a_reindex_runs_is_the_size_of_all_in_the_end(tmp_path: Path) -> None:
    class Meddling(HashingEmbedder):
        """Changes the size of chunks when it is first asked for vectors of a reindex."""

        meddle: Callable[[], ChunkingView] | None = None

        def embed_passages(self, texts: Sequence[str]) -> Vectors:
            act, self.meddle = self.meddle, None
            if act is not None:
                act()
            return super().embed_passages(texts)

    embedder = Meddling()
    build = _with(lambda models: replace(models, embedder=embedder))
    with Services(starter(tmp_path / "data"), build_models=build) as services:
        services.load()
        _add(services, tmp_path, "a.md", "b.md")
        Curator(services, LOCAL).set_chunking("rules", 100, 0)
        embedder.meddle = lambda: Curator(services, LOCAL).set_chunking("rules", 64, 0)
        _reindex(services)
        assert [row.cut for row in _rows(services)] == [ChunkSize(64, 0)] * 2
        assert Curator(services, LOCAL).chunking("rules").outdated == ()


def test_chunks_over_the_budget_by_the_tokenizers_count_are_counted_and_told(tmp_path: Path) -> None:
    build = _with(lambda models: replace(models, reranker=GuardedReranker(SpellingReranker())))
    with Services(starter(tmp_path / "data"), build_models=build) as services:
        services.load()
        services.collections.create("rules")
        Curator(services, LOCAL).set_chunking("rules", 64, 0)
        (tmp_path / "a.md").write_text(f"# 规定\n\n{SENTENCES}\n", encoding="utf-8")
        (report,) = services.ingest([(tmp_path / "a.md", "a.md")], "rules")
        chunks = _chunks(services, "a.md")
        assert [each.tokens for each in chunks] == [len(each.contextual_text) for each in chunks]
        over = [each.tokens for each in chunks if each.tokens > 64]
        assert over
        told = Notice.of("chunks_over_budget", count=len(over), largest=max(over), budget=64)
        assert told in report.notices
        assert report.tokens == sum(each.tokens for each in chunks)


def test_borders_do_not_depend_on_the_tokenizer(open_services: Open, tmp_path: Path) -> None:
    without = open_services(tmp_path / "without")
    _add(without, tmp_path, "a.md")
    build = _with(lambda models: replace(models, reranker=GuardedReranker(SpellingReranker())))
    with Services(starter(tmp_path / "with"), build_models=build) as services:
        services.load()
        _add(services, tmp_path, "a.md")
        assert [(each.start, each.end, each.ordinal) for each in _chunks(services, "a.md")] == [
            (each.start, each.end, each.ordinal) for each in _chunks(without, "a.md")
        ]
