"""``GET …/suspicious``: text that speaks to a model, for whoever keeps the documents."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from app.access.visible import Visible
from app.api.paging import PAGE, Cursor, Limit, page_of
from app.api.permitted import Asker
from app.api.state import services
from app.services import Services
from app.storage.suspicious import SuspiciousRow
from app.suspicious import SuspiciousView, suspicious_view

routes = APIRouter(prefix="/api", tags=["collections"])


@routes.get("/collections/{collection:path}/suspicious")
def suspicious(
    collection: str,
    held: Annotated[Services, Depends(services)],
    asker: Asker,
    document: Annotated[str | None, Query(min_length=1, max_length=1024)] = None,
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> SuspiciousView:
    """What in a knowledge base speaks to a language model; of one ``document`` all that is kept."""
    found = Visible(held.collections, asker).named(collection, "write")

    def page(rows: Sequence[SuspiciousRow]) -> tuple[Sequence[SuspiciousRow], str | None]:
        return page_of(rows, lambda row: row.name, cursor=cursor, limit=limit)

    return suspicious_view(held.database, found, document, page)
