"""Which size of chunks finds the evidence: budgets and overlaps compared over the path that chat uses."""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from app.access.principal import LOCAL
from app.bench.long_documents import Question, QuotedSet, read_quoted_set
from app.errors import TouchstoneError
from app.evaluation.intervals import ROUNDS, Interval, interval
from app.evaluation.passages import SolidText, Span, holds
from app.result import Result
from app.services import Services
from app.settings import Settings
from ingest.settings import ChunkSize

BUDGETS = (160, 256, 320, 512)
OVERLAPS = (0.0, 0.1, 0.2)  # of the budget
QUESTIONS = 150  # of a set
MEASURES = ("hit_at_1", "hit_at_3", "mrr_at_10", "tokens_sent")
COLLECTION = "bench"
Open = Callable[[Settings], AbstractContextManager[Services]]


class CouldNotMeasure(TouchstoneError):
    """A part of the set could not be ingested or judged, so figures would not compare."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One question. A passage is right when it holds at least half of a piece of evidence.

    ``hit_at_1``, ``hit_at_3`` (0 or 1): of the passages handed to the generator. ``mrr_at_10``: 1 / rank of
    the first right one of the ten best reranked candidates, else 0. ``tokens_sent``: of the passages, as
    estimated.
    """

    hit_at_1: float
    hit_at_3: float
    mrr_at_10: float
    tokens_sent: float


@dataclass(frozen=True, slots=True)
class Run:
    """A set ingested with one size of chunks; ``judged`` follows the set's questions."""

    size: ChunkSize
    chunks: int
    judged: tuple[Judged, ...]


def measure(
    open_services: Open,
    settings: Settings,
    folders: Sequence[Path],
    *,
    sizes: Sequence[ChunkSize],
    skip: int,
    questions: int,
    tell: Callable[[str], None],
) -> dict[str, object]:
    """Figures of every set and size, and of all questions together, with paired differences from the default.

    ``skip`` questions of each set are left out, the next ``questions`` asked: what was chosen on some can be
    confirmed on others.
    Each run has a data directory of its own. Raises ``SetUnreadable`` and ``CouldNotMeasure``.
    """
    default = settings.ingest.chunk_size
    if default not in sizes:
        raise ValueError(f"the present default {default} is not among the sizes: nothing to compare with")
    measured: list[tuple[str, int, list[Run]]] = []
    profile = ""
    for folder in folders:
        with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as scratch:
            quoted = read_quoted_set(folder, Path(scratch), skip=skip, most=questions)
            runs = []
            for size in sizes:
                run, profile = _run(open_services, settings, quoted, size)
                runs.append(run)
                tell(_line(quoted.name, run))
            measured.append((quoted.name, len(quoted.files), runs))
    return {
        "profile": profile,
        "default": asdict(default),
        "bootstrap_rounds": ROUNDS,
        "questions_skipped": skip,
        "sets": [
            {"set": name, "documents": documents, **_figures(runs, default)}
            for name, documents, runs in measured
        ],
        "all": _figures(_together([runs for _, _, runs in measured]), default),
    }


def all_sizes() -> tuple[ChunkSize, ...]:
    """Every budget with every overlap."""
    return tuple(ChunkSize(budget, round(share * budget)) for budget in BUDGETS for share in OVERLAPS)


def _run(open_services: Open, settings: Settings, quoted: QuotedSet, size: ChunkSize) -> tuple[Run, str]:
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as scratch:
        cut = settings.model_copy(
            update={"data_dir": Path(scratch), "ingest": settings.ingest.resized(size.tokens, size.overlap)}
        )
        with open_services(cut) as services:
            for report in services.ingest(quoted.files, COLLECTION):
                if report.error is not None:
                    raise CouldNotMeasure(f"{quoted.name}: {report.error[1]}")
            evidence = _Evidence(services)
            judged = tuple(_judge(services, evidence, each) for each in quoted.questions)
            chunks = services.collections.named(COLLECTION).chunks
            return Run(size, chunks, judged), services.models.profile


def _judge(services: Services, evidence: "_Evidence", question: Question) -> Judged:
    right = evidence.of(question)
    result: Result = services.answer(services.ask(question.text, collections=(COLLECTION,), principal=LOCAL))
    sent = [passage.chunk for passage in result.answer.passages]
    ranks = (rank for rank, each in enumerate(result.candidates[:10], 1) if holds(each.chunk, right))
    return Judged(
        hit_at_1=float(any(holds(chunk, right) for chunk in sent[:1])),
        hit_at_3=float(any(holds(chunk, right) for chunk in sent[:3])),
        mrr_at_10=next((1 / rank for rank in ranks), 0.0),
        tokens_sent=float(sum(chunk.tokens for chunk in sent[:3])),
    )


class _Evidence:
    """Finds quotes in the text of ingested documents."""

    def __init__(self, services: Services) -> None:
        rows = services.database.connection().execute(
            "SELECT d.name, v.text FROM document d"
            " JOIN version v ON v.document_id = d.id AND v.version = d.current_version"
        )
        self._texts = {row["name"]: SolidText(row["text"]) for row in rows}

    def of(self, question: Question) -> dict[str, list[Span]]:
        """Where each piece of evidence stands, by document. Raises ``CouldNotMeasure`` where none does."""
        found: dict[str, list[Span]] = {}
        for each in question.evidence:
            if each.document in self._texts:
                found.setdefault(each.document, []).extend(self._texts[each.document].places(each.quote))
        if not any(found.values()):
            raise CouldNotMeasure(f"no evidence stands in its document: {question.text}")
        return found


def _together(sets: Sequence[Sequence[Run]]) -> list[Run]:
    """The runs of all sets with the same size as one."""
    return [
        Run(
            same[0].size,
            sum(run.chunks for run in same),
            tuple(judged for run in same for judged in run.judged),
        )
        for same in zip(*sets, strict=True)
    ]


def _figures(runs: Sequence[Run], default: ChunkSize) -> dict[str, object]:
    base = next(run for run in runs if run.size == default)
    return {
        "questions": len(base.judged),
        "runs": [
            {
                "chunk_tokens": run.size.tokens,
                "chunk_overlap": run.size.overlap,
                "chunks": run.chunks,
                **{name: asdict(interval(_values(run, name))) for name in MEASURES},
                "against_default": {name: asdict(_difference(run, base, name)) for name in MEASURES},
            }
            for run in runs
        ],
    }


def _difference(run: Run, base: Run, name: str) -> Interval:
    pairs = zip(_values(run, name), _values(base, name), strict=True)
    return interval([value - before for value, before in pairs])


def _values(run: Run, name: str) -> list[float]:
    return [float(getattr(judged, name)) for judged in run.judged]


def _line(name: str, run: Run) -> str:
    hit_1, hit_3, mrr, tokens = (interval(_values(run, measure)).mean for measure in MEASURES)
    return (
        f"{name} {run.size.tokens}/{run.size.overlap}: {run.chunks} chunks, hit@1 {hit_1:.3f}, "
        f"hit@3 {hit_3:.3f}, MRR@10 {mrr:.3f}, {tokens:.0f} tokens sent"
    )
