"""A small knowledge base on real storage, and what it answers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.answering import Sources
from app.services import Services
from app.wiring import build_models
from tests.flows.conftest import starter

Open = Callable[[Path], Services]
QUESTIONS = (
    "How many days of annual leave do employees have?",
    "Who approves a business trip?",
    "年假有多少天？",
)
FILES = {
    "leave.md": "# Leave\n\nEmployees have 12 days of annual leave.\n\n## Sick\n\nA note is needed.\n",
    "travel.md": "# Travel\n\nThe head of department approves a business trip.\n\n## Hotels\n\n120 euros.\n",
    "假期.md": "# 假期\n\n员工每年有十二天年假。\n\n## 病假\n\n需要医生证明。\n",
}
COLLECTION = "handbook"


@pytest.fixture
def reopen() -> Iterator[Open]:
    """Opens services on a data directory, as a new process would, with nothing loaded."""
    with ExitStack() as stack:
        yield lambda data_dir: stack.enter_context(Services(starter(data_dir), build_models=build_models))


@pytest.fixture
def kept(reopen: Open, tmp_path: Path) -> Services:
    """Loaded services with a collection of three documents."""
    services = reopen(tmp_path / "data")
    services.load()
    fill(services, FILES)
    return services


def fill(services: Services, files: dict[str, str], collection: str = COLLECTION) -> None:
    """Ingest texts under their names."""
    for name, text in files.items():
        report = services.add(text.encode(), name, collection)
        assert report.error is None, report.error


def found(
    services: Services, questions: tuple[str, ...] = QUESTIONS
) -> list[list[tuple[str, str, float | None]]]:
    """The passages each question would be answered from: name, text, relevance."""
    answers = []
    for question in questions:
        passages: list[tuple[str, str, float | None]] = []
        for event in services.answering.ask(services.ask(question, principal=LOCAL), lambda: False):
            if isinstance(event, Sources):
                passages = [(each.chunk.document, each.text, each.relevance) for each in event.passages]
        answers.append(passages)
    assert any(answers), "nothing was found for any question"
    return answers
