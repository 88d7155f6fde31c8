"""The web application: pages, API, and the walls around them."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import Depends, FastAPI
from starlette.datastructures import Headers
from starlette.types import Scope

from app.access.channel import Channel, channel
from app.api import (
    answers,
    ask,
    assistants,
    audit,
    calibration,
    care,
    checkup,
    collections,
    conversations,
    document_parts,
    documents,
    evaluations,
    feedback,
    gaps,
    golden,
    golden_cases,
    grants,
    groups,
    health,
    jobs,
    keys,
    messages,
    metrics,
    monitoring,
    monitoring_history,
    playground,
    preview,
    reading,
    reindex,
    rerank,
    search,
    session,
    snippets,
    suspicious,
    trash,
    users,
)
from app.api.credentials import Credentials, operator_or
from app.api.envelope import Envelope
from app.api.idempotency import Idempotency
from app.api.large_body import LargeBodyProblem, fits
from app.api.limits import LimitHeaders, limited, limits_of
from app.api.openai import chat, embeddings, models
from app.api.openapi import describe_api
from app.api.permitted import permitted
from app.api.problems import install
from app.api.telemetry import Telemetry
from app.conversations.runs import Runs
from app.evaluation.background import Evaluations
from app.gaps.collecting import Collector
from app.gate import Gate
from app.monitoring.recorder import Recorder
from app.services import Services
from app.web import account, docs, inspecting, managing, pages, signing_in, watching
from app.web.encoding import SharedJson
from app.web.error_pages import ErrorPages
from app.web.headers import SameOrigin, SecurityHeaders

MAX_BODY_BYTES = 64_000  # a question and an instruction; nothing is uploaded here yet
WAITING_EVALUATIONS = 8  # one is asked at a time
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
        Gate(concurrency=settings.embed_api.concurrency, queue=settings.embed_api.queue, name="embed"),
        Gate(concurrency=1, queue=WAITING_EVALUATIONS, name="evaluate"),
    )

    runs = Runs(services, gates[0])
    background = Evaluations(services, gates[5], gates[0])
    collector = Collector(services)
    recorder = Recorder(services, gates, now=lambda: datetime.now(UTC))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ending = threading.Event()
        runs.open()
        background.open()
        recorder.start()
        loading = (services, runs, background, ending)
        threading.Thread(target=_load, args=loading, name="load", daemon=True).start()
        try:
            yield
        finally:
            ending.set()
            services.ingestion.board.close()  # whoever watches a job lets go of it without ending it
            await runs.close()
            await background.close()
            await asyncio.gather(*(gate.close() for gate in gates))
            await asyncio.to_thread(recorder.close)
            await asyncio.to_thread(collector.close)
            await asyncio.to_thread(services.close)

    app = FastAPI(
        title="Touchstone",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(permitted), Depends(fits), Depends(limited)],
    )
    app.state.services = services
    app.state.runs = runs
    app.state.evaluations = background
    app.state.gaps = collector
    app.state.gates = gates
    app.state.gate, app.state.rerank_gate, app.state.writing_gate, app.state.preview_gate = gates[:4]
    app.state.embed_gate = gates[4]
    app.state.limits = limits_of(settings)
    install(app)
    uploads = documents.routes(settings.ingest.max_file_bytes, settings.jobs.upload_idle_s)
    previews = preview.routes(settings.ingest.max_file_bytes, settings.jobs.upload_idle_s)
    judging = rerank.routes(settings.rerank_api)
    openai = (chat.routes, embeddings.routes(settings.embed_api), models.routes)
    reads = (health.routes, reading.routes, ask.routes, answers.routes, checkup.routes, care.routes)
    people = (session.routes, users.routes, groups.routes, grants.routes, keys.routes, audit.routes)
    # collections last, and uploads and previews first: the names in their addresses may hold slashes
    parts = (document_parts.routes, golden_cases.routes, golden.routes, evaluations.routes)
    keeps = (uploads, previews, *parts, reindex.routes, trash.routes, suspicious.routes, collections.routes)
    shown = pages.load()
    seen = (
        signing_in.routes(services.accounts, settings.access, shown),
        account.routes(services, shown),
        docs.routes(shown),
        inspecting.routes(shown),
        watching.routes(services, shown),
        managing.routes(services, shown),
        pages.router(shown),
    )
    talks = (conversations.routes, messages.routes, feedback.routes, gaps.routes, search.routes)
    helpers = (assistants.routes, snippets.routes)
    measured = (calibration.routes, monitoring.routes, monitoring_history.routes, metrics.routes)
    works = (playground.routes(settings.rerank_api), *measured, jobs.routes)
    for router in (*reads, *talks, *helpers, *people, judging, *openai, *works, *keeps, *seen):
        app.include_router(router, max_body_size=MAX_BODY_BYTES)
    describe_api(app, accounts=settings.access.mode == "accounts")
    app.add_middleware(
        Idempotency,
        keys=services.idempotency_keys,
        body_limit=MAX_BODY_BYTES,
        body_limits={documents.ADDRESS: settings.ingest.max_file_bytes + documents.ROOM},
    )
    app.add_middleware(LimitHeaders)
    app.add_middleware(LargeBodyProblem)
    app.add_middleware(SharedJson)
    app.add_middleware(ErrorPages, pages=shown)
    _wall(app, services)
    return app


def _wall(app: FastAPI, services: Services) -> None:
    """What a request passes before its body is read; the last that is added is met first."""
    settings, accounts = services.settings, services.accounts
    server, access = settings.server, settings.access

    def came_over(scope: Scope) -> Channel:
        client = scope.get("client")
        return channel(
            scheme=scope["scheme"],
            host=Headers(scope=scope).get("host", ""),
            client=client[0] if client else "",
            public_origin=server.public_origin,
            allow_insecure_http=access.allow_insecure_http,
        )

    lookups = None
    if access.mode == "accounts":
        lookups = (operator_or(accounts.by_key, services.lock.token), accounts.by_session)
    app.add_middleware(Credentials, lookups=lookups, channel=came_over, recheck_s=access.recheck_s)
    hosts = ("localhost", *server.allowed_hosts)
    app.add_middleware(SameOrigin, hosts=hosts, public_origin=server.public_origin)
    app.add_middleware(Envelope)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(Telemetry, metrics=services.metrics, log_requests=settings.log.requests)


def _load(services: Services, runs: Runs, background: Evaluations, ending: threading.Event) -> None:
    """Load and set to work; what is in the way and may go by itself is waited for."""
    while not ending.is_set():
        try:
            runs.recover()
            background.recover()
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
