"""Evaluations as JSON."""

from datetime import datetime

from pydantic import JsonValue

from app.evaluation.questions import Half
from app.evaluation.result_file import Rerank
from app.result import View
from app.storage.evaluations import State


class EvaluationView(View):
    """An evaluation, and how far it is. ``waiting``: it lets the chat go first.

    ``code`` says why it ended without a result ("" otherwise), ``message`` in words. ``instruction`` and
    ``top_k`` are null where chat's own were taken.
    """

    id: str
    collection: str
    golden_set: str
    rerank: Rerank
    instruction: str | None
    top_k: int | None
    generate: bool
    half: Half
    limit: int | None
    state: State
    total: int
    done: int
    waiting: bool
    code: str
    message: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class EvaluationDetail(EvaluationView):
    """With its result as `touchstone evaluate --json` writes it; null until it is done.

    ``documents_changed`` in it: while it ran, so that not all questions were asked of the same documents.
    """

    result: dict[str, JsonValue] | None


class EvaluationList(View):
    """Evaluations, newest first."""

    data: tuple[EvaluationView, ...]
    next_cursor: str | None


class MovedView(View):
    """A question whose first relevant document stands elsewhere. Ranks count from 1; 0: not in the list."""

    id: str
    question: str
    before: int
    after: int


class QuestionView(View):
    """A question, asked with reranking (``on``), without (``off``) or in both ways, with what came back.

    ``moved``: its first relevant document, from off to on. ``evidence``: mended where right evidence is
    handed to the generator with reranking only, broke where it is without only. ``wiped``: its answers are
    gone, because a document was deleted for good, or they were kept long enough.
    """

    place: int
    id: str
    question: str
    on: dict[str, JsonValue] | None
    off: dict[str, JsonValue] | None
    moved: MovedView | None
    evidence: str
    wiped: bool


class QuestionList(View):
    """Questions in the order they were asked."""

    data: tuple[QuestionView, ...]
    next_cursor: str | None


class DifferenceView(View):
    """One measure before and after. ``low`` to ``high``: paired 95 % bootstrap interval of the change."""

    measure: str
    questions: int
    before: float
    after: float
    change: float
    low: float
    high: float
    better: int
    worse: int
    is_better: bool
    is_worse: bool


class ComparisonView(View):
    """Two evaluations over the questions that both have with the same labels.

    ``changed``: questions whose words or labels are others by then, left out. ``mended`` and ``broke``: right
    evidence is handed to the generator in the later, or in the earlier one only. What was asked first (with
    reranking, unless it was off) is compared.
    """

    before: EvaluationView
    after: EvaluationView
    same_documents: bool
    questions: int
    changed: tuple[str, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    differences: tuple[DifferenceView, ...]
    mended: tuple[str, ...]
    broke: tuple[str, ...]
    moved: tuple[MovedView, ...]
