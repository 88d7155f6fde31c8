"""The text of one Word paragraph as a reader sees it, and what else hangs on it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.formula import FORMULA, FORMULAS, formula
from ingest.namespaces import CHART, CHOICE, DIAGRAM, PICTURE, VML, R, W
from ingest.package import Element
from ingest.word_styles import Styles, is_on

_TRANSPARENT = frozenset(
    W + tag
    for tag in (
        "ins",
        "moveTo",
        "hyperlink",
        "smartTag",
        "sdt",
        "sdtContent",
        "fldSimple",
        "customXml",
        "dir",
        "bdo",
        "ruby",
        "rubyBase",
        "r",
    )
)
_GONE = frozenset((W + "del", W + "moveFrom"))
_INSTEAD = {
    W + "tab": "\t",
    W + "ptab": "\t",
    W + "br": "\n",
    W + "cr": "\n",
    W + "noBreakHyphen": "-",
}
# Marks that forms and lists take from symbol fonts (w:sym), by font and code; others have no Unicode name.
_SYMBOLS = {
    ("wingdings", 0x6C): "●", ("wingdings", 0x6E): "■", ("wingdings", 0x6F): "□", ("wingdings", 0x71): "□",
    ("wingdings", 0x75): "◆", ("wingdings", 0xA7): "▪", ("wingdings", 0xA8): "□", ("wingdings", 0xD8): "➢",
    ("wingdings", 0xE0): "→", ("wingdings", 0xFB): "✗", ("wingdings", 0xFC): "✓", ("wingdings", 0xFD): "☒",
    ("wingdings", 0xFE): "☑", ("wingdings 2", 0x52): "☑", ("wingdings 2", 0x54): "☒",
    ("wingdings 2", 0xA3): "□", ("symbol", 0xB3): "≥", ("symbol", 0xA3): "≤", ("symbol", 0xB1): "±",
    ("symbol", 0xB4): "×", ("symbol", 0xB7): "•", ("symbol", 0xB9): "≠", ("symbol", 0xAE): "→",
}  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What was left out, in characters or pieces."""

    hidden: int = 0
    deleted: int = 0
    pictures: int = 0
    symbols: int = 0


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart or diagram, by the id of its relationship."""

    kind: str
    relationship: str


@dataclass(slots=True)
class Paragraph:
    """Text, the contents of text boxes anchored in it, its drawings, and the ids of its notes."""

    text: str = ""
    boxes: list[Element] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


class TextReader:
    """Reads paragraphs in the order of the document; a field (w:fldChar) may span several of them."""

    def __init__(self, styles: Styles, tally: Tally) -> None:
        self._styles = styles
        self._tally = tally
        self._fields: list[bool] = []  # open fields; True while their instruction, not their result, is read

    def read(self, paragraph: Element) -> Paragraph:
        """A paragraph without tracked deletions and hidden text; both are counted."""
        found = Paragraph()
        found.text = "".join(self._pieces(paragraph, paragraph, found))
        return found

    def _pieces(self, parent: Element, paragraph: Element, found: Paragraph) -> Iterable[str]:
        for child in parent:
            tag = child.tag
            if tag == W + "r" and self._styles.is_hidden(child, paragraph):
                self._tally.hidden += _length(child, "t")
                self._fields_in(child)
            elif tag in _TRANSPARENT:
                yield from self._pieces(child, paragraph, found)
            elif tag == W + "t" or tag in _INSTEAD:
                yield self._shown(_INSTEAD.get(tag, child.text or ""))
            elif tag in _GONE:
                self._tally.deleted += _length(child, "delText") + _length(child, "t")
                self._fields_in(child)
            elif tag == CHOICE + "AlternateContent":
                chosen = child.find(CHOICE + "Choice")
                yield from self._pieces(child if chosen is None else chosen, paragraph, found)
            elif tag == CHOICE + "Fallback":
                yield from self._pieces(child, paragraph, found)
            elif tag in (FORMULA, FORMULAS):
                yield formula(child)
            else:
                yield self._other(child, found)

    def _other(self, element: Element, found: Paragraph) -> str:
        tag = element.tag
        if tag == W + "fldChar":
            self._field(element.get(W + "fldCharType", ""))
        elif tag == W + "sym":
            return self._symbol(element)
        elif tag in (W + "footnoteReference", W + "endnoteReference"):
            found.notes.append((tag, element.get(W + "id", "")))
        elif tag in (W + "drawing", W + "pict", W + "object"):
            self._drawing(element, found)
        return ""

    def _shown(self, text: str) -> str:
        """The text, or nothing where it belongs to the instruction of a field."""
        if not any(self._fields):
            return text
        self._tally.hidden += len(text.strip())
        return ""

    def _fields_in(self, element: Element) -> None:
        """Fields that begin or end in text that is left out still begin and end."""
        for each in element.iter(W + "fldChar"):
            self._field(each.get(W + "fldCharType", ""))

    def _field(self, kind: str) -> None:
        if kind == "begin":
            self._fields.append(True)
        elif kind == "separate" and self._fields:
            self._fields[-1] = False
        elif kind == "end" and self._fields:
            self._fields.pop()

    def _symbol(self, element: Element) -> str:
        try:
            code = int(element.get(W + "char", ""), 16)
        except ValueError:
            code = 0
        shown = _SYMBOLS.get((element.get(W + "font", "").lower(), code & 0xFF))
        if shown is None:
            self._tally.symbols += 1
        return shown or ""

    def _drawing(self, element: Element, found: Paragraph) -> None:
        found.boxes += [box for box in element.iter(W + "txbxContent") if _is_outermost(box, element)]
        for each in element.iter(CHART + "chart"):
            found.drawings.append(Drawing("chart", each.get(R + "id", "")))
        for each in element.iter(DIAGRAM + "relIds"):
            found.drawings.append(Drawing("diagram", each.get(R + "dm", "")))
        pictures = list(element.iter(PICTURE + "pic")) or list(element.iter(VML + "imagedata"))
        self._tally.pictures += len(pictures)


def paragraph_is_deleted(paragraph: Element) -> bool:
    """Whether a tracked change takes the end of this paragraph away, so that it joins the next one."""
    return paragraph.find(f"{W}pPr/{W}rPr/{W}del") is not None


def row_is_left_out(row: Element) -> tuple[bool, bool]:
    """(deleted by a tracked change, hidden) for a table row."""
    properties = row.find(W + "trPr")
    if properties is None:
        return False, False
    return properties.find(W + "del") is not None, is_on(properties.find(W + "hidden"))


def _length(element: Element, tag: str) -> int:
    return sum(len(each.text or "") for each in element.iter(W + tag))


def _is_outermost(box: Element, top: Element) -> bool:
    """Whether a text box is neither the copy for old programs nor inside another text box."""
    at = box.getparent()
    while at is not None and at is not top:
        if at.tag in (CHOICE + "Fallback", W + "txbxContent"):
            return False
        at = at.getparent()
    return True
