"""Is everything as it should be, on this machine and in this data directory?"""

import shutil
from collections.abc import Iterator

from app.catalogue import say
from app.result import View
from app.services import Services
from app.settings import Settings
from app.storage.suspicious import Suspicious
from ingest.errors import IngestError
from ingest.launch import zygote_obstacle
from ingest.settings import IngestSettings
from ingest.worker import shared_sandbox
from rerank.errors import RerankError
from rerank.guarded import GuardedReranker
from rerank.permit import Arithmetic
from retrieval.types import Notice

ENOUGH_BYTES = 2_000_000_000
Check = tuple[bool, str]
"""Whether it is as it should be, and the sentence."""


class CheckView(View):
    """One check; the sentence says what was found."""

    fine: bool
    sentence: str


class Checkup(View):
    """Every check, in order."""

    data: tuple[CheckView, ...]


def disk(settings: Settings) -> Check:
    """Room where the data is kept."""
    free = shutil.disk_usage(settings.data_dir).free
    return free > ENOUGH_BYTES, f"disk: {free / 1e9:.1f} GB free at {settings.data_dir}"


def inside(services: Services) -> Iterator[Check]:
    """Database, index and models of loaded services; the reranker judges pairs whose answer is known.

    Changes nothing, so it may run while questions are answered. Raises ``NotReady`` while models load.
    """
    models = services.models
    (integrity,) = services.database.connection().execute("PRAGMA quick_check").fetchone()
    yield integrity == "ok", f"database: {integrity}"
    for notice in services.notices:
        yield True, f"index: {say(notice, 'en')}"
    for each in services.collections.all():
        found, unseen = Suspicious(services.database).counts(each.id)
        flagged = f", {found} with suspicious text" if found else ""
        flagged += f", {unseen} never looked through for it" if unseen else ""
        yield True, f"collection {each.name!r}: {each.documents} documents, {each.chunks} chunks{flagged}"
    yield True, f"profile {models.profile}: {say(models.reason, 'en')}"
    yield True, f"embedder {models.embedder.identity}, {models.embedder.dim} dimensions"
    yield True, f"generator {models.generator.identity}"
    yield from _reranker(models.reranker)
    yield from token_checks(services)
    yield audit_check(services)
    yield from parser_checks(services.settings.ingest)


def parser_checks(settings: IngestSettings) -> Iterator[Check]:
    """How parser processes start here, and what the kernel keeps them from, found by trying."""
    sandbox = shared_sandbox()
    try:
        escapes = sandbox.escapes(settings)
    except (IngestError, OSError) as error:
        yield False, f"parser processes: {error}"
        return
    slow = f"one interpreter for each file, which is slow: {zygote_obstacle()}"
    yield True, f"parser processes: {'forked by a zygote' if sandbox.start == 'zygote' else slow}"
    if escapes:
        yield True, f"parser processes: this kernel does not keep a hijacked one from {', '.join(escapes)}"
    else:
        yield True, "parser processes: kept from network, other processes, other files and writing"


def audit_check(services: Services) -> Check:
    """Whether every entry of the audit log stands as it was written."""
    found = services.accounts.audit.verify()
    if not found.reason:
        return True, f"audit log: {found.entries} entries, each as it was written"
    return False, f"audit log: entry {found.broken_at}: {found.reason}; restore a backup from before it"


def token_checks(services: Services) -> Iterator[Check]:
    """How many chunks have their token ids stored; nothing where the reranker reads none."""
    stored = services.tokens.stored()
    if stored is not None:
        chunks = sum(each.chunks for each in services.collections.all())
        rest = "" if stored >= chunks else "; the rest follows while Touchstone runs"
        yield True, f"token ids: stored for {stored} of {chunks} chunks{rest}"


def _reranker(guarded: GuardedReranker) -> Iterator[Check]:
    status = guarded.status()
    wrong = [] if not status.trouble else list(guarded.notices())
    tested = None
    if not wrong:
        try:
            tested = guarded.examine()
        except RerankError as error:
            wrong = [Notice.of("reranker_unavailable", reranker=status.primary, reason=error)]
    for notice in guarded.limits():
        yield True, say(notice, "en")
    if guarded.arithmetic is not None:
        yield True, _arithmetic(guarded.arithmetic)
    for notice in wrong:
        yield False, say(notice, "en")
    if tested is None:
        yield bool(status.fallback), f"reranker in its place: {status.fallback or 'none'}"
        return
    yield (
        True,
        f"reranker {status.primary}: known-answer pairs right, smallest spread {tested.smallest_spread:.2f}",
    )
    budget = "none" if status.budget_s is None else f"{status.budget_s:g} s a question"
    yield True, f"fallback reranker: {status.fallback or 'none'}; latency budget: {budget}"


def _arithmetic(found: Arithmetic) -> str:
    """The dtype asked for and the one in use, with what was measured of it."""
    line = f"reranker weights {found.loaded.weights}: {found.asked} asked for, {found.used} in use"
    permit = found.permit
    if permit is None:
        return f"{line}, which needs no permit"
    return (
        f"{line}, permitted on {permit.at:%Y-%m-%d} by {permit.pairs} pairs of {permit.set_name!r}: tau "
        f"{permit.kendall_tau:.3f}, top 3 agreement {permit.top_3_agreement:.3f}; floor {permit.floor:.3f} "
        f"parts {permit.disagreements} pairs otherwise than float32, 0.5 would {permit.disagreements_at_half}"
    )
