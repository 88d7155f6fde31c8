"""Whatever an error says is said in Chinese to those who read Chinese, with its own values."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from starlette.testclient import TestClient

import app.errors
import retrieval.errors
from app.api.problems import install
from app.catalogue import codes, in_language, messages
from app.errors import NotFound, TouchstoneError
from ingest.errors import FailureCode

ROOT = Path(__file__).resolve().parents[2]
ERRORS = {
    name
    for name, kind in vars(app.errors).items()
    if isinstance(kind, type) and issubclass(kind, TouchstoneError)
} | {"SetUnreadable"}
ERRORS |= {
    name
    for name, kind in vars(retrieval.errors).items()
    if isinstance(kind, type) and issubclass(kind, retrieval.errors.RetrievalError)
}
AT_START = {"DataDirectoryDamaged", "DataDirectoryLocked", "SettingsError"}  # before anything is served
OWN = {"InvalidParameter": 1, "Unsupported": 1}  # which argument is the message
NOT_SERVED = (
    "app/cli", "app/bench", "app/bulk", "app/care", "app/adapters", "app/settings.py", "app/starting.py",
    "app/wiring.py", "app/permits.py", "app/weights.py", "app/storage/lock.py", "app/storage/snapshot.py",
    "app/api/openai",
    "app/evaluation/sets.py", "app/evaluation/attack", "app/evaluation/gate.py", "app/evaluation/run.py",
    "retrieval/training", "retrieval/embedder.py", "retrieval/starter_table.py",  # while models are loaded
    "app/evaluation/ingested.py", "app/evaluation/rows.py", "app/evaluation/values.py",
)  # fmt: skip
"""What ends on a terminal, or is answered to programs in the words of another API."""


def _raised() -> Iterator[tuple[str, str]]:
    """Every message that is written where an error is made, its values blank; and where."""
    for file in sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "retrieval").rglob("*.py")]):
        place = str(file.relative_to(ROOT))
        if place.startswith(NOT_SERVED):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ERRORS - AT_START:
                at = OWN.get(node.func.id, 0)
                message = _message(node.args[at]) if len(node.args) > at else None
                if message is not None and re.search("[a-z]", message.replace("{}", "")):
                    yield message, f"{place}:{node.lineno}"


def _message(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(str(text)):
            return text
        case ast.JoinedStr(values):
            return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in values)
    return None


def _fits(message: str) -> bool:
    """Whether a sentence is known for it, also where its last value is a message with blanks of its own."""
    filled = message.replace("{}", "1")
    return message in messages("zh") or in_language(filled, "zh") != filled


def test_every_message_of_an_error_has_a_chinese_sentence() -> None:
    lacking = {f"{message}  ({place})" for message, place in _raised() if not _fits(message)}
    assert lacking == set(), "add the message to app/i18n/errors.zh.json"


@pytest.mark.parametrize("message", sorted(messages("zh")))
def test_a_sentence_tells_every_value_and_speaks_no_english(message: str) -> None:
    count = message.count("{}")
    values = [f"'值{number}'" for number in range(count)]
    said = in_language(message.format(*values), "zh")
    in_commands = "".join(re.findall(r"`[^`]*`", message.format(*values)))  # pages have no command line
    assert all(value in said or value in in_commands for value in values), said
    assert re.search("[\u4e00-\u9fff]", said) or message == "Value error, {}"
    spoken = re.sub(r"`[^`]*`|'[^']*'|GET /\S+", "", said)
    assert not re.search(r"[a-z]+ [a-z]+ [a-z]+", spoken), said


@given(st.text(max_size=40).filter(lambda text: "'" not in text and "\\" not in repr(text)))
def test_any_name_comes_through_as_it_is(name: str) -> None:
    assert in_language(f"collection {name!r} does not exist", "zh") == f"知识库 {name!r} 不存在"
    assert in_language(f"collection {name!r} does not exist", "en") == f"collection {name!r} does not exist"


def test_words_of_ours_inside_a_message_are_said_as_well() -> None:
    message = (
        "collection 'hr' needs the right to write, and yours is to read; whoever manages it can grant more"
    )
    assert in_language(message, "zh").startswith("知识库 'hr' 要求“写入”权限，而您只有“读取”权限")


@pytest.mark.parametrize("code", get_args(FailureCode))
def test_every_fault_of_a_file_has_a_chinese_sentence(code: str) -> None:
    assert f"file: {code}" in messages("zh")


def test_codes_of_errors_that_carry_details_carry_them_in_both_languages() -> None:
    named = {f"error_{kind.code}" for kind in TouchstoneError.__subclasses__()}
    assert named & codes("zh") == named & codes("en")


class Body(BaseModel):
    """Something to get wrong."""

    count: int = Field(ge=1, le=5)
    name: str = Field(max_length=3)


def test_a_page_in_chinese_is_told_everything_in_chinese() -> None:
    served = FastAPI()
    install(served)

    @served.get("/gone")
    def gone() -> None:
        raise NotFound("collection 'hr' does not exist")

    @served.post("/wrong")
    def wrong(body: Body) -> None:
        """Nothing: it is not reached."""

    with TestClient(served, headers={"Accept-Language": "zh-CN"}) as client:
        assert client.get("/gone").json()["detail"] == "找不到：知识库 'hr' 不存在"
        told = client.post("/wrong", json={"count": 9, "name": "abcd"}).json()
        assert told["detail"] == "count: 应不大于 5"
        assert [each["msg"] for each in told["errors"]] == ["应不大于 5", "最多 3 个字符"]
