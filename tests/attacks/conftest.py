"""The whole application over real storage, as an attacker's client meets it; single-user mode."""

import time
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.services import Services
from app.settings import Settings
from app.wiring import build_models


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, Services]]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("attacked"), profile="starter", demo=False)
    services = Services(settings, build_models=build_models)
    with TestClient(create_app(services), base_url="http://localhost") as client:
        while services.state.name == "loading":
            time.sleep(0.02)
        yield client, services


@pytest.fixture(scope="module")
def client(served: tuple[TestClient, Services]) -> TestClient:
    return served[0]


@pytest.fixture(scope="module")
def services(served: tuple[TestClient, Services]) -> Services:
    return served[1]
