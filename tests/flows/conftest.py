"""Real services on real storage; only the models are small (the starter profile, which needs no weights)."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.services import Services
from app.settings import Settings
from app.wiring import build_models

Open = Callable[[Path], Services]


def starter(data_dir: Path) -> Settings:
    """Settings of the starter profile on a data directory."""
    return Settings(data_dir=data_dir, profile="starter", demo=False)


@pytest.fixture
def open_services() -> Iterator[Open]:
    """Opens services on a data directory (as a new process would) and closes them at the end."""
    with ExitStack() as stack:

        def opened(data_dir: Path) -> Services:
            services = stack.enter_context(Services(starter(data_dir), build_models=build_models))
            services.load()
            return services

        yield opened


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The demo knowledge base, read once for all tests."""
    settings = starter(tmp_path_factory.mktemp("demo"))
    with Services(settings, build_models=build_models) as services:
        services.load(demo=True)
        yield services
