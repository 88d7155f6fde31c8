"""A citation names the page its quote stands on, not every page of the chunk that was read."""

from pathlib import Path

from app.access.principal import LOCAL
from tests.flows.conftest import Open
from tests.ingest.pdfs import make_pdf, text

FILLER = "The supplier keeps a record of every visit and of all parts that were changed on the way."


def _page(*lines: str) -> bytes:
    return b"".join(text(50, 780 - 14 * number, line) for number, line in enumerate(lines))


FIRST = _page(*[FILLER] * 20, "", "The pump runs on oil.")  # longer than a chunk: short pages are kept apart
SECOND = _page("The valve is checked in March.", "", *[FILLER] * 8)


def test_page_is_that_of_the_quote(open_services: Open, tmp_path: Path) -> None:
    path = tmp_path / "manual.pdf"
    path.write_bytes(make_pdf([FIRST, SECOND]))
    services = open_services(tmp_path / "data")
    services.ingest([(path, "manual.pdf")], "manuals")
    row = services.documents.find(services.collections.named("manuals").id, "manual.pdf")
    assert row is not None
    spread = [each for each in services.chunks.of_document(row.id) if each.pages == (1, 2)]
    assert ["The pump runs on oil." in each.text for each in spread] == [True]
    assert "The valve is checked in March." in spread[0].text
    pump, valve = (
        services.answer(services.ask(question, principal=LOCAL)).answer.citations
        for question in ("What does the pump run on?", "When is the valve checked?")
    )
    assert [(each.quote, each.pages) for each in pump] == [("The pump runs on oil.", (1,))]
    assert [(each.quote, each.pages) for each in valve] == [("The valve is checked in March.", (2,))]
    with services.database.transaction() as connection:  # as a version of an older release was kept
        connection.execute("UPDATE version SET page_spans = '[]'")
    older = services.answer(services.ask("When is the valve checked?", principal=LOCAL)).answer.citations
    assert [each.pages for each in older] == [(1, 2)]
