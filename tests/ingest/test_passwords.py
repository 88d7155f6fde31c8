"""Locked PDFs open with their password, and say what is wrong without it."""

import io

import pypdf
import pytest

from ingest.errors import IngestError
from ingest.parse import parse
from tests.ingest.pdfs import make_pdf, text
from tests.ingest.sources import SETTINGS, source

WORD, CHINESE = "pass 1", "口令"


def _locked(password: str, algorithm: str = "AES-256") -> bytes:
    plain = make_pdf([text(50, 700, "kept secret")], title="Locked title")
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(plain))
    writer.encrypt(user_password=password, owner_password=f"{password}-owner", algorithm=algorithm)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_locked_pdf_opens_with_its_password(algorithm: str) -> None:
    document = parse(source(_locked(WORD, algorithm), "a.pdf"), SETTINGS, password=WORD)
    assert (document.title, document.text) == ("Locked title", "kept secret")


def test_password_may_be_chinese() -> None:
    assert parse(source(_locked(CHINESE), "a.pdf"), SETTINGS, password=CHINESE).text == "kept secret"


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "a.pdf: the file is locked with a password; give the password, or upload a copy without one"),
        ("guess-17", "a.pdf: the password given does not open this file; check it and try again"),
    ],
)
def test_locked_pdf_without_its_password_is_refused(password: str, message: str) -> None:
    with pytest.raises(IngestError) as caught:
        parse(source(_locked(WORD), "a.pdf"), SETTINGS, password=password)
    assert (caught.value.code, str(caught.value)) == ("encrypted", message)


def test_password_for_a_file_that_needs_none_does_no_harm() -> None:
    plain = source(make_pdf([text(50, 700, "open")], title="Open title"), "a.pdf")
    document = parse(plain, SETTINGS, password=WORD)
    assert (document.title, document.text) == ("Open title", "open")


def test_pdf_locked_only_against_changes_opens_without_a_password() -> None:
    plain = make_pdf([text(50, 700, "free to read")], title="Open title")
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(plain))
    writer.encrypt(user_password="", owner_password=WORD, algorithm="AES-256")
    written = io.BytesIO()
    writer.write(written)
    document = parse(source(written.getvalue(), "a.pdf"), SETTINGS)
    assert (document.title, document.text) == ("Open title", "free to read")
