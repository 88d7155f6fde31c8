"""From the pages PDFium reads to lines that are content, and what was noticed on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from ingest.blocks import ranges
from ingest.clean import clean
from ingest.errors import IngestError
from ingest.garbled import is_garbled
from ingest.lines import Line, to_lines
from ingest.page import Page
from ingest.paragraphs import PageLines
from ingest.readers import Limits, Tell
from ingest.words import Word
from retrieval.types import Notice

_PICTURED = 0.6  # of a page; so much of it covered by one image is a scan, but for a few words
_FEW = 50  # characters: a page number, a stamp


class Tally(dict[int, int]):
    """How many of something each page has; pages with none are not in it."""

    def add(self, page: int, count: int) -> None:
        """Count more of it on a page."""
        if count:
            self[page] = self.get(page, 0) + count

    def notice(self, code: str) -> list[Notice]:
        """A notice with pages and the count of all, where there is any."""
        return [Notice.of(code, pages=ranges(sorted(self)), count=sum(self.values()))] if self else []


@dataclass(slots=True)
class Scans:
    """What reading pages by OCR came to, by page number.

    ``read`` has the mean confidence of each page (0..1), ``unsure`` counts lines that may be wrong,
    ``left_out`` those that most likely are. ``late`` are pages that took longer than ``timeout_s``.
    """

    timeout_s: float = 0.0
    read: dict[int, float] = field(default_factory=dict)
    unsure: Tally = field(default_factory=Tally)
    left_out: Tally = field(default_factory=Tally)
    late: list[int] = field(default_factory=list)

    def notices(self) -> list[Notice]:
        """What the reader of the report should know."""
        notices = []
        if self.read:
            confidence = round(100 * sum(self.read.values()) / len(self.read))
            values = {"pages": ranges(sorted(self.read)), "count": len(self.read), "confidence": confidence}
            notices.append(Notice.of("pages_read_by_ocr", **values))
        notices += self.unsure.notice("ocr_lines_unsure") + self.left_out.notice("ocr_lines_left_out")
        if self.late:
            values = {"pages": ranges(self.late), "count": len(self.late), "seconds": f"{self.timeout_s:g}"}
            notices.append(Notice.of("ocr_pages_timed_out", **values))
        return notices


class PageScanner(Protocol):
    """Reads pages as pictures (``scanned.Scanner``); ``scans`` says what came of it."""

    scans: Scans

    def scan(self, page: Page) -> Page:
        """The page with what it shows as a picture; text it has itself is not read again."""


@dataclass(slots=True)
class Seen:
    """What was noticed, by page number."""

    unreadable: list[int] = field(default_factory=list)
    garbled: list[int] = field(default_factory=list)
    scanned: list[int] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    ocr: list[int] = field(default_factory=list)
    hidden: Tally = field(default_factory=Tally)
    invisible: int = 0
    running: int = 0

    def notices(self) -> list[Notice]:
        """What was left out, and what may be wrong."""
        by_page = {
            "pages_without_text": self.scanned,
            "pages_unreadable": self.unreadable,
            "pages_garbled": self.garbled,
            "pages_with_ocr_text": self.ocr,
        }
        notices = [
            Notice.of(code, pages=ranges(pages), count=len(pages)) for code, pages in by_page.items() if pages
        ]
        notices += self.hidden.notice("hidden_text_removed")
        if self.running:
            notices.append(Notice.of("running_lines_removed", count=self.running))
        if self.invisible:
            notices.append(Notice.of("invisible_characters_removed", count=self.invisible))
        return notices


def read_pages(
    read: Callable[[int], Page | None],
    count: int,
    limits: Limits,
    seen: Seen,
    progress: Tell,
    scanner: PageScanner | None,
) -> list[PageLines]:
    """Every page with its lines; none where it cannot be loaded. Raises ``IngestError`` (too_much_text)."""
    pages: list[PageLines] = []
    characters = 0
    for number in range(1, count + 1):
        progress(number - 1, count)
        page = read(number)
        if page is None:
            seen.unreadable.append(number)
            pages.append(PageLines(number, 1.0, 1.0, ()))
            continue
        lines = _visible_lines(page, seen, scanner)
        characters += sum(len(line.text) for line in lines)
        if characters > limits.max_characters:
            raise too_much_text(limits)
        pages.append(PageLines(number, page.width, page.height, lines))
    return pages


def too_much_text(limits: Limits) -> IngestError:
    """The error for a document over the limit."""
    return IngestError(
        "too_much_text", f"it holds more than {limits.max_characters:,} characters of text; split the file"
    )


def _visible_lines(page: Page, seen: Seen, scanner: PageScanner | None) -> tuple[Line, ...]:
    """The cleaned lines of a page; what is wrong with it is noted."""
    seen.hidden.add(page.number, page.hidden)
    if page.ocr:
        seen.ocr.append(page.number)
    garbled = is_garbled("".join(word.text for word in page.words))
    words, removed = _cleaned(() if garbled else page.words)
    notes, more = _cleaned(page.notes)
    seen.invisible += removed + more
    if garbled or removed or more:
        page = replace(page, words=words, notes=notes)
    characters = sum(len(word.text) for word in (*words, *notes))
    pictured = page.pictured >= _PICTURED and characters < _FEW and not page.ocr
    if garbled or pictured or (page.drawn and not characters):
        scan = scanner.scan(page) if scanner is not None else page
        if len(scan.words) == len(page.words):
            (seen.garbled if garbled else seen.scanned).append(page.number)
        page = scan
    elif not characters:
        seen.blank.append(page.number)
    return tuple(to_lines(page))


def _cleaned(words: tuple[Word, ...]) -> tuple[tuple[Word, ...], int]:
    """The words without invisible characters, and how many of those there were."""
    text = " ".join(word.text for word in words)
    if (text.isascii() and text.isprintable()) or not clean(text)[1]:
        return words, 0
    cleaned = [(word, *clean(word.text)) for word in words]
    kept = [word._replace(text=text) for word, text, _ in cleaned if text]
    return tuple(kept), sum(removed for _, _, removed in cleaned)
