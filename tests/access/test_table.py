"""The list of routes that readers see is the one that is asked before every route."""

from pathlib import Path

from app.access.table import table

DOCUMENT = Path(__file__).resolve().parents[2] / "app" / "docs" / "routes.md"


def test_documented_routes_are_those_of_the_table() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == table(), "python -m app.access.table > app/docs/routes.md"
