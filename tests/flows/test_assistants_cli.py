"""``touchstone assistants`` and ``touchstone snippets``, and an assistant that is asked."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.main import cli
from app.services import Services
from app.wiring import build_models
from tests.flows.conftest import starter


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    with Services(starter(folder / "data"), build_models=build_models) as services:
        services.load()
        services.add(b"# Term\n\nThe support contract runs for twelve months.\n", "term.md", "shop")
    return folder / "data"


def _run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, list(words), env={"TOUCHSTONE_DATA_DIR": str(data)})


def test_an_assistant_and_its_snippet_are_made_asked_and_deleted(data: Path) -> None:
    made = _run(data, "assistants", "add", "Shop", "--collection", "shop", "--template", "sales")
    assert made.output == "assistant 'Shop' (template sales) asks 'shop'\n"
    assert "sales" in _run(data, "assistants").output
    words = ("--question", "How long does support run?", "--until", "2999-12-31", "--note", "heron")
    draft = _run(data, "snippets", "add", "Shop", "Twelve months.", *words).output
    snippet = re.findall(r"snippet (\w+) is draft, until 2999-12-31", draft)[0]
    approved = _run(data, "snippets", "approve", snippet, "--until", "2999-11-30").output
    assert approved == f"snippet {snippet} is approved, until 2999-11-30\n"
    asked = _run(data, "ask", "--assistant", "Shop", "How long does support run?").output
    assert "### Internal only" in asked
    assert "approved answer of local, valid until 2999-11-30: How long does support run?" in asked
    assert "Mark documents as fit for customers" in asked
    assert "is in the trash" in _run(data, "snippets", "remove", snippet).output
    assert "is approved" in _run(data, "snippets", "restore", snippet).output
    assert "Twelve months." in _run(data, "snippets", "list", "Shop", "--state", "approved").output
    changed = _run(data, "assistants", "edit", "Shop", "--name", "Store", "--template", "answer").output
    assert changed == "assistant 'Store' (template answer) asks 'shop'\n"
    assert _run(data, "assistants", "remove", "Store", "--yes").output == "assistant 'Store' is deleted\n"


def test_an_assistant_that_is_not_there_is_named_with_those_that_are(data: Path) -> None:
    done = _run(data, "ask", "--assistant", "Nobody", "What?")
    assert "assistant 'Nobody' does not exist (there is: none yet)" in str(done.exception)
