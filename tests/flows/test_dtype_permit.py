"""Fewer bits behind the gate, down the whole path: settings, permit files, answers, status, check-up."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.access.principal import LOCAL
from app.checks import inside
from app.main import create_app
from app.models import Models
from app.permits import permit_folder, write_permit
from app.services import Services
from app.settings import ModelSettings, Settings
from app.wiring import build_models, build_reranker
from rerank.guarded import GuardedReranker
from rerank.permit import Arithmetic, DtypePermits
from rerank.qwen3 import Qwen3Reranker
from rerank.settings import EngineSettings, RerankSettings
from retrieval.protocols import SoftStatistics
from tests.flows.conftest import starter
from tests.rerank.permits import permit
from tests.tiny import tiny_qwen3

QUESTION = "How many days of annual leave?"
Open = Callable[..., AbstractContextManager[tuple[Services, TestClient]]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("tiny") / "reranker")


@pytest.fixture(scope="module")
def weights(folder: Path) -> str:
    arithmetic = Qwen3Reranker.load(folder, device="cpu").arithmetic
    assert arithmetic is not None
    return arithmetic.loaded.weights


def judging(folder: Path, permits: DtypePermits) -> Callable[[Settings, SoftStatistics], Models]:
    """The starter's models, but int8 of these weights judges, trusted without known answers."""

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        reranker = Qwen3Reranker.load(
            folder, device="cpu", settings=EngineSettings(dtype="int8"), permits=permits
        )
        return replace(build_models(settings, statistics), reranker=GuardedReranker(reranker))

    return build


@pytest.fixture
def open_with(tmp_path: Path, folder: Path) -> Open:
    """A server with one document, for permits and a floor that a person set."""
    text = "# Handbook\n\n## Annual leave\n\nEmployees have 12 days of annual leave.\n"
    (tmp_path / "handbook.md").write_text(text, encoding="utf-8")

    @contextmanager
    def opened(permits: DtypePermits, floor: float | None = None) -> Iterator[tuple[Services, TestClient]]:
        changed = RerankSettings(floor=floor)
        settings = starter(tmp_path / "data").model_copy(update={"rerank": changed})
        services = Services(settings, build_models=judging(folder, permits))
        with TestClient(create_app(services), base_url="http://localhost") as client:
            while services.state.name == "loading":
                time.sleep(0.01)
            services.ingest([(tmp_path / "handbook.md", "handbook.md")], "handbook")
            yield services, client

    return opened


def arithmetic_of(settings: Settings) -> Arithmetic:
    """What the wiring makes of settings and the data directory."""
    found = build_reranker(settings, None).arithmetic
    assert found is not None
    return found


def qwen(data_dir: Path, folder: Path, dtype: str) -> Settings:
    settings = starter(data_dir)
    models = settings.models.model_copy(
        update={role: ModelSettings(model=str(folder)) for role in ("embedder", "reranker", "generator")}
    )
    engine = RerankSettings(engine=EngineSettings.model_validate({"dtype": dtype}))
    return settings.model_copy(update={"profile": "qwen", "models": models, "rerank": engine})


def test_int8_runs_with_a_permit_in_the_data_directory_and_not_without(
    tmp_path: Path, folder: Path, weights: str
) -> None:
    settings = qwen(tmp_path, folder, "int8")
    refused = arithmetic_of(settings)
    assert (refused.asked, refused.used) == ("int8", "float32")
    write_permit(permit_folder(settings.data_dir), permit(weights))
    assert arithmetic_of(settings).used == "int8"
    write_permit(permit_folder(settings.data_dir), permit(weights, top_3_agreement=0.9))
    assert arithmetic_of(settings).used == "float32"


def test_damaged_permit_is_named_in_the_notice(tmp_path: Path, folder: Path, weights: str) -> None:
    settings = qwen(tmp_path, folder, "int8")
    file = write_permit(permit_folder(settings.data_dir), permit(weights))
    file.write_bytes(file.read_bytes()[:40])
    [notice] = arithmetic_of(settings).notices
    assert f"; permit-int8-cpu-{weights}.json is no permit (Invalid JSON" in dict(notice.values)["reason"]


def test_auto_stays_exact_whatever_is_permitted(tmp_path: Path, folder: Path, weights: str) -> None:
    settings = qwen(tmp_path, folder, "auto")
    write_permit(permit_folder(settings.data_dir), permit(weights))
    found = arithmetic_of(settings)
    assert (found.used, found.permit, found.notices) == ("float32", None, ())


def test_refused_dtype_is_said_in_answers_status_rerank_api_and_checkup(open_with: Open) -> None:
    with open_with(DtypePermits()) as (services, client):
        codes = [notice.code for notice in services.answer(services.ask(QUESTION, principal=LOCAL)).notices]
        status = client.get("/api/status", headers={"Accept-Language": "en"}).json()
        judged = client.post("/v1/rerank", json={"query": "leave", "documents": ["a", "b"]}).json()
        told = [sentence for _, sentence in inside(services)]
    assert codes.count("rerank_dtype_not_permitted") == 1
    [text] = [each["text"] for each in status["notices"] if each["code"] == "rerank_dtype_not_permitted"]
    assert text.startswith("The reranker was asked to compute in int8 and computes in float32: it was not")
    assert "run: touchstone bench quantize --model " in text
    assert (status["reranker"]["dtype"]["asked"], status["reranker"]["dtype"]["used"]) == ("int8", "float32")
    assert status["reranker"]["floor"] == 0.5
    assert [notice["code"] for notice in judged["notices"]] == ["rerank_dtype_not_permitted"]
    assert text in told
    assert any("int8 asked for, float32 in use, which needs no permit" in sentence for sentence in told)


def test_permitted_dtype_is_quiet_and_uses_its_floor(open_with: Open, weights: str) -> None:
    with open_with(DtypePermits((permit(weights, floor=0.999),))) as (services, client):
        found = services.answer(services.ask(QUESTION, principal=LOCAL))
        reranker = client.get("/api/status").json()["reranker"]
        told = [sentence for _, sentence in inside(services)]
    assert "rerank_dtype_not_permitted" not in [notice.code for notice in found.notices]
    assert found.answer.outcome == "abstained"
    assert reranker["floor"] == 0.999
    assert reranker["dtype"] == {
        "asked": "int8",
        "used": "int8",
        "kendall_tau": 0.985,
        "top_3_agreement": 0.965,
        "set_name": "rerank",
        "measured_at": "2026-03-01T12:00:00Z",
    }
    assert any(
        "int8 asked for, int8 in use, permitted on 2026-03-01 by 190 pairs of 'rerank': tau 0.985, top 3 "
        "agreement 0.965; floor 0.999 parts 2 pairs otherwise than float32, 0.5 would 5" in sentence
        for sentence in told
    )


def test_floor_that_a_person_set_wins_over_the_permits(open_with: Open, weights: str) -> None:
    with open_with(DtypePermits((permit(weights, floor=0.999),)), floor=0.0) as (services, client):
        assert services.answer(services.ask(QUESTION, principal=LOCAL)).answer.passages
        assert client.get("/api/status").json()["reranker"]["floor"] == 0.0
