"""The examples of the README's section for programs, as they stand there, against a real server."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.served import served, services_of

README = Path(__file__).resolve().parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:8400"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(services_of(tmp_path_factory.mktemp("data")), tmp_path_factory.mktemp("files")) as url:
        yield url


def _blocks(kind: str) -> list[str]:
    section = README.read_text(encoding="utf-8").partition("## For programs\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)


def test_curl_examples_are_answered(url: str) -> None:
    (block,) = _blocks("bash")
    commands = block.replace("\\\n", " ").strip().splitlines()
    assert len(commands) == 3
    answers = []
    for command in commands:
        program, *words = shlex.split(command)
        assert program == "curl"
        (address,) = [word for word in words if word.startswith(ADDRESS)]
        body = words[words.index("-d") + 1].encode() if "-d" in words else None
        headers = {"Content-Type": "application/json"} if "-H" in words else {}
        method = "POST" if body else "GET"
        at = address.replace(ADDRESS, url)
        answers.append(httpx.request(method, at, content=body, headers=headers, trust_env=False).json())
    chat, embeddings, models = answers
    assert "12 days" in chat["choices"][0]["message"]["content"]
    assert len(embeddings["data"]) == 2
    assert models["data"][0]["id"] == "touchstone"


def test_python_example_prints_the_answer_and_its_sources(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    (block,) = _blocks("python")
    names: dict[str, Any] = {}
    exec(compile(block.replace(ADDRESS, url), "README.md", "exec"), names)  # noqa: S102 - our own README
    names["client"].close()
    printed = capsys.readouterr().out
    assert "12 days" in printed
    assert "\n1 handbook.md [] " in printed
