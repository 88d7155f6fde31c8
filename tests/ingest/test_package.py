"""Whatever a ZIP holds, reading it ends soon, with text or a reason."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from ingest import sheets, slides, word
from ingest.errors import IngestError
from ingest.package import open_package
from tests.ingest.office import LIMITS, Read, codes, paragraph, reading, zipped
from tests.ingest.office import word as make_word

READERS: tuple[Read, ...] = (word.read, slides.read, sheets.read)


def parts_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def refused(data: bytes, read: Read = word.read) -> IngestError:
    with pytest.raises(IngestError) as caught:
        read(data, LIMITS, "", lambda *_: None)
    return caught.value


def test_part_that_unpacks_out_of_proportion_is_refused_unread() -> None:
    bomb = make_word(paragraph("x"), parts={"word/bomb1.xml": " " * 30_000_000})
    assert len(bomb) < 100_000
    error = refused(bomb)
    assert error.code == "too_large"
    assert str(error).startswith("word/bomb1.xml unpacks to 30,000,000 bytes")


def test_package_over_the_unpacked_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.package._MAX_UNPACKED", 2_000)
    error = refused(make_word(paragraph("x" * 3_000)))
    assert error.code == "too_large"
    assert "more than the limit of 2,000" in str(error)


def test_size_that_the_directory_lies_about_is_not_exceeded() -> None:
    data = bytearray(make_word(paragraph("x" * 5_000)))
    size = len(parts_of(bytes(data))["word/document.xml"])
    lying = bytes(data).replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != bytes(data)
    assert refused(lying).code == "damaged"


def test_too_many_parts_are_refused() -> None:
    many = {f"word/p{number}.xml": b"" for number in range(20_100)}
    assert refused(zipped(many, zipfile.ZIP_STORED)).code == "too_large"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_before_any_parser_sees_them(encoding: str) -> None:
    parts = parts_of(make_word(paragraph("x")))
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    parts["word/document.xml"] = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE d [<!ENTITY a0 "ha">{laughs}]>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
        "<w:p><w:r><w:t>&a9;</w:t></w:r></w:p></w:body></w:document>"
    ).encode(encoding)
    error = refused(zipped(parts))
    assert error.code == "damaged"
    assert "declares XML entities" in str(error)


def test_external_entity_reads_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET")
    parts = parts_of(make_word(paragraph("x")))
    body = parts["word/document.xml"].replace(
        b"<w:document", f'<!DOCTYPE d [<!ENTITY s SYSTEM "{secret}">]><w:document'.encode()
    )
    parts["word/document.xml"] = body.replace(b">x<", b">&s;<")
    assert refused(zipped(parts)).code == "damaged"


def test_links_out_of_the_file_are_not_followed_and_dangling_ones_do_no_harm() -> None:
    parts = parts_of(make_word(paragraph("Text.")))
    name = "word/_rels/document.xml.rels"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts[name] = parts[name].replace(
        b"</Relationships>",
        f'<Relationship Id="x1" Type="{kind}/attachedTemplate" Target="http://127.0.0.1:9/t.dotm" '
        'TargetMode="External"/>'
        f'<Relationship Id="x2" Type="{kind}/image" Target="NULL"/>'
        f'<Relationship Id="x3" Type="{kind}/hyperlink" Target="http://127.0.0.1:9/" TargetMode="External"/>'
        f'<Relationship Id="x4" Type="{kind}/image" Target="../../../etc/passwd"/>'
        f'<Relationship Id="x5" Type="{kind}/oleObject" Target="embeddings/a.bin"/></Relationships>'.encode(),
    )
    parsed = reading(word.read, zipped(parts))
    assert parsed.text == "Text."
    assert codes(parsed) == {
        "external_links_not_followed": {"count": "1"}, "embedded_files_left_out": {"count": "1"},
    }  # fmt: skip


def test_names_that_climb_out_of_the_archive_are_only_names() -> None:
    data = make_word(paragraph("Text."), parts={"../../evil.xml": "<x/>", "C:\\evil.xml": "<x/>"})
    assert reading(word.read, data).text == "Text."


def test_names_with_backslashes_are_read() -> None:
    parts = parts_of(make_word(paragraph("Text.")))
    data = zipped({name.replace("/", "\\"): part for name, part in parts.items()})
    assert reading(word.read, data).text == "Text."


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:200] + b"\x00" * 300 + data[500:],
        lambda data: zipped({**parts_of(data), "_rels/.rels": b"<Relationships/>"}),
        lambda data: zipped({**parts_of(data), "[Content_Types].xml": b"<Types/>"}),
        lambda data: zipped({name: part for name, part in parts_of(data).items() if "document" not in name}),
    ],
)
def test_broken_packages_are_damaged_in_every_reader(read: Read, damage: Callable[[bytes], bytes]) -> None:
    error = refused(damage(make_word(paragraph("x" * 2_000))), read)
    assert error.code == "damaged"
    assert re.search("again|anew", str(error))


def test_password_of_a_zip_is_told() -> None:
    data = bytearray(make_word(paragraph("x")))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(mark, at + 4)
    assert refused(bytes(data)).code == "encrypted"


def test_workbook_is_read_in_spite_of_a_fill_that_openpyxl_refuses() -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    book.active["A1"], book.active["A1"].number_format = 0.5, "0%"
    book.save(file)
    parts = parts_of(file.getvalue())
    parts["xl/styles.xml"] = re.sub(rb"<fill>.*?</fill>", b"<fill/>", parts["xl/styles.xml"])
    with pytest.raises(TypeError):
        openpyxl.load_workbook(io.BytesIO(zipped(parts)))
    assert reading(sheets.read, zipped(parts)).text == "Sheet\n\n50%"


def test_only_xml_is_taken_out() -> None:
    package = open_package(
        make_word(paragraph("x"), parts={"word/media/a.png": "x", "word/vbaProject.bin": "x"})
    )
    assert sorted(package.parts) == [
        "[Content_Types].xml", "_rels/.rels", "word/_rels/document.xml.rels", "word/document.xml",
        "word/styles.xml",
    ]  # fmt: skip
    assert package.macros
