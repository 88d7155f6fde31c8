"""Word documents (.docx, .docm) → text with blocks. Runs only inside the parser process (see ``readers``).

There are no pages: where one ends is only known to the program that prints.
"""

from collections.abc import Callable

import docx

from ingest.blocks import Writer, reads_chinese
from ingest.containers import WORD
from ingest.drawing import chart_table, diagram_lines
from ingest.locked import unlocked
from ingest.namespaces import W
from ingest.package import Element, Package, open_package, parse_xml, whole
from ingest.readers import Limits
from ingest.wire import Parsed
from ingest.word_body import Body
from ingest.word_numbering import Numbering
from ingest.word_styles import Styles
from ingest.word_text import Drawing, Tally
from retrieval.types import Notice

_MAIN_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_NOTES = (("footnoteReference", "footnotes", "footnote"), ("endnoteReference", "endnotes", "endnote"))
_REPORT_EVERY = 200  # paragraphs and tables


@whole("a Word document", "Word")
def read(data: bytes, limits: Limits, password: str, progress: Callable[[int, int], None]) -> Parsed:
    """The document: body, tables, text boxes, charts, then its foot- and endnotes.

    Numbers and bullets stand in front of their paragraphs as Word shows them. Headers and footers, tables of
    contents, tracked deletions, hidden text, comments and pictures are left out, each with a notice. Raises
    ``IngestError``: damaged, encrypted, too_large, too_much_text.
    """
    package = open_package(unlocked(data, password, WORD))
    document = docx.Document(package.stored(main_type=_MAIN_TYPE))
    main = str(document.part.partname).lstrip("/")
    styles = Styles(document.styles.element)
    numbering = Numbering(_root(package, main, "numbering"))
    writer, tally = Writer(limits), Tally()

    def draw(drawing: Drawing) -> None:
        part = document.part.related_parts.get(drawing.relationship)
        if part is None:
            return
        if drawing.kind == "diagram":
            for line in diagram_lines(part.blob):
                writer.add("list", line, together=True)
        else:
            title, rows = chart_table(part.blob)
            writer.add("paragraph", title)
            writer.rows(rows)

    body = Body(writer, styles=styles, numbering=numbering, tally=tally, draw=draw)
    children = list(document.element.body)
    for done, child in enumerate(children):
        if done % _REPORT_EVERY == 0:
            progress(done, len(children))
        body.write_one(child)
    _write_notes(package, main, body, writer)
    notices = _notices(tally, body, numbering, _margin_lines(package, main)) + package.notices()
    return writer.parsed(package.title or body.title, notices)


def _root(package: Package, main: str, kind: str) -> Element | None:
    names = package.related(main, kind)
    return parse_xml(package.parts[names[0]]) if names else None


def _write_notes(package: Package, main: str, body: Body, writer: Writer) -> None:
    """The notes in the order the text names them; a note that nothing names is not on any page."""
    named = list(body.notes)
    for reference, kind, tag in _NOTES:
        wanted = [key for name, key in named if name == W + reference]
        root = _root(package, main, kind)
        if root is None or not wanted:
            continue
        notes = {each.get(W + "id", ""): each for each in root.iter(W + tag)}
        chinese = reads_chinese("".join(root.itertext())[:2_000])
        writer.label(1, ("脚注" if kind == "footnotes" else "尾注") if chinese else kind.capitalize())
        for key in wanted:
            if key in notes:
                body.write(notes.pop(key))


def _margin_lines(package: Package, main: str) -> int:
    """How many lines of text stand in headers and footers."""
    lines: set[str] = set()
    for kind in ("header", "footer"):
        for name in package.related(main, kind):
            for paragraph in parse_xml(package.parts[name]).iter(W + "p"):
                lines.add("".join(each.text or "" for each in paragraph.iter(W + "t")).strip())
    return len(lines - {""})


def _notices(tally: Tally, body: Body, numbering: Numbering, margins: int) -> list[Notice]:
    counts = (
        ("hidden_text_left_out", tally.hidden),
        ("deletions_left_out", tally.deleted),
        ("contents_left_out", body.contents),
        ("running_lines_removed", margins),
        ("numbering_left_out", numbering.unknown),
        ("symbols_left_out", tally.symbols),
        ("pictures_not_read", tally.pictures),
    )
    return [Notice.of(code, count=count) for code, count in counts if count]
