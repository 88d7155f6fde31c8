"""What a file is, is told by what it holds, not by its name."""

import io

import docx
import openpyxl
import pptx
import pytest

from ingest.containers import SHEETS, SLIDES, WORD
from ingest.errors import IngestError
from ingest.load import sniff
from tests.ingest.office import zipped

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def _saved(document: object) -> bytes:
    file = io.BytesIO()
    document.save(file)  # type: ignore[attr-defined]  # three libraries, one method
    return file.getvalue()


def _old(stream: str) -> bytes:
    return OLE2 + stream.encode("utf-16-le").ljust(64, b"\0")


LOCKED = _old("EncryptedPackage") + _old("EncryptionInfo")


@pytest.mark.parametrize(("name", "media_type"), [("a.docx", WORD), ("A.PPTX", SLIDES), ("a.xlsm", SHEETS)])
def test_locked_office_file_is_taken_for_what_its_name_says(name: str, media_type: str) -> None:
    assert sniff(LOCKED, name) == media_type


@pytest.mark.parametrize("name", ["a.docx", "a.bin", "a.md", "a"])
def test_office_files_are_known_by_their_parts(name: str) -> None:
    assert sniff(_saved(docx.Document()), name) == WORD
    assert sniff(_saved(pptx.Presentation()), name) == SLIDES
    assert sniff(_saved(openpyxl.Workbook()), name) == SHEETS


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        (b"<p>Hello", "a.html", "text/html"),
        ("<html><p>知识".encode("utf-16"), "a.htm", "text/html"),
        (b"\xef\xbb\xbf<!DOCTYPE HTML><p>x", "page.aspx", "text/html"),
        ("知識".encode("big5").join((b"<meta charset=big5><p>", b"")), "a.html", "text/html"),
        (b"a,b\n1,2\n", "a.csv", "text/csv"),
        (b"a\tb\n", "A.TSV", "text/tab-separated-values"),
        (b"# not <html>", "a.md", "text/markdown"),
    ],
)
def test_pages_and_tables_are_known_by_name_and_content(data: bytes, name: str, media_type: str) -> None:
    assert sniff(data, name) == media_type


@pytest.mark.parametrize(
    ("data", "name", "code", "message"),
    [
        (
            _old("WordDocument"),
            "a.docx",
            "unsupported_type",
            r"an old Word file \(\.doc\); save it as \.docx",
        ),
        (_old("Workbook"), "a.xls", "unsupported_type", r"an old Excel file \(\.xls\); save it as \.xlsx"),
        (_old("PowerPoint Document"), "a.ppt", "unsupported_type", r"save it as \.pptx"),
        (_old("Other"), "a.msg", "unsupported_type", "an old binary Office file"),
        (_old("EncryptedPackage"), "a.docx", "encrypted", "locked by rights management; .* save a copy"),
        (LOCKED, "a.doc", "encrypted", r"locked with a password; name it \.docx, \.pptx or \.xlsx"),
        (LOCKED, "a.pdf", "encrypted", r"locked with a password; name it \.docx"),
        (b"plain words", "a.docx", "unsupported_type", r"not a Word file .* under a \.docx name"),
        (b"<html>Login", "a.xlsx", "unsupported_type", r"a web page \(a login page\?\) under a \.xlsx name"),
        (b"<html>Login", "a.csv", "unsupported_type", r"a web page .* under a \.csv name"),
        (b"just words", "a.html", "unsupported_type", "no HTML in it; rename it to .txt"),
        (zipped({"a.txt": "x"}), "a.docx", "unsupported_type", "a ZIP archive, not a Word"),
        (
            zipped({"mimetype": "x", "META-INF/manifest.xml": "x"}),
            "a.odt",
            "unsupported_type",
            "OpenDocument",
        ),
        (zipped({"[Content_Types].xml": "x", "xl/workbook.bin": "x"}), "a.xlsb", "unsupported_type", "xlsb"),
        (zipped({"a.txt": "x"})[:30], "a.docx", "damaged", "damaged or cut off"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_way_out(
    data: bytes, name: str, code: str, message: str
) -> None:
    with pytest.raises(IngestError, match=message) as caught:
        sniff(data, name)
    assert caught.value.code == code
    assert str(caught.value).startswith(f"{name}: ")


def test_archive_behind_other_bytes_or_with_a_comment_is_still_told() -> None:
    data = _saved(docx.Document())
    assert sniff(data + b"trailing", "a.docx") == WORD


def test_directory_that_never_ends_is_left_early() -> None:
    entry = b"PK\x01\x02" + bytes(24) + b"\x01\x00" + bytes(16) + b"a"
    endless = b"PK\x03\x04" + entry * 200_000
    size = len(entry) * 200_000
    end = b"PK\x05\x06" + bytes(8) + size.to_bytes(4, "little") + (4).to_bytes(4, "little") + bytes(2)
    with pytest.raises(IngestError, match="a ZIP archive"):
        sniff(endless + end, "a.docx")
