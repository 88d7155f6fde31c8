"""The pages that manage what is there, from documents to people. What they show comes from ``/api``."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.access.principal import Principal
from app.catalogue import sentences
from app.services import Services
from app.web.pages import Pages
from ingest.load import SUFFIXES


def routes(services: Services, pages: Pages) -> APIRouter:
    """``GET /documents`` for everybody, as far as he may; ``/gaps`` for editors, ``/people`` for admins.

    Beside the page stands what no route of the API tells: the formats that are read, the sentences of
    notices, and whether there are accounts at all.
    """
    made = APIRouter(include_in_schema=False)
    settings = services.settings

    @made.get("/documents")
    def documents(request: Request) -> Response:
        asker: Principal = request.state.principal
        given = {
            "accept": ",".join(SUFFIXES),
            "makes": asker.is_at_least("editor") and asker.only is None,
            "notices": sentences(pages.language(request)),
        }
        return pages.page(
            request,
            "documents.html",
            section="page.documents",
            given=given,
            most_megabytes=settings.ingest.max_file_bytes // 1_000_000,
        )

    @made.get("/gaps")
    def gaps(request: Request) -> Response:
        return pages.page(request, "gaps.html", section="page.gaps")

    @made.get("/assistants")
    def assistants(request: Request) -> Response:
        return pages.page(request, "assistants.html", section="page.assistants")

    @made.get("/people")
    def people(request: Request) -> Response:
        accounts = settings.access.mode == "accounts"
        return pages.page(request, "people.html", section="page.people", accounts=accounts)

    return made
