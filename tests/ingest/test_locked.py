"""Locked Office files open with their password, and say what is wrong without it."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pptx
import pytest

from ingest.errors import IngestError
from ingest.parse import parse
from tests.ingest.office import paragraph, word
from tests.ingest.sources import SETTINGS, source

agile = pytest.importorskip("msoffcrypto.method.ecma376_agile", reason="needs msoffcrypto-tool")
GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "office"
PASSWORD, CHINESE, OF_GOLDEN = "pass 1", "口令①", "Password1234_"


def _deck() -> bytes:
    deck, file = pptx.Presentation(), io.BytesIO()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    assert slide.shapes.title is not None
    slide.shapes.title.text = "kept secret"
    deck.save(file)
    return file.getvalue()


def _workbook() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    book.active.append(["kept", "secret"])
    book.save(file)
    return file.getvalue()


def _document() -> bytes:
    """Above 4 kB as all real ones: what is smaller lies in another part of the container."""
    filler = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(200))
    return word(paragraph("kept secret"), parts={"docProps/filler.xml": f"<a>{filler}</a>"})


def _locked(data: bytes, password: str = PASSWORD, spins: int = 1_000) -> bytes:
    locked: bytes = agile.ECMA376Agile.encrypt(password, io.BytesIO(data), spin_count=spins)
    return locked


def _refused(data: bytes, name: str, password: str) -> IngestError:
    with pytest.raises(IngestError) as caught:
        parse(source(data, name), SETTINGS, password=password)
    return caught.value


@pytest.mark.parametrize(
    ("name", "text"),
    [("locked_standard.docx", "lorem ipsum"), ("locked_agile.xlsx", "Sheet1\n\nlorem | ipsum")],
)
def test_files_locked_by_other_programs_open(name: str, text: str) -> None:
    data = (GOLDEN / name).read_bytes()
    assert parse(source(data, name), SETTINGS, password=OF_GOLDEN).text == text
    for password in ("", "guess-17"):
        assert _refused(data, name, password).code == "encrypted"


@pytest.mark.parametrize(
    ("make", "name", "text"),
    [
        (_document, "a.docx", "kept secret"),
        (_deck, "a.pptx", "kept secret"),
        (_workbook, "a.xlsx", "Sheet\n\nkept | secret"),
    ],
)
@pytest.mark.parametrize("password", [PASSWORD, CHINESE])
def test_locked_file_of_each_kind_is_read_as_the_open_one(
    make: Callable[[], bytes], name: str, text: str, password: str
) -> None:
    document = parse(source(_locked(make(), password), name), SETTINGS, password=password)
    assert document.text == text
    assert document.blocks == parse(source(make(), name), SETTINGS).blocks


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "a.docx: the file is locked with a password; give the password, or upload a copy without one"),
        ("guess-17", "a.docx: the password given does not open this file; check it and try again"),
        ("\ud800", "a.docx: the password given does not open this file; check it and try again"),
    ],
)
def test_locked_file_without_its_password_is_refused(password: str, message: str) -> None:
    error = _refused(_locked(_document()), "a.docx", password)
    assert (error.code, str(error)) == ("encrypted", message)


def test_file_that_office_2010_locks_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    class Office2010(agile.ECMA376AgileCipherParams):  # type: ignore[misc, name-defined] # carries no types
        def __init__(self) -> None:
            super().__init__()
            self.hashName, self.hashSize, self.keyBits = "SHA1", 20, 128

    encrypt = agile._encrypt_aes_cbc

    def padded(data: bytes, key: bytes, iv: bytes) -> bytes:  # 20 bytes are no whole blocks
        encrypted: bytes = encrypt(data.ljust(-(-len(data) // 16) * 16, b"\0"), key, iv)
        return encrypted

    monkeypatch.setattr(agile, "ECMA376AgileCipherParams", Office2010)
    monkeypatch.setattr(agile, "_encrypt_aes_cbc", padded)
    locked = _locked(_document())
    assert b'hashAlgorithm="SHA1"' in locked
    assert parse(source(locked, "a.docx"), SETTINGS, password=PASSWORD).text == "kept secret"


def test_workbook_that_excel_opens_without_asking_needs_no_password() -> None:
    locked = _locked(_workbook(), "VelvetSweatshop")
    assert parse(source(locked, "a.xlsx"), SETTINGS).text == "Sheet\n\nkept | secret"


def test_password_for_a_file_that_needs_none_does_no_harm() -> None:
    assert parse(source(_document(), "a.docx"), SETTINGS, password=PASSWORD).text == "kept secret"


def test_locked_file_under_the_name_of_another_kind_is_refused() -> None:
    error = _refused(_locked(_document()), "a.xlsx", PASSWORD)
    assert error.code == "unsupported_type"
    assert str(error) == "a.xlsx: what is locked in it is not what its name says; correct the name"


def test_locking_that_only_office_knows_is_told() -> None:
    agile_version, extensible_version = b"\x04\0\x04\0@\0\0\0<?xml", b"\x04\0\x03\0@\0\0\0<?xml"
    data = _locked(_document())
    assert data.count(agile_version) == 1
    error = _refused(data.replace(agile_version, extensible_version), "a.docx", PASSWORD)
    assert error.code == "encrypted"
    assert "locked in a way that only Office opens" in str(error)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"<?xml", b"<!xml"),
        lambda data: data.replace(b'spinCount="1000"', b'spinCount="1e99"'),
        lambda data: data.replace(b'keyBits="256"', b'keyBits="255"'),
    ],
)
def test_locked_file_that_is_damaged_is_told(damage: Callable[[bytes], bytes]) -> None:
    whole = _locked(_document())
    damaged = damage(whole) + "EncryptedPackage\0EncryptionInfo\0".encode("utf-16-le")
    assert not damaged.startswith(whole)
    error = _refused(damaged, "a.docx", PASSWORD)
    assert error.code == "damaged"
    assert "again" in str(error)
