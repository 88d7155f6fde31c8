"""PowerPoint presentations (.pptx, .pptm) → text with blocks, a page for each slide.

Runs only inside the parser process (see ``readers``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pptx

from ingest.blocks import Writer, ranges, reads_chinese, row, without_empty_columns
from ingest.containers import SLIDES
from ingest.drawing import chart_table, diagram_lines, paragraph_text
from ingest.errors import IngestError
from ingest.locked import unlocked
from ingest.namespaces import CHART, DIAGRAM, A, P, R
from ingest.package import Element, open_package, whole
from ingest.readers import Limits
from ingest.slide_shapes import (
    MARGINS,
    TITLES,
    in_reading_order,
    is_hidden,
    list_styles,
    placeholder_type,
    unwrap,
)
from ingest.slide_text import lines
from ingest.wire import Parsed
from retrieval.types import Notice

if TYPE_CHECKING:
    from pptx.shapes.base import BaseShape
    from pptx.slide import Slide

_MAIN_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"


@dataclass(slots=True)
class _Seen:
    """What was left out: slides by number, margins as texts, the rest by count."""

    hidden_slides: list[int] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    margins: set[str] = field(default_factory=set)
    hidden: int = 0
    pictures: int = 0


@whole("a presentation", "PowerPoint")
def read(data: bytes, limits: Limits, password: str, progress: Callable[[int, int], None]) -> Parsed:
    """The document: on each slide its title, its shapes in reading order, then the speaker's notes.

    Hidden slides and shapes, footers, comments and pictures are left out, each with a notice; slides keep
    their numbers. Raises ``IngestError``: damaged, encrypted, too_large, no_pages, too_many_pages,
    too_much_text.
    """
    package = open_package(unlocked(data, password, SLIDES))
    presentation = pptx.Presentation(package.stored(main_type=_MAIN_TYPE))
    slides = list(presentation.slides)
    if not slides:
        raise IngestError("no_pages", "the presentation has no slide; nothing to index")
    if len(slides) > limits.max_pages:
        raise IngestError(
            "too_many_pages",
            f"{len(slides):,} slides are over the limit of {limits.max_pages:,}; split the file",
        )
    writer, seen = Writer(limits), _Seen()
    height = int(presentation.slide_height or 1)
    for number, slide in enumerate(slides, start=1):
        progress(number - 1, len(slides))
        writer.page(number)
        if slide.element.get("show") in ("0", "false"):
            seen.hidden_slides.append(number)
            continue
        written = len(writer.blocks)
        _write_slide(slide, height, writer, seen)
        if len(writer.blocks) == written:
            seen.empty.append(number)
    first = next((block.title for block in writer.blocks if block.kind == "heading" and block.title), "")
    return writer.parsed(package.title or first, _notices(seen) + package.notices())


def _write_slide(slide: "Slide", height: int, writer: Writer, seen: _Seen) -> None:
    unwrap(slide.element)
    shapes = in_reading_order(slide.shapes, height)
    title = next((each for each in shapes if placeholder_type(each) in TITLES and not is_hidden(each)), None)
    heading = " ".join(_body_text(title.element).split()) if title is not None else ""
    if heading:
        writer.heading(1, heading)
    else:
        writer.label(1, "")  # what stands here belongs to no slide before it
    for shape in shapes:
        if is_hidden(shape):
            seen.hidden += len(_body_text(shape.element))
        elif placeholder_type(shape) in MARGINS:
            seen.margins.add(_body_text(shape.element).strip())
        elif shape is not title or not heading:
            _write_shape(slide, shape, writer, seen)
    if slide.has_notes_slide:
        frame = slide.notes_slide.notes_text_frame
        notes = frame.text.replace("\v", "\n").strip() if frame is not None else ""
        if notes:
            writer.label(2, "备注" if reads_chinese(notes + heading) else "Speaker notes")
            for paragraph in notes.split("\n"):
                writer.add("paragraph", paragraph)


def _write_shape(slide: "Slide", shape: "BaseShape", writer: Writer, seen: _Seen) -> None:
    element = shape.element
    if element.tag == P + "pic":
        seen.pictures += 1
    elif shape.has_table:
        _write_table(element, writer)
    elif element.tag == P + "graphicFrame":
        _write_drawing(slide, element, writer)
    else:
        _write_text(shape, writer)


def _write_text(shape: "BaseShape", writer: Writer) -> None:
    frame = shape.element.find(P + "txBody")
    if frame is None:
        return
    first = True
    for line in lines(frame, list_styles(shape)):
        if line.marker:
            writer.add("list", f"{'  ' * line.level}{line.marker} {line.text}", together=not first)
        else:
            writer.add("paragraph", line.text)
        first = False


def _write_table(element: Element, writer: Writer) -> None:
    rows: list[list[str]] = []
    for each in element.iter(A + "tr"):
        cells = each.findall(A + "tc")
        rows.append(["" if _is_merged_away(cell) else _body_text(cell) for cell in cells])
    writer.rows([row(cells) for cells in without_empty_columns(rows)])


def _is_merged_away(cell: Element) -> bool:
    return cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true")


def _write_drawing(slide: "Slide", element: Element, writer: Writer) -> None:
    for found in element.iter(DIAGRAM + "relIds"):
        key = found.get(R + "dm", "")
        if key in slide.part.rels:
            for line in diagram_lines(slide.part.related_part(key).blob):
                writer.add("list", line, together=True)
    for found in element.iter(CHART + "chart"):
        key = found.get(R + "id", "")
        if key in slide.part.rels:
            title, rows = chart_table(slide.part.related_part(key).blob)
            writer.add("paragraph", title)
            writer.rows(rows)


def _body_text(element: Element) -> str:
    """All paragraphs of a shape or cell, one a line."""
    return "\n".join(paragraph_text(each) for each in element.iter(A + "p"))


def _notices(seen: _Seen) -> list[Notice]:
    notices: list[Notice] = []
    for code, slides in (("hidden_slides_left_out", seen.hidden_slides), ("slides_without_text", seen.empty)):
        notices += [Notice.of(code, slides=ranges(slides), count=len(slides))] if slides else []
    for code, count in (
        ("hidden_text_left_out", seen.hidden),
        ("running_lines_removed", len(seen.margins - {""})),
        ("pictures_not_read", seen.pictures),
    ):
        notices += [Notice.of(code, count=count)] if count else []
    return notices
