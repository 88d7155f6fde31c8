"""Documents made of a corpus: any number of chunks, Chinese and English, each about one thing."""

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.errors import TouchstoneError
from app.settings import shipped
from ingest.chunk import chunk
from ingest.load import find_files, to_source
from ingest.parse import parse
from ingest.settings import IngestSettings
from ingest.tokens import token_weight
from retrieval.sentences import sentence_spans

SEED = 20_250_101
SECTIONS = 40  # of a large document; each becomes about one chunk
TOKENS = (110, 190)  # of a section; the chunker merges sections under 40 tokens and cuts those over 320
LONGEST = 100  # tokens of a passage; longer ones are left out, so that a section stays one chunk
SHORTEST_SENTENCE = 12  # characters of one that is asked
_FIELDS = (("a", "b"), ("title", "text"), ("heading", "passage"))


class CorpusUnreadable(TouchstoneError):
    """The corpus is no JSON lines with a heading and a text each."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage of the corpus and the heading it stands under."""

    heading: str
    text: str


def read_pieces(path: Path | None) -> list[Piece]:
    """The passages of a corpus in their order: JSON lines (.gz or not), else the demo's documents.

    A line has the fields ``a, b`` or ``title, text`` or ``heading, passage``. Raises ``CorpusUnreadable``.
    """
    found = [*(_demo() if path is None else _lines(path))]
    short = [piece for piece in found if piece.text.strip() and token_weight(piece.text) <= LONGEST]
    if not short:
        raise CorpusUnreadable(f"{path}: no line has a text of at most {LONGEST} tokens; give another corpus")
    return short


def write_documents(
    pieces: Sequence[Piece], folder: Path, chunks: int, *, sections: int = SECTIONS
) -> Iterator[tuple[Path, str]]:
    """Markdown files of ``sections`` each, ``chunks`` sections in all, as (path, name).

    A section takes neighbouring passages from some place of the corpus on, and closes with one from
    elsewhere: chunks share words as those of one company do, and few are alike. The same corpus and number
    give the same files.
    """
    draw = random.Random(SEED)  # noqa: S311 - text for a benchmark
    for number, first in enumerate(range(0, chunks, sections)):
        name = f"{number:05d}.md"
        lines = [f"# {draw.choice(pieces).heading} {number}"]
        for _ in range(min(sections, chunks - first)):
            lines += _section(pieces, draw)
        path = folder / name
        path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
        yield path, name


def make_queries(pieces: Sequence[Piece], each: int) -> dict[str, list[str]]:
    """``each`` headings of the corpus, as people ask for them, and ``each`` sentences of its texts."""
    draw = random.Random(SEED + 1)  # noqa: S311 - text for a benchmark
    headings = sorted({piece.heading.strip() for piece in pieces if piece.heading.strip()})
    spans = ((piece.text, span) for piece in pieces for span in sentence_spans(piece.text))
    texts = sorted({text[start:end] for text, (start, end) in spans if end - start >= SHORTEST_SENTENCE})
    return {
        "headings": draw.choices(headings, k=each) if headings else [],
        "sentences": draw.choices(texts, k=each) if texts else [],
    }


def _section(pieces: Sequence[Piece], draw: random.Random) -> list[str]:
    at = draw.randrange(len(pieces))
    wanted = draw.uniform(*TOKENS)
    lines, weight = [f"## {pieces[at].heading}"], 0.0
    last = draw.choice(pieces).text
    weight += token_weight(last)
    while weight < wanted:
        lines.append(pieces[at % len(pieces)].text)
        weight += token_weight(lines[-1]) + 1
        at += 1
    return [*lines, last]


def _lines(path: Path) -> Iterator[Piece]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                heading, text = next(pair for pair in _FIELDS if row.keys() >= set(pair))
                yield Piece(str(row[heading]), str(row[text]))
    except (OSError, ValueError, AttributeError, StopIteration) as error:
        named = " or ".join(", ".join(pair) for pair in _FIELDS)
        raise CorpusUnreadable(
            f"{path} cannot be read ({type(error).__name__}): JSON lines with the fields {named} are wanted"
        ) from error


def _demo() -> Iterator[Piece]:
    settings = IngestSettings()
    for path, name in find_files([shipped("demo") / "documents"]).files:
        source = to_source(path.read_bytes(), name=name, collection="", document_id="demo", settings=settings)
        for each in chunk(parse(source, settings), 1, settings):
            heading = each.headings[-1] if each.headings else each.title
            for paragraph in each.text.split("\n\n"):
                yield Piece(heading, paragraph)
