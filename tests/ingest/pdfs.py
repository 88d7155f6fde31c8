"""Writes small PDFs by hand, so that tests know every byte of them."""

import zlib
from collections.abc import Callable, Sequence

A4 = (595, 842)


def make_pdf(
    contents: Sequence[bytes],
    *,
    size: tuple[int, int] = A4,
    rotate: int = 0,
    title: str = "",
    outline: Sequence[tuple[str, int]] = (),
    compress: bool = False,
    crop: tuple[int, int, int, int] | None = None,
    annotations: Sequence[bytes] = (),
) -> bytes:
    """A PDF with one page for each content stream and a black 1×1 image as /Im1.

    Fonts, none of them embedded: Helvetica as /F1, Chinese as /F2, Chinese set downwards as /F3.
    ``outline``: titles with their page (from 1), all on the top level. ``crop`` is the crop box,
    ``annotations`` are dictionaries of annotations on the first page; those with /FT are fields of a form.
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
    chinese, downwards = (_add_chinese(add, mode) for mode in (b"H", b"V"))
    notes = [add(note) for note in annotations]
    kids = []
    box = b"/CropBox[%d %d %d %d]" % crop if crop else b""
    for number, content in enumerate(contents):
        data = zlib.compress(content, 9) if compress else content
        filters = b"/Filter/FlateDecode" if compress else b""
        stream = add(b"<</Length %d%s>>stream\n%s\nendstream" % (len(data), filters, data))
        kids.append(
            add(
                b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %d %d]%s/Rotate %d/Contents %d 0 R/Annots[%s]"
                b"/Resources<</Font<</F1 %d 0 R/F2 %d 0 R/F3 %d 0 R>>/XObject<</Im1 %d 0 R>>>>>>"
                % (
                    pages,
                    *size,
                    box,
                    rotate,
                    stream,
                    _references(notes if number == 0 else []),
                    font,
                    chinese,
                    downwards,
                    image,
                )
            )
        )
    root = _add_outline(objects, outline, kids) if outline else b""
    info = add(b"<</Title(%s)>>" % title.encode("latin-1"))
    fields = [note for note, body in zip(notes, annotations, strict=True) if b"/FT" in body]
    form = b"/AcroForm<</Fields[%s]/DA(/Helv 0 Tf)/DR<</Font<</Helv %d 0 R>>>>>>" % (
        _references(fields),
        font,
    )
    objects[catalog - 1] = b"<</Type/Catalog/Pages %d 0 R%s%s>>" % (pages, root, form if fields else b"")
    objects[pages - 1] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (_references(kids), len(kids))
    return _serialise(objects, catalog, info)


def text(x: float, y: float, words: str, *, size: float = 11, before: str = "") -> bytes:
    """Operators that show words at a point (from the bottom left); ``before`` sets colour or render mode."""
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"q {before} BT /F1 {size} Tf {x} {y} Td ({escaped}) Tj ET Q\n".encode("latin-1")


def han(x: float, y: float, words: str, *, size: float = 11, down: bool = False) -> bytes:
    """Operators that show Chinese at a point; set downwards, the point is the middle of the top."""
    font = "F3" if down else "F2"
    return f"BT /{font} {size} Tf {x} {y} Td <{words.encode('utf-16-be').hex()}> Tj ET\n".encode("latin-1")


def rules(xs: Sequence[float], ys: Sequence[float]) -> bytes:
    """Operators that draw the grid of a table: vertical lines at ``xs``, horizontal ones at ``ys``."""
    lines = [f"{x} {min(ys)} m {x} {max(ys)} l S" for x in xs]
    lines += [f"{min(xs)} {y} m {max(xs)} {y} l S" for y in ys]
    return ("q 0.5 w " + " ".join(lines) + " Q\n").encode()


def _references(numbers: Sequence[int]) -> bytes:
    return b" ".join(b"%d 0 R" % number for number in numbers)


def _add_chinese(add: Callable[[bytes], int], mode: bytes) -> int:
    descriptor = add(
        b"<</Type/FontDescriptor/FontName/STSong-Light/Flags 6/FontBBox[-25 -254 1000 880]/ItalicAngle 0"
        b"/Ascent 880/Descent -120/CapHeight 880/StemV 93>>"
    )
    system = b"<</Registry(Adobe)/Ordering(GB1)/Supplement 5>>"
    cid = add(
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/DW 1000/CIDSystemInfo%s"
        b"/FontDescriptor %d 0 R>>"
        % (system, descriptor)
    )
    return add(
        b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UTF16-%s/DescendantFonts[%d 0 R]>>"
        % (mode, cid)
    )


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
        len(objects) + 1,
        catalog,
        info,
        start,
    )
    return bytes(out)
