"""Which models run: the one place that knows every adapter.

Adapters are imported where they are built, so that a profile loads only what it runs: the starter profile
needs neither torch nor a network.
"""

import logging
from typing import Literal

from app.errors import SettingsError, TouchstoneError
from app.models import Models
from app.permits import permit_folder, read_permits
from app.settings import Settings
from app.weights import ROLES, Located, locate, role_settings
from generation.protocols import Generator
from rerank.breaker import CircuitBreaker
from rerank.budget import CPU_BUDGET_S, LatencyBudget
from rerank.errors import RerankError
from rerank.guarded import GuardedReranker
from rerank.protocols import HasDevice, PassageTokenizer, Reranker
from retrieval.protocols import Embedder, SoftStatistics
from retrieval.types import Notice

log = logging.getLogger(__name__)


class ModelsMissing(TouchstoneError):
    """The profile asks for weights that are not on this disk."""

    code = "models_missing"


def build_models(settings: Settings, statistics: SoftStatistics) -> Models:
    """The models of the profile that is set, or of the best one possible here (``auto``).

    Raises ``ModelsMissing`` or ``SettingsError`` naming what lacks and how to get it. A reranker that
    cannot be loaded or fails its self-test is left out, and the lexical one judges in its place.
    """
    profile, reason = choose_profile(settings)
    if profile == "starter":
        return _starter(settings, reason, statistics)
    located = {role: locate(settings, role) for role in ROLES}
    embedder = _embedder(settings, located["embedder"])
    generator = _generator(settings, located["generator"])
    reranker = _guarded_model(settings, located["reranker"], statistics)
    return Models(profile, reason, embedder, reranker, generator, rewrites=True)


def build_reranker(settings: Settings, statistics: SoftStatistics | None) -> GuardedReranker:
    """The reranker of the profile without the other models. Raises as ``build_models`` does."""
    profile, _ = choose_profile(settings)
    if profile == "starter":
        return _guarded_lexical(settings, statistics)
    return _guarded_model(settings, locate(settings, "reranker"), statistics)


def build_embedder(settings: Settings) -> Embedder:
    """The embedder of the profile; where one is set, the other models need not be here.

    Raises ``ModelsMissing``, and ``ModelUnavailable`` where it cannot be loaded.
    """
    if _profile(settings) == "starter":
        from retrieval.starter_embedder import StarterEmbedder
        from retrieval.starter_table import starter_table

        return StarterEmbedder(starter_table())
    return _embedder(settings, locate(settings, "embedder"))


def build_tokenizer(settings: Settings) -> PassageTokenizer | None:
    """The reranker's tokenizer without its weights; None where the profile's reranker reads no token ids.

    Raises ``ModelsMissing``, and ``RerankError`` where it cannot be loaded.
    """
    if _profile(settings) == "starter" or settings.models.reranker.url:
        return None
    from rerank.checkpoint import open_tokenizer

    located = _required(locate(settings, "reranker"), "reranker")
    return open_tokenizer(located.folder, revision=located.revision or None)


def choose_profile(settings: Settings) -> tuple[Literal["qwen", "starter", "remote"], Notice]:
    """The profile that will run, and why."""
    missing = [
        role for role in ROLES if not role_settings(settings, role).url and locate(settings, role) is None
    ]
    if settings.profile == "auto":
        if missing:
            return "starter", Notice.of("profile_starter_no_weights", missing=", ".join(missing))
        return "qwen", Notice.of("profile_qwen_found")
    if settings.profile == "qwen" and missing:
        raise ModelsMissing(
            f"profile qwen lacks weights for: {', '.join(missing)}; run `touchstone models pull`, or set "
            f"TOUCHSTONE_MODELS__{missing[0].upper()}__MODEL to a local folder"
        )
    if settings.profile == "remote":
        for role in ROLES:
            if not role_settings(settings, role).url:
                raise SettingsError(
                    f"profile remote needs models.{role}.url "
                    f"(variable TOUCHSTONE_MODELS__{role.upper()}__URL)"
                )
    return settings.profile, Notice.of("profile_set", profile=settings.profile)


def _profile(settings: Settings) -> Literal["qwen", "starter", "remote"]:
    """The profile that is set, without looking for its models; that of ``auto``."""
    return choose_profile(settings)[0] if settings.profile == "auto" else settings.profile


def _starter(settings: Settings, reason: Notice, statistics: SoftStatistics) -> Models:
    from generation.extractive import ExtractiveGenerator
    from retrieval.starter_embedder import StarterEmbedder
    from retrieval.starter_table import starter_table

    generator: Generator = ExtractiveGenerator()
    if settings.models.generator.url:
        generator = _remote_generator(settings)
    reranker = _guarded_lexical(settings, statistics)
    return Models(
        "starter",
        reason,
        StarterEmbedder(starter_table()),
        reranker,
        generator,
        rewrites=bool(settings.models.generator.url),
    )


def _embedder(settings: Settings, located: Located | None) -> Embedder:
    model = settings.models.embedder
    if model.url:
        from retrieval.remote_embedder import RemoteEmbedder

        return RemoteEmbedder(model.url, model=model.model, api_key=model.api_key.get_secret_value())
    from retrieval.embedder import SentenceTransformerEmbedder

    folder = _required(located, "embedder")
    return SentenceTransformerEmbedder.load(
        folder.folder, name=folder.name, revision=folder.revision or None, device=model.device
    )


def _reranker(settings: Settings, located: Located | None) -> Reranker:
    model = settings.models.reranker
    if model.url:
        from rerank.remote import RemoteReranker

        return RemoteReranker(model.url, model=model.model, api_key=model.api_key.get_secret_value())
    from rerank.qwen3 import Qwen3Reranker

    folder = _required(located, "reranker")
    return Qwen3Reranker.load(
        folder.folder,
        name=folder.name,
        revision=folder.revision or None,
        device=model.device,
        settings=settings.rerank.engine,
        permits=read_permits(permit_folder(settings.data_dir)),
    )


def _generator(settings: Settings, located: Located | None) -> Generator:
    model = settings.models.generator
    if model.url:
        return _remote_generator(settings)
    from generation.transformers_local import TransformersGenerator

    folder = _required(located, "generator")
    return TransformersGenerator.load(
        folder.folder, name=folder.name, revision=folder.revision or "local", device=model.device
    )


def _remote_generator(settings: Settings) -> Generator:
    from generation.openai_compatible import OpenAICompatibleGenerator

    model = settings.models.generator
    return OpenAICompatibleGenerator(
        model.url,
        model=model.model,
        api_key=model.api_key.get_secret_value(),
        context_tokens=settings.generation.context_tokens,
        timeout_s=settings.generation.timeout_s,
    )


def _guarded_lexical(settings: Settings, statistics: SoftStatistics | None) -> GuardedReranker:
    from rerank.starter import StarterReranker

    guarded = GuardedReranker(StarterReranker(statistics), breaker=_breaker(settings))
    guarded.verify()
    return guarded


def _guarded_model(
    settings: Settings, located: Located | None, statistics: SoftStatistics | None
) -> GuardedReranker:
    """The configured model, tested, with the starter reranker for when it fails."""
    from rerank.starter import StarterReranker
    from rerank.timed import TimedReranker
    from rerank.unavailable import UnavailableReranker

    primary: Reranker
    try:
        primary = _reranker(settings, located)
    except RerankError as error:
        log.exception("the reranker could not be loaded")
        primary = UnavailableReranker(settings.models.reranker.model, error)
    budget_s = _budget_s(settings, primary)
    guarded = GuardedReranker(
        TimedReranker(primary, timeout_s=settings.rerank.timeout_s),
        StarterReranker(statistics),
        breaker=_breaker(settings),
        budget=LatencyBudget(budget_s) if budget_s else None,
        retest=bool(settings.models.reranker.url),
    )
    guarded.verify()
    return guarded


def _breaker(settings: Settings) -> CircuitBreaker:
    return CircuitBreaker(
        failures=settings.rerank.breaker_failures,
        window_s=settings.rerank.breaker_window_s,
        pause_s=settings.rerank.breaker_pause_s,
    )


def _budget_s(settings: Settings, reranker: Reranker) -> float:
    """Seconds a question may spend in the reranker, 0 for no bound."""
    if settings.rerank.latency_budget_s is not None:
        return settings.rerank.latency_budget_s
    local = settings.models.reranker
    device = reranker.device if isinstance(reranker, HasDevice) else local.device
    return 0.0 if local.url or device == "cuda" else CPU_BUDGET_S


def _required(located: Located | None, role: str) -> Located:
    if located is None:
        raise ModelsMissing(
            f"there are no weights for the {role} on this machine; run `touchstone models pull`, or set "
            f"TOUCHSTONE_MODELS__{role.upper()}__MODEL to their folder"
        )
    return located
