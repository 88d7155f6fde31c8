"""A quote from a scan is checked like any other, and is said to have been read by machine."""

from pathlib import Path

from app.access.principal import LOCAL
from retrieval.types import Notice
from tests.flows.conftest import Open
from tests.ingest.pdfs import make_pdf, text

SCAN = b"q 595 0 0 842 0 0 cm /Im1 Do Q\n"
LAYER = text(50, 600, "The warranty of the pump ends after five years of use.", before="3 Tr")
TYPED = text(50, 600, "The valve is checked every second month by the supplier.")


def test_quote_from_a_scanned_page_names_itself_and_one_from_a_typed_page_does_not(
    open_services: Open, tmp_path: Path
) -> None:
    path = tmp_path / "manual.pdf"
    path.write_bytes(make_pdf([SCAN + LAYER, TYPED]))
    services = open_services(tmp_path / "data")
    services.ingest([(path, "manual.pdf")], "manuals")
    scanned = services.answer(services.ask("When does the warranty of the pump end?", principal=LOCAL))
    assert [citation.pages for citation in scanned.answer.citations] == [(1,)]
    assert scanned.answer.citations[0].quote == "The warranty of the pump ends after five years of use."
    assert Notice.of("quote_read_by_machine", number=1, document="manual.pdf") in scanned.notices
    typed = services.answer(services.ask("How often is the valve checked?", principal=LOCAL))
    assert [citation.pages for citation in typed.answer.citations] == [(2,)]
    assert "quote_read_by_machine" not in {notice.code for notice in typed.notices}
