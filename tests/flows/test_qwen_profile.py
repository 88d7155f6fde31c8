"""The qwen profile down the whole path, on tiny random Qwen3 models: real loading, real tokens."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.answering import Answering
from app.audience import Audiences
from app.offers import Matching
from app.quotes import Quotes
from app.result import Result
from app.services import Services
from app.settings import ModelSettings, ModelsSettings, Settings
from app.wiring import ModelsMissing, build_models, build_reranker, choose_profile
from generation.types import Delta
from tests.flows.conftest import starter
from tests.starter import RERANKER
from tests.tiny import tiny_qwen3

TEXT = (
    "# Handbook\n\n## Annual leave\n\n"
    "Employees have 12 days of annual leave. Leave is requested in the portal.\n"
)


def _settings(data_dir: Path, models: Path) -> Settings:
    return Settings(
        data_dir=data_dir,
        profile="qwen",
        demo=False,
        models=ModelsSettings(
            embedder=ModelSettings(model=str(models / "embedder")),
            reranker=ModelSettings(model=str(models / "reranker")),
            generator=ModelSettings(model=str(models / "generator")),
        ),
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for seed, role in enumerate(("embedder", "reranker", "generator")):
        tiny_qwen3(folder / role, seed=seed)
    return folder


@pytest.fixture(scope="module")
def services(folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("qwen")
    path = folder / "handbook.md"
    path.write_text(TEXT, encoding="utf-8")
    with Services(_settings(folder / "data", folders), build_models=build_models) as services:
        services.load()
        services.ingest([(path, "handbook.md")], "handbook")
        yield services


def test_random_reranker_fails_its_self_test_and_the_lexical_one_judges_visibly(services: Services) -> None:
    result = services.answer(services.ask("How many days of annual leave?", principal=LOCAL))
    codes = [notice.code for notice in result.notices]
    assert codes[:2] == ["reranker_unavailable", "rerank_fallback"]
    assert "rerank_off" not in codes
    assert result.models.reranker == RERANKER
    assert result.candidates[0].relevance is not None
    assert result.answer.passages


def test_reranker_that_failed_its_self_test_is_not_asked_again(services: Services) -> None:
    status = services.models.reranker.status()
    assert (status.breaker.state, status.breaker.calls) == ("off", 0)
    assert status.primary.startswith("reranker@")
    assert status.fallback == RERANKER
    assert "right passage" in status.trouble or "failed on" in status.trouble


def test_floor_set_for_the_model_does_not_bind_its_fallback(services: Services) -> None:
    changed = services.settings.rerank.model_copy(update={"floor": 0.999999})
    answering = Answering(
        models=services.models,
        vectors=services.vectors,
        lexical=services.lexical,
        chunks=services.chunks,
        quotes=Quotes(services.database, services.blobs),
        floors=services.floors,
        audiences=Audiences(services.database),
        matching=Matching(services.caretaker.snippets, services.models, timeout_s=1.0),
        settings=services.settings.model_copy(update={"rerank": changed}),
    )
    asked = services.ask("How many days of annual leave?", principal=LOCAL)
    result = next(e for e in answering.ask(asked, lambda: False) if isinstance(e, Result))
    assert result.answer.passages


def test_reranker_that_cannot_be_loaded_leaves_the_rest_working(folders: Path, tmp_path: Path) -> None:
    broken = tmp_path / "reranker"
    shutil.copytree(folders / "reranker", broken)
    for weights in broken.glob("*.safetensors"):
        weights.write_bytes(b"no weights")
    settings = _settings(tmp_path / "data", folders)
    models = settings.models.model_copy(update={"reranker": ModelSettings(model=str(broken))})
    reranker = build_reranker(settings.model_copy(update={"models": models}), None)
    judged = reranker.judge("capital of France", ["Paris is the capital of France."], "", timeout_s=10)
    assert [notice.code for notice in judged.notices] == ["reranker_unavailable", "rerank_fallback"]
    assert "cannot load the reranker" in reranker.status().trouble
    assert (judged.identity, judged.fallback) == (RERANKER, True)


def test_generator_streams_tokens_of_the_local_model(services: Services) -> None:
    asked = services.ask("How many days of annual leave?", principal=LOCAL)
    events = list(services.answering.ask(asked, lambda: False))
    assert sum(isinstance(event, Delta) for event in events) > 1


def test_models_are_named_by_folder(services: Services) -> None:
    result = services.answer(services.ask("How many days of annual leave?", principal=LOCAL))
    assert result.profile == "qwen"
    assert result.models.embedder.startswith("embedder:")
    assert result.models.generator.startswith("generator@")


def test_missing_weights_are_refused_with_the_remedy(tmp_path: Path) -> None:
    settings = _settings(tmp_path, tmp_path / "nowhere")
    with pytest.raises(
        ModelsMissing, match=r"lacks weights for: embedder, reranker, generator; run `touchstone models"
    ):
        choose_profile(settings)


def test_auto_takes_the_starter_models_where_weights_are_missing(tmp_path: Path) -> None:
    settings = starter(tmp_path).model_copy(update={"profile": "auto"})
    profile, reason = choose_profile(settings)
    assert profile == "starter"
    assert dict(reason.values)["missing"] == "embedder, reranker, generator"


def test_auto_takes_qwen_where_its_weights_are(tmp_path: Path, folders: Path) -> None:
    settings = _settings(tmp_path, folders).model_copy(update={"profile": "auto"})
    assert choose_profile(settings)[0] == "qwen"
