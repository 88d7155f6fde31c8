"""How well and how fast scans are read, against the text of the files that were scanned.

CER is the character error rate: the Levenshtein distance (insertions, deletions and substitutions of one
character) between what was read and the truth, divided by the truth's length. Both are NFKC, without white
space and cell borders, because where lines and columns break is not a matter of reading. Order is: a column
read before another one counts as errors, so ``missing`` gives the share of the truth's characters that were
not read at all, wherever they stand.
"""

import resource
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.errors import BadRequest
from ingest.load import load
from ingest.parse import parse
from ingest.scans import is_installed
from ingest.settings import IngestSettings
from ingest.types import Document

OFF = IngestSettings(ocr="off")


@dataclass(frozen=True, slots=True)
class Scan:
    """What was read of one scan: errors and characters over its pages, and what its notices say.

    ``seconds`` is wall-clock time from the file to its text, the start of the process and the models
    included; ``cpu_s`` the processor time of that process. ``confidence``: of the recogniser, per cent.
    """

    file: str
    pages: int
    characters: int
    errors: int
    missing: int
    seconds: float
    cpu_s: float
    confidence: int
    cer: float
    missing_share: float


def pairs(scans: Path, truths: Path) -> list[tuple[Path, Path]]:
    """Scans with the files they were made of: two files, or the PDFs of two folders that share a name.

    Raises ``BadRequest`` where OCR is not installed or nothing fits together.
    """
    if not is_installed():
        raise BadRequest("OCR is not installed: pip install 'touchstone-kb[ocr]'")
    if scans.is_file() and truths.is_file():
        return [(scans, truths)]
    found = [(each, truths / each.name) for each in sorted(scans.glob("*.pdf"))]
    if not found:
        raise BadRequest(f"{scans}: there is no PDF in it; name a scan and its original, or a folder of each")
    alone = [each.name for each, truth in found if not truth.is_file()]
    if alone:
        raise BadRequest(f"{truths}: the originals of {', '.join(alone)} are not in it")
    return found


def read_scan(scan: Path, truth: Path, settings: IngestSettings) -> Scan:
    """One scan read as ingestion reads it. The first pages of the original are its truth.

    Raises ``IngestError`` for a file that cannot be read.
    """
    wanted = _page_texts(_read(truth, OFF))
    spent, began = _children_s(), time.perf_counter()
    document = _read(scan, settings)
    seconds, cpu_s = time.perf_counter() - began, _children_s() - spent
    told = [dict(notice.values) for notice in document.notices if notice.code == "pages_read_by_ocr"]
    if not told:
        raise BadRequest(f"{scan}: no page of it was read by OCR; its pages have text of their own")
    read = _page_texts(document)
    if len(read) > len(wanted):
        raise BadRequest(f"{scan} has {len(read)} pages, {truth} only {len(wanted)}: not its original")
    compared = list(zip(wanted, read, strict=False))
    errors = sum(distance(one, other) for one, other in compared)
    missing = sum(sum((Counter(one) - Counter(other)).values()) for one, other in compared)
    characters = sum(len(one) for one, _ in compared)
    return Scan(
        scan.name,
        len(compared),
        characters,
        errors,
        missing,
        round(seconds, 2),
        round(cpu_s, 2),
        int(told[0]["confidence"]),
        round(errors / max(characters, 1), 4),
        round(missing / max(characters, 1), 4),
    )


def summary(found: Sequence[Scan]) -> dict[str, float]:
    """Over all scans: rates by character, seconds by page."""
    pages, characters = sum(each.pages for each in found), sum(each.characters for each in found)
    return {
        "pages": pages,
        "characters": characters,
        "cer": round(sum(each.errors for each in found) / max(characters, 1), 4),
        "missing_share": round(sum(each.missing for each in found) / max(characters, 1), 4),
        "seconds_per_page": round(sum(each.seconds for each in found) / max(pages, 1), 2),
        "cpu_s_per_page": round(sum(each.cpu_s for each in found) / max(pages, 1), 2),
    }


def distance(one: str, other: str) -> int:
    """The Levenshtein distance, a row of the table at a time (Wagner and Fischer, 1974)."""
    letters = np.array([ord(each) for each in other], dtype=np.int64)
    places = np.arange(len(other) + 1)
    row = places
    for number, letter in enumerate(one, start=1):
        best = np.minimum(row[:-1] + (letters != ord(letter)), row[1:] + 1)
        # An insertion costs one more than what stands to its left: a running minimum of value - place.
        row = np.minimum.accumulate(np.concatenate(([number], best)) - places) + places
    return int(row[-1])


def _read(path: Path, settings: IngestSettings) -> Document:
    source = load(path, name=path.name, collection="", document_id="", settings=settings)
    return parse(source, settings)


def _page_texts(document: Document) -> list[str]:
    return [_compared(document.text[page.start : page.end]) for page in document.pages]


def _compared(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).replace("|", "")
    return "".join(folded.split())


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
