"""The ingestion benchmark, whole and small: what it measures is real, and a collection can be used again."""

import gzip
import json
import os
from io import BytesIO
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from click.testing import CliRunner
from pypdf import PdfReader

from app.bench.ingest import aims
from app.bench.ingest_corpus import SECTIONS, CorpusUnreadable, make_queries, read_pieces, write_documents
from app.bench.ingest_embedding import in_file_order, padding
from app.bench.ingest_index import Large, NothingToReuse, measure_index
from app.bench.ingest_jobs import by_step
from app.bench.ingest_parsing import PeerFailed, made_pdf, peer
from app.bench.opening import apart
from app.bench.resident import ChildrenWatched, peak_bytes, reset_peak, resident_bytes
from app.cli.bench import bench
from app.cli.options import loaded
from app.reports import FileReport
from app.settings import shipped
from ingest.types import Source
from retrieval.embedder import batches
from tests.flows.conftest import starter


def _corpus(folder: Path, rows: int = 60) -> Path:
    """Different words in both languages, so that some chunks answer a query better than others."""
    path = folder / "corpus.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for n in range(rows):
            english = f"Rule {n} says that form F{n} goes to office {n * 7}."
            text = f"{english} 第{n}条规定，表格{n}交给第{n * 7}科。"
            file.write(json.dumps({"a": f"How is rule {n} applied?", "b": text}, ensure_ascii=False) + "\n")
    return path


def _pdfs(folder: Path) -> Path:
    folder.mkdir()
    copy(shipped("demo") / "documents" / "security-compliance-faq.pdf", folder / "good.pdf")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 this is no PDF")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whole_benchmark_measures_every_part_and_writes_what_it_was_measured_on(tmp_path: Path) -> None:
    output, kept = tmp_path / "result.json", tmp_path / "kept"
    sizes = ["--chunks", "200", "--queries", "8", "--files", "8", "--pages", "8", "--rounds", "1"]
    places = ["--corpus", str(_corpus(tmp_path)), "--keep", str(kept), "--output", str(output)]
    places += ["--pdfs", str(_pdfs(tmp_path / "pdfs"))]
    done = CliRunner().invoke(bench, ["ingest", *sizes, *places], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    assert (found["benchmark"], found["corpus"]) == ("ingest", "corpus.jsonl.gz")
    assert found["machine"]["packages"]["chromadb"]
    made = found["parsing"]["made_pdf"]
    assert made["pages"] == 8
    assert set(made["seconds"]) == {"pypdfium2", "pypdf", "in_process", "sandbox"}
    assert set(found["parsing"]["pool"]["files_per_s_by_workers"]) == {"1", str(os.cpu_count())}
    small = found["jobs"]["small_files"]
    assert small["files"] == 8
    assert set(small["by_step"]) == {"parse", "chunk", "embed", "index", "publish"}
    assert [each["files"] for each in small["memory"]] == [2, 4, 6, 8]
    assert all(each["peak_mb"] > 50 and each["children_peak_mb"] > 10 for each in small["memory"])
    real = found["parsing"]["real_pdfs"]
    assert (real["files"], real["pages"], set(real["by_file"])) == (1, 3, {"good.pdf"})
    assert real["left_out"] == {"broken.pdf": "our parser: damaged"}
    assert (found["jobs"]["pdfs"]["files"], found["jobs"]["pdfs"]["pages"]) == (1, 3)
    assert found["jobs"]["pdfs"]["failed"] == {"broken.pdf": "damaged"}
    index = found["index"]
    assert 180 <= index["indexing"]["chunks"] == index["searching"]["chunks"] <= 240
    assert index["indexing"]["disk_mb"]["chroma"] > 0.5
    everything = index["searching"]["all"]
    assert everything["queries"] == 16
    assert set(everything["parts_ms"]) == {"embed", "vector", "lexical", "hydrate", "fuse"}
    assert everything["recall_at_10"]["mean"] == 1.0
    assert found["embedding"]["by_length"]["padding"] < found["embedding"]["file_order"]["padding"]
    assert set(found["aims"]) == {"sandbox_over_in_process", "query_p50_ms", "recall_at_10"}
    assert found["aims"]["recall_at_10"] == {"aim": 0.98, "measured": 1.0, "met": True}

    again = measure_index(
        loaded, starter(tmp_path), None, Large(200, 8), keep=None, reuse=kept, tell=lambda line: None
    )
    assert again["indexing"] == {**index["indexing"], "reused": True}


def test_file_that_a_bare_library_cannot_read_is_told_with_its_name() -> None:
    def read(source: object) -> object:
        raise KeyError("/Root")

    with pytest.raises(PeerFailed, match=r"^pypdf: KeyError$"):
        peer("pypdf", read)(Source("d", "c", "a.pdf", "application/pdf", "", b""))


def test_made_pdf_has_as_many_pages_as_asked_for() -> None:
    for pages in (1, 31):
        assert len(PdfReader(BytesIO(made_pdf(pages))).pages) == pages


def test_aim_that_is_missed_is_told() -> None:
    measured = {"index": {"searching": {"all": {"recall_ms": {"p50": 15.1}}}}}
    assert aims(measured) == {"query_p50_ms": {"aim": 15.0, "measured": 15.1, "met": False}}


def test_each_section_becomes_about_one_chunk_and_same_corpus_gives_same_files(tmp_path: Path) -> None:
    pieces = read_pieces(_corpus(tmp_path))
    folders = [tmp_path / "one", tmp_path / "two"]
    texts = []
    for folder in folders:
        folder.mkdir()
        files = list(write_documents(pieces, folder, 2 * SECTIONS + 3))
        texts.append([path.read_text(encoding="utf-8") for path, _ in files])
    assert texts[0] == texts[1]
    assert [text.count("\n## ") for text in texts[0]] == [SECTIONS, SECTIONS, 3]


def test_queries_are_headings_and_sentences_of_the_corpus(tmp_path: Path) -> None:
    queries = make_queries(read_pieces(_corpus(tmp_path)), 5)
    assert all(text.startswith("How is rule ") for text in queries["headings"])
    assert all(text.startswith(("Rule ", "第")) for text in queries["sentences"])
    assert [len(texts) for texts in queries.values()] == [5, 5]


@pytest.mark.parametrize("content", ['{"a": "no text"}', "[1]", "{not json"])
def test_corpus_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CorpusUnreadable, match=r"corpus\.jsonl cannot be read"):
        read_pieces(path)


def test_folder_that_was_not_kept_is_not_searched(tmp_path: Path) -> None:
    settings = starter(tmp_path)
    with pytest.raises(NothingToReuse, match="was not kept by"):
        measure_index(loaded, settings, None, Large(), keep=None, reuse=tmp_path, tell=lambda line: None)


def test_collection_is_never_kept_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(bench, ["ingest", "--keep", str(tmp_path)])
    assert done.exit_code == 2
    assert "is not empty" in done.output


def test_steps_are_rated_by_their_own_seconds() -> None:
    reports = [FileReport("a", "added", pages=4, chunks=10, seconds=(("parse", 2.0), ("embed", 0.5)))] * 2
    figures = by_step(reports, 4.0)
    assert (figures["pages_per_s"], figures["chunks_per_s"]) == (2.0, 5.0)
    assert figures["by_step"] == {
        "parse": {"seconds": 4.0, "pages_per_s": 2.0, "chunks_per_s": 5.0},
        "embed": {"seconds": 1.0, "pages_per_s": 8.0, "chunks_per_s": 20.0},
    }


def test_batches_of_like_length_are_padded_less() -> None:
    lengths = [10, 100, 10, 100]
    by_file, by_length = list(in_file_order(lengths, 200)), list(batches(lengths, 200))
    assert by_file == [[0, 1], [2, 3]]
    assert by_length == [[1, 3], [0, 2]]
    assert padding(lengths, by_file) == 0.45
    assert padding(lengths, by_length) == 0.0


def test_memory_of_a_child_is_seen_and_peaks_start_anew() -> None:
    with ChildrenWatched() as children:
        assert apart(len, b"x" * 40_000_000) == 40_000_000
    assert children.take() > 40_000_000
    assert children.take() == 0
    if reset_peak():
        held = resident_bytes() or 0
        assert held <= (peak_bytes() or 0) < held + 20_000_000
        block = bytearray(60_000_000)
        assert (peak_bytes() or 0) >= held + 0.9 * len(block)

