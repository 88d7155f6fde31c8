"""Ingestion measured in one run: parsers, the real jobs, a large collection, batches of the embedder.

Each part runs in a process of its own, so that memory is the part's and no library of one is in another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.bench.ingest_embedding import measure_embedding
from app.bench.ingest_index import Large, measure_index
from app.bench.ingest_jobs import Many, measure_jobs
from app.bench.ingest_parsing import Reading, measure_parsing
from app.bench.opening import Open, apart
from app.settings import Settings

SANDBOX_AIM = 1.25
QUERY_AIM_MS = 15.0
RECALL_AIM = 0.98


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large everything is made."""

    reading: Reading = field(default_factory=Reading)
    many: Many = field(default_factory=Many)
    large: Large = field(default_factory=Large)
    embedding_rounds: int = 5


@dataclass(frozen=True, slots=True)
class Places:
    """Where material comes from and the large collection stays; None: made, thrown away."""

    pdfs: Path | None = None
    corpus: Path | None = None
    keep: Path | None = None
    reuse: Path | None = None


def sizes_of(*, chunks: int, queries: int, files: int, pages: int, rounds: int) -> Sizes:
    """Sizes by what the command line names; memory is looked at after each quarter of the files."""
    return Sizes(
        Reading(pages, rounds, pool_files=min(Reading().pool_files, files)),
        Many(files, wave=-(-files // 4), pool_files=min(Many().pool_files, files)),
        Large(chunks, queries),
        rounds,
    )


def measure(
    open_services: Open,
    settings: Settings,
    sizes: Sizes,
    places: Places,
    *,
    tell: Callable[[str], None],
) -> dict[str, object]:
    """Figures of all parts, with the aims they are held against.

    ``open_services`` and ``tell`` go to other processes and must be picklable. Raises ``CouldNotMeasure``,
    ``CorpusUnreadable``, ``NothingToReuse``.
    """
    measured: dict[str, object] = {}
    tell("parsing: bare libraries, our parser in process and in the sandbox")
    measured["parsing"] = apart(measure_parsing, places.pdfs, sizes.reading)
    tell(f"jobs: {sizes.many.files:,} small files, then PDFs")
    measured["jobs"] = apart(
        measure_jobs, open_services, settings, places.corpus, places.pdfs, sizes.many
    )
    tell(f"index: {sizes.large.chunks:,} chunks")
    measured["index"] = apart(
        measure_index, open_services, settings, places.corpus, sizes.large,
        keep=places.keep, reuse=places.reuse, tell=tell,
    )  # fmt: skip
    tell("embedding: batches by length against file order")
    measured["embedding"] = apart(measure_embedding, sizes.embedding_rounds)
    return {"corpus": "made of the demo" if places.corpus is None else places.corpus.name, **measured,
            "aims": aims(measured)}  # fmt: skip


def aims(measured: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """What was aimed at, what came out, and whether that meets it; only of the parts that were measured."""
    wanted = (
        ("sandbox_over_in_process", ("parsing", "made_pdf", "sandbox_over_in_process"), SANDBOX_AIM, False),
        ("query_p50_ms", ("index", "searching", "all", "recall_ms", "p50"), QUERY_AIM_MS, False),
        ("recall_at_10", ("index", "searching", "all", "recall_at_10", "mean"), RECALL_AIM, True),
    )
    told: dict[str, dict[str, object]] = {}
    for name, path, aim, at_least in wanted:
        value = _at(measured, path)
        if value is not None:
            told[name] = {"aim": aim, "measured": value, "met": value >= aim if at_least else value <= aim}
    return told


def _at(measured: Mapping[str, object], path: tuple[str, ...]) -> float | None:
    """The number at the end of a path of names; None where a part was not measured."""
    found: object = measured
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return float(str(found))
