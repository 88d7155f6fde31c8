"""What an evaluation set is: documents to ingest, questions to ask, and what a right answer rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

from app.storage.collections import Chunking
from app.storage.floors import CalibratedFloor

Half = Literal["choose", "report", "all"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an answer stands: a document, words of it ("" where none are named) and pages (may be empty)."""

    document: str
    quote: str = ""
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its judgements.

    ``gains``: document id -> gain, relevant where above 0; empty where nothing was judged. ``evidence``: any
    one of them is enough for a citation. ``answers``: accepted strings, of which the answer says one;
    ``must_include``: strings of which it says every one (``|`` between alternatives); ``must_not_include``.
    ``near_miss``: a document that looks relevant and does not answer. ``kind`` is the set's own label; a
    noisy form of another question names that in ``of``.
    """

    id: str
    text: str
    kind: str = "plain"
    answerable: bool = True
    gains: Mapping[str, float] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    answers: tuple[str, ...] = ()
    must_include: tuple[str, ...] = ()
    must_not_include: tuple[str, ...] = ()
    near_miss: str = ""
    of: str = ""

    @property
    def judged(self) -> bool:
        """Whether retrieval measures can be taken: some document is relevant."""
        return any(gain > 0 for gain in self.gains.values())

    @property
    def vague(self) -> bool:
        """Whether asking back is the right answer."""
        return self.kind == "vague"


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """What a collection has set for itself, with which its copy is asked."""

    instruction: str = ""
    chunking: Chunking = field(default_factory=Chunking)
    floors: tuple[CalibratedFloor, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """``files`` are (path, name) pairs to ingest; ``ids`` gives the set's own document id for each name.

    ``left_out`` says in a sentence each what of the set is not asked, and why.
    """

    name: str
    files: tuple[tuple[Path, str], ...]
    ids: Mapping[str, str]
    questions: tuple[Question, ...]
    left_out: tuple[str, ...] = ()
    own: OwnSettings = field(default_factory=OwnSettings)

    def digest(self) -> str:
        """A digest of the documents and their ids: sets with equal digests are searched alike."""
        digest = sha256()
        for path, name in self.files:
            for part in (name.encode(), self.ids[name].encode(), path.read_bytes()):
                digest.update(sha256(part).digest())
        return digest.hexdigest()


def in_half(question: Question, half: Half) -> bool:
    """Whether a question belongs to the half on which settings are chosen, or to the one that is reported.

    The parity of SHA-256 of the question's id, even: choose. Noisy forms go with the question they are of.
    """
    if half == "all":
        return True
    odd = sha256((question.of or question.id).encode()).digest()[-1] % 2
    return bool(odd) == (half == "report")


def chosen(questions: Sequence[Question], half: Half, limit: int | None) -> list[Question]:
    """The questions of a half in the order of the set, noisy forms with the question they are of.

    With a ``limit`` a sample of that many, and their noisy forms: those with the lowest SHA-256 of their ids.
    """
    found = [question for question in questions if in_half(question, half)]
    plain = [question.id for question in found if not question.of]
    drawn = set(sorted(plain, key=lambda each: sha256(each.encode()).digest())[:limit])
    return [question for question in found if (question.of or question.id) in drawn]
