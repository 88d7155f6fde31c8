"""The command as a person runs it: a real process, its output, its exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.settings import shipped

TOUCHSTONE = Path(sys.executable).parent / "touchstone"


def _run(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TOUCHSTONE_DATA_DIR": str(data_dir), "TOUCHSTONE_PROFILE": "starter"}
    return subprocess.run(
        [TOUCHSTONE, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd="/",
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    done = _run(folder, "ingest", str(shipped("demo") / "documents"), "--collection", "demo")
    assert done.returncode == 0, done.stderr
    assert "25 files: 25 added" in done.stdout
    return folder


def test_answer_is_printed_with_document_page_and_quote(data_dir: Path) -> None:
    done = _run(data_dir, "ask", "报销发票需要哪些盖章？")
    assert done.returncode == 0, done.stderr
    assert "发票专用章" in done.stdout
    assert "[1] 财务制度V3.2.pdf, p. 2" in done.stdout
    assert "Traceback" not in done.stderr


def test_json_is_one_object_and_nothing_else(data_dir: Path) -> None:
    done = _run(data_dir, "ask", "How do I fix error CB-5021?", "--json", "--collection", "demo")
    answer = json.loads(done.stdout)
    assert answer["citations"][0]["document"] == "incident-runbook.md"
    assert answer["profile"] == "starter"


def test_explain_shows_every_stage(data_dir: Path) -> None:
    done = _run(data_dir, "ask", "How do I fix error CB-5021?", "--explain")
    for word in ("relevance 0..1", "cosine -1..1", "BM25", "milliseconds: understand"):
        assert word in done.stdout


def test_without_reranking_the_answer_says_so(data_dir: Path) -> None:
    done = _run(data_dir, "ask", "How do I fix error CB-5021?", "--no-rerank")
    assert "note: Reranking is off" in done.stdout


def test_second_ingest_skips_everything(data_dir: Path) -> None:
    done = _run(data_dir, "ingest", str(shipped("demo") / "documents"), "--collection", "demo")
    assert done.returncode == 0
    assert "25 files: 25 unchanged" in done.stdout


def test_bad_file_ends_with_exit_code_1_and_the_good_one_is_in(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text(
        "# Leave\n\nEmployees have 12 days of annual leave.\n", encoding="utf-8"
    )
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 this is no PDF")
    done = _run(
        tmp_path / "data", "ingest", str(tmp_path / "good.md"), str(tmp_path / "bad.pdf"), "--collection", "x"
    )
    assert done.returncode == 1
    assert "1 added, 1 failed" in done.stdout
    assert "failed: bad.pdf [damaged]" in done.stdout


def test_missing_path_is_named(tmp_path: Path) -> None:
    done = _run(tmp_path / "data", "ingest", str(tmp_path / "nowhere"), "--collection", "x")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_collection_is_one_line_on_standard_error(data_dir: Path) -> None:
    done = _run(data_dir, "ask", "leave", "--collection", "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("touchstone: collection 'nothing' does not exist (there is: 'demo')")
    assert done.stderr.count("\n") == 1


def test_unknown_setting_ends_with_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("colour = 'red'", encoding="utf-8")
    done = _run(tmp_path, "collections", "--config", str(tmp_path / "bad.toml"))
    assert done.returncode == 2
    assert (
        done.stderr
        == "touchstone: unknown setting 'colour' (variable TOUCHSTONE_COLOUR); "
        "remove it or correct its name\n"
    )


def test_follow_up_is_asked_with_the_question_before(data_dir: Path) -> None:
    done = _run(data_dir, "ask", "那它要盖什么章？", "--after", "怎么报销发票？", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert "follow_up_completed" in [notice["code"] for notice in answer["notices"]]
    refused = _run(data_dir, "ask", "那它要盖什么章？", *["--after", "怎么报销？"] * 7)
    assert refused.returncode == 2
    assert "--after was given 7 times; at most 6 are read" in refused.stderr


def test_deleting_a_document_asks_first(data_dir: Path) -> None:
    done = _run(data_dir, "documents", "delete", "release-notes.md", "--collection", "demo")
    assert done.returncode == 1
    assert "Delete document 'release-notes.md' from collection 'demo'?" in done.stdout
    assert "release-notes.md" in _run(data_dir, "documents").stdout


def test_doctor_finds_everything_in_order(data_dir: Path) -> None:
    done = _run(data_dir, "doctor")
    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout
    assert "known-answer pairs right" in done.stdout


def test_missing_weights_are_reported_with_the_remedy(tmp_path: Path) -> None:
    done = _run(tmp_path, "models", "verify")
    assert done.returncode == 1
    assert (
        "reranker 'Qwen/Qwen3-Reranker-0.6B' is not on this disk; run `touchstone models pull`" in done.stderr
    )


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory that a running server owns."""
    folder = tmp_path_factory.mktemp("serving")
    environment = {**os.environ, "TOUCHSTONE_DATA_DIR": str(folder), "TOUCHSTONE_PROFILE": "starter"}
    environment["TOUCHSTONE_DEMO"] = "false"
    server = subprocess.Popen(
        [TOUCHSTONE, "serve", "--port", "0"], env=environment, cwd="/", stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    line = server.stdout.readline()
    url = line.removeprefix("Touchstone serves ").split()[0]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and httpx.get(f"{url}/readyz").status_code != 200:
        time.sleep(0.1)
    yield folder
    server.terminate()
    assert server.wait(20) in (0, -signal.SIGTERM)
    server.stdout.close()


def test_commands_go_through_the_server_that_owns_the_data(serving: Path, tmp_path: Path) -> None:
    text = "# Leave\n\nEmployees have 12 days of annual leave.\n"
    (tmp_path / "leave.md").write_text(text, encoding="utf-8")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7 this is no PDF")
    done = _run(serving, "ingest", str(tmp_path), "--collection", "x", "--instruction", "Prefer numbers")
    assert done.returncode == 1, done.stderr
    assert "1 added, 1 failed" in done.stdout
    assert "failed: bad.pdf [damaged]" in done.stdout
    asked = _run(serving, "ask", "How many days of annual leave do employees have?", "--json")
    assert asked.returncode == 0, asked.stderr
    assert "through the running server at http://127.0.0.1:" in asked.stderr
    answer = json.loads(asked.stdout)
    assert "12 days" in answer["answer"]
    assert answer["instruction"] == "Prefer numbers"


def test_problem_of_the_running_server_is_one_line(serving: Path) -> None:
    done = _run(serving, "ask", "leave", "--collection", "nothing")
    assert done.returncode == 1
    assert "touchstone: the running server refused: Not found: collection 'nothing'" in done.stderr


def test_doctor_looks_into_the_running_server(serving: Path) -> None:
    done = _run(serving, "doctor")
    assert done.returncode == 0, done.stdout
    assert "through the running server at http://127.0.0.1:" in done.stderr
    assert "known-answer pairs right" in done.stdout


def test_second_server_on_the_same_data_is_refused(serving: Path) -> None:
    done = _run(serving, "serve", "--port", "0")
    assert done.returncode == 3
    assert "is in use by process" in done.stderr
