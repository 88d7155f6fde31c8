"""Writes small PDFs by hand, so that tests know every byte of them."""

import zlib
from collections.abc import Sequence

A4 = (595, 842)


def make_pdf(
    contents: Sequence[bytes],
    *,
    size: tuple[int, int] = A4,
    rotate: int = 0,
    title: str = "",
    outline: Sequence[tuple[str, int]] = (),
    compress: bool = False,
) -> bytes:
    """A PDF with one page for each content stream, Helvetica as /F1 and a black 1×1 image as /Im1.

    ``outline``: titles with their page (from 1), all on the top level.
    """
    objects: list[bytes] = []

    def add(body: bytes) -> int:
        objects.append(body)
        return len(objects)

    catalog, pages, font = add(b""), add(b""), add(b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
    image = add(
        b"<</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8/Length 1>>"
        b"stream\n\x00\nendstream"
    )
    kids = []
    for content in contents:
        data = zlib.compress(content, 9) if compress else content
        filters = b"/Filter/FlateDecode" if compress else b""
        stream = add(b"<</Length %d%s>>stream\n%s\nendstream" % (len(data), filters, data))
        kids.append(add(
            b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %d %d]/Rotate %d/Contents %d 0 R"
            b"/Resources<</Font<</F1 %d 0 R>>/XObject<</Im1 %d 0 R>>>>>>"
            % (pages, *size, rotate, stream, font, image)
        ))
    root = _add_outline(objects, outline, kids) if outline else b""
    info = add(b"<</Title(%s)>>" % title.encode("latin-1"))
    objects[catalog - 1] = b"<</Type/Catalog/Pages %d 0 R%s>>" % (pages, root)
    refs = b" ".join(b"%d 0 R" % kid for kid in kids)
    objects[pages - 1] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (refs, len(kids))
    return _serialise(objects, catalog, info)


def text(x: float, y: float, words: str, *, size: float = 11, before: str = "") -> bytes:
    """Operators that show words at a point (from the bottom left); ``before`` sets colour or render mode."""
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"q {before} BT /F1 {size} Tf {x} {y} Td ({escaped}) Tj ET Q\n".encode("latin-1")


def _add_outline(objects: list[bytes], outline: Sequence[tuple[str, int]], kids: list[int]) -> bytes:
    root = len(objects) + 1
    first = root + 1
    last = root + len(outline)
    objects.append(b"<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>" % (first, last, len(outline)))
    for index, (title, page) in enumerate(outline):
        number = first + index
        links = b"" if number == last else b"/Next %d 0 R" % (number + 1)
        links += b"" if number == first else b"/Prev %d 0 R" % (number - 1)
        objects.append(
            b"<</Title(%s)/Parent %d 0 R/Dest[%d 0 R/Fit]%s>>"
            % (title.encode("latin-1"), root, kids[page - 1], links)
        )
    return b"/Outlines %d 0 R" % root


def _serialise(objects: list[bytes], catalog: int, info: int) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root %d 0 R/Info %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, catalog, info, start,
    )
    return bytes(out)
