"""The web application: pages, API, and the walls around them."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.api import ask, documents, health, reading, rerank
from app.api.large_body import LargeBodyProblem
from app.api.problems import install
from app.gate import Gate
from app.services import Services
from app.web import pages
from app.web.headers import SameOrigin, SecurityHeaders

MAX_BODY_BYTES = 64_000  # a question and an instruction; nothing is uploaded here yet
log = logging.getLogger(__name__)


def create_app(services: Services) -> FastAPI:
    """The application around services that may still be loading; it starts their loading and closes them."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=_load, args=(services,), name="load", daemon=True).start()
        try:
            yield
        finally:
            app.state.gate.close()
            await asyncio.to_thread(services.close)

    app = FastAPI(title="Touchstone", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.services = services
    app.state.gate = Gate(
        concurrency=services.settings.server.concurrency, queue=services.settings.server.queue
    )
    install(app)
    uploads = documents.routes(services.settings.ingest.max_file_bytes)
    judging = rerank.routes(services.settings.rerank_api)
    for router in (health.routes, reading.routes, ask.routes, uploads, judging, pages.router()):
        app.include_router(router, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(LargeBodyProblem)
    app.add_middleware(SameOrigin, hosts=("localhost",))
    app.add_middleware(SecurityHeaders)
    return app


def _load(services: Services) -> None:
    try:
        services.load(demo=services.settings.demo)
    except Exception:
        log.exception("starting failed")
