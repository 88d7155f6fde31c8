"""The web application: pages, API, and the walls around them."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI

from app.access.principal import LOCAL
from app.api import (
    answers,
    ask,
    care,
    checkup,
    collections,
    documents,
    health,
    jobs,
    preview,
    reading,
    reindex,
    rerank,
    trash,
)
from app.api.credentials import Credentials
from app.api.large_body import LargeBodyProblem
from app.api.permitted import permitted
from app.api.problems import install
from app.gate import Gate
from app.services import Services
from app.web import pages
from app.web.headers import SameOrigin, SecurityHeaders

MAX_BODY_BYTES = 64_000  # a question and an instruction; nothing is uploaded here yet
WRITERS, WAITING_WRITERS = 4, 16  # threads that delete or watch a reindex; the library orders what they write
PREVIEWS, WAITING_PREVIEWS = 2, 6
RETRY_S = 2.0  # between two tries to start, while a Chroma server, the disk or the database is not ready
log = logging.getLogger(__name__)


def create_app(services: Services) -> FastAPI:
    """The application around services that may still be loading; it starts their loading and closes them."""
    settings = services.settings
    gates = (
        Gate(concurrency=settings.server.concurrency, queue=settings.server.queue),
        Gate(
            concurrency=settings.rerank_api.concurrency, queue=settings.rerank_api.queue, name="rerank-api"
        ),
        Gate(concurrency=WRITERS, queue=WAITING_WRITERS, name="write"),
        Gate(concurrency=PREVIEWS, queue=WAITING_PREVIEWS, name="preview"),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ending = threading.Event()
        threading.Thread(target=_load, args=(services, ending), name="load", daemon=True).start()
        try:
            yield
        finally:
            ending.set()
            services.ingestion.board.close()  # whoever watches a job lets go of it without ending it
            await asyncio.gather(*(gate.close() for gate in gates))
            await asyncio.to_thread(services.close)

    app = FastAPI(
        title="Touchstone",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(permitted)],
    )
    app.state.services = services
    app.state.gate, app.state.rerank_gate, app.state.writing_gate, app.state.preview_gate = gates
    install(app)
    uploads = documents.routes(settings.ingest.max_file_bytes, settings.jobs.upload_idle_s)
    previews = preview.routes(settings.ingest.max_file_bytes, settings.jobs.upload_idle_s)
    judging = rerank.routes(settings.rerank_api)
    reads = (health.routes, reading.routes, ask.routes, answers.routes, checkup.routes, care.routes)
    # collections last, and uploads and previews first: the names in their addresses may hold slashes
    keeps = (uploads, previews, reindex.routes, trash.routes, collections.routes)
    for router in (*reads, judging, jobs.routes, *keeps, pages.router()):
        app.include_router(router, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(LargeBodyProblem)
    app.add_middleware(Credentials, authenticate=lambda _: LOCAL)
    app.add_middleware(SameOrigin, hosts=("localhost",))
    app.add_middleware(SecurityHeaders)
    return app


def _load(services: Services, ending: threading.Event) -> None:
    """Load and set to work; what is in the way and may go by itself is waited for."""
    while not ending.is_set():
        try:
            services.load(demo=services.settings.demo)
            services.ingestion.start()
            services.caretaker.start()
            return
        except Exception as error:
            if services.state.name == "failed":
                log.exception("starting failed")
                return
            log.warning("starting waits: %s", error)
            ending.wait(RETRY_S)
