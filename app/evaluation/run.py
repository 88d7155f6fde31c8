"""One set from its documents to its figures."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.evaluation.asked import Options, ask_all
from app.evaluation.ingested import COLLECTION, data_folder, ingest
from app.evaluation.judged import Judged, judging
from app.evaluation.questions import EvaluationSet, Half, chosen
from app.evaluation.report import Figures, figures
from app.evaluation.rows import SetUnreadable
from app.services import Services
from app.settings import Settings

Open = Callable[[Settings], AbstractContextManager[Services]]


class Tell(Protocol):
    """Hears what is being done."""

    def __call__(self, what: str, done: int = 0, total: int = 0) -> None:
        """``done`` of ``total``, where that can be counted."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured. ``ways``: how each question is asked, the first one being what is reported.

    ``keep``: a folder for what is ingested, to be used again.
    """

    ways: tuple[Options, ...]
    half: Half = "all"
    limit: int | None = None
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A set with its figures, one for each way of asking.

    ``failed``: documents that could not be read, with the reason. ``models``: identities by role. ``depths``:
    chat's K: candidates that are reranked, hits each channel brings to fusion, passages for the generator.
    """

    found: EvaluationSet
    digest: str
    questions: int
    figures: tuple[Figures, ...]
    failed: dict[str, str]
    profile: str
    models: dict[str, str]
    depths: dict[str, int]


def measure(
    open_services: Open, settings: Settings, found: EvaluationSet, plan: Plan, tell: Tell
) -> Measured:
    """Ingest and ask a set in a data directory of its own; no other collection is touched.

    Raises ``SetUnreadable`` where the half of the set holds nothing to ask.
    """
    questions = chosen(found.questions, plan.half, plan.limit)
    if not questions:
        raise SetUnreadable(f"{found.name}: the half {plan.half!r} holds no question")
    with data_folder(found, settings.ingest, plan.keep) as data_dir:
        own = settings.model_copy(update={"data_dir": data_dir, "demo": False})
        with open_services(own) as services:
            tell(f"{found.name}: reading {len(found.files)} documents")
            failed = ingest(services, found)
            judged = ask_all(
                services,
                questions,
                found.ids,
                COLLECTION,
                plan.ways,
                judging(services, services.collections.named(COLLECTION).id, found.ids),
                lambda done: tell(f"{found.name}: asking", done, len(questions)),
            )
            return measured_of(services, found, found.digest(), plan, judged, failed)


def measured_of(
    services: Services,
    found: EvaluationSet,
    digest: str,
    plan: Plan,
    judged: Sequence[Sequence[Judged]],
    failed: dict[str, str],
) -> Measured:
    """The figures of what these services were asked; ``judged`` by way, in the order of ``plan.ways``."""
    models, settings = services.models, services.settings
    return Measured(
        found=found,
        digest=digest,
        questions=len(judged[0]),
        figures=tuple(figures(each) for each in judged),
        failed=failed,
        profile=models.profile,
        models={
            "embedder": models.embedder.identity,
            "reranker": models.reranker.identity,
            "generator": models.generator.identity,
        },
        depths={
            "candidates": plan.ways[0].top_k or settings.retrieval.top_k,
            "channel": settings.retrieval.channel_k,
            "passages": settings.rerank.top_n,
        },
    )
