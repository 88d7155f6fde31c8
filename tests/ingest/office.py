"""Office files for tests: packages written by hand, as Word and its kin write them."""

import io
import zipfile
from collections.abc import Callable, Mapping

from ingest.readers import Limits
from ingest.wire import Parsed

LIMITS = Limits(max_pages=50, max_characters=100_000)
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_PACKAGE_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
_STYLES_TYPE = WORD_TYPE.replace("document.main", "styles")
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
Read = Callable[[bytes, Limits, str, Callable[[int, int], None]], Parsed]


def reading(read: Read, data: bytes, limits: Limits = LIMITS) -> Parsed:
    """What a reader makes of a file, with the promises checked that every reader gives."""
    heard: list[tuple[int, int]] = []
    parsed = read(data, limits, "", lambda done, total: heard.append((done, total)))
    assert all(0 <= done <= total and total >= 1 for done, total in heard)
    position = 0
    for block in parsed.blocks:
        assert position <= block.start <= block.end <= len(parsed.text)
        text = parsed.text[block.start : block.end]
        assert text == text.strip("\n")
        position = block.end
    covered = "".join(parsed.text[block.start : block.end] for block in parsed.blocks)
    assert "".join(covered.split()) == "".join(parsed.text.split())
    return parsed


def codes(parsed: Parsed) -> dict[str, dict[str, str]]:
    """The values of each notice by its code."""
    return {notice.code: dict(notice.values) for notice in parsed.notices}


def blocks(parsed: Parsed) -> list[tuple[str, str]]:
    """(kind, text) of each block; labels, which have no text, by their title in brackets."""
    return [(b.kind, parsed.text[b.start : b.end] or f"[{b.title}]") for b in parsed.blocks]


def zipped(parts: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these parts, the same whenever it is made."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = method
            archive.writestr(entry, data)
    return packed.getvalue()


def word(
    body: str,
    *,
    styles: str = "",
    numbering: str = "",
    parts: Mapping[str, str] | None = None,
    main_type: str = WORD_TYPE,
) -> bytes:
    """A .docx whose body, styles and lists are this XML; ``parts`` are further parts by name.

    Parts called word/<kind>.xml are related to the document by the type of that kind.
    """
    found = {"word/styles.xml": _root("styles", styles), **(parts or {})}
    if numbering:
        found["word/numbering.xml"] = _root("numbering", numbering)
    related = "".join(
        f'<Relationship Id="r{n}" Type="{R}/{name[5:-4].rstrip("0123456789")}" Target="{name[5:]}"/>'
        for n, name in enumerate(found)
        if name.startswith("word/") and name.endswith(".xml")
    )
    kinds = (
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Default Extension="rels" ContentType="{_PACKAGE_TYPE}"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main_type}"/>'
        f'<Override PartName="/word/styles.xml" ContentType="{_STYLES_TYPE}"/>'
    )
    top = f'<Relationship Id="r" Type="{R}/officeDocument" Target="word/document.xml"/>'
    whole = {
        "[Content_Types].xml": f'{_XML}<Types xmlns="{_TYPES}">{kinds}</Types>',
        "_rels/.rels": f'{_XML}<Relationships xmlns="{_RELS}">{top}</Relationships>',
        "word/document.xml": _root("document", f"<w:body>{body}</w:body>"),
        "word/_rels/document.xml.rels": f'{_XML}<Relationships xmlns="{_RELS}">{related}</Relationships>',
    }
    return zipped({**whole, **found})


def _root(name: str, inner: str) -> str:
    return (
        f'{_XML}<w:{name} xmlns:w="{W}" xmlns:r="{R}" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
        'xmlns:v="urn:schemas-microsoft-com:vml" '
        'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" '
        'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math">'
        f"{inner}</w:{name}>"
    )


def footnotes(inner: str) -> str:
    """The XML of a footnotes part."""
    return _root("footnotes", inner)


def paragraph(text: str, properties: str = "") -> str:
    """A paragraph of one run."""
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
