"""The qwen profile down the whole path, on tiny random Qwen3 models: real loading, real tokens."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.services import Services
from app.settings import ModelSettings, ModelsSettings, Settings
from app.wiring import ModelsMissing, build_models, choose_profile
from generation.types import Delta
from tests.flows.conftest import starter
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


def test_random_reranker_fails_its_self_test_and_is_turned_off_visibly(services: Services) -> None:
    result = services.answer(services.ask("How many days of annual leave?"))
    assert services.models.reranker is None
    assert result.notices[0].code == "reranker_unavailable"
    assert "rerank_off" not in [notice.code for notice in result.notices]
    assert result.answer.passages


def test_generator_streams_tokens_of_the_local_model(services: Services) -> None:
    events = list(services.answering.ask(services.ask("How many days of annual leave?"), lambda: False))
    assert sum(isinstance(event, Delta) for event in events) > 1


def test_models_are_named_by_folder(services: Services) -> None:
    result = services.answer(services.ask("How many days of annual leave?"))
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
