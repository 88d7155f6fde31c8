"""What a page of a PDF shows, before anything is read into it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.geometry import Rect, to_frame
from ingest.words import Word


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line of a drawing: at ``position``, from ``start`` to ``end`` along the other axis."""

    position: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page as displayed, in points from its top left corner; words in the order of the file.

    ``words`` stand in the frames they are turned to (``words.Word``); everything else in that of the page.
    ``notes`` are words that annotations and form fields show. ``dots`` are small shapes. ``drawn``: it holds
    images, paths, or text that PDFium cannot decode, so that missing text may be a scan; ``pictured`` is the
    share of the page that its largest image covers. ``hidden`` and ``ocr`` count characters that no reader
    sees, and those a machine has read from a scan.
    """

    number: int
    width: float
    height: float
    words: tuple[Word, ...] = ()
    vertical: tuple[Rule, ...] = ()
    horizontal: tuple[Rule, ...] = ()
    dots: tuple[Rect, ...] = ()
    notes: tuple[Word, ...] = ()
    drawn: bool = False
    pictured: float = 0.0
    hidden: int = 0
    ocr: int = 0


def framed_rules(page: Page, turned: int) -> tuple[Sequence[Rule], Sequence[Rule], float]:
    """Vertical and horizontal rules in a frame, and the height of it."""
    if turned == 0:
        return page.vertical, page.horizontal, page.height
    width, height = page.width, page.height
    rects = [(rule.position, rule.start, rule.position, rule.end) for rule in page.vertical]
    rects += [(rule.start, rule.position, rule.end, rule.position) for rule in page.horizontal]
    framed = [to_frame(turned, width, height, rect) for rect in rects]
    vertical = [Rule(left, top, bottom) for left, top, right, bottom in framed if left == right]
    horizontal = [Rule(top, left, right) for left, top, right, bottom in framed if left != right]
    return vertical, horizontal, width if turned in (90, 270) else height
