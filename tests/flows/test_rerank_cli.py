"""`touchstone rerank` and the instructions of collections, as a person runs them: real processes."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.rerank import Row, read_candidates, write_csv
from app.errors import BadRequest
from app.services import Services
from app.storage.lock import read_owner
from app.wiring import build_models
from tests.app.server import serving
from tests.flows.conftest import starter
from tests.starter import RERANKER

TOUCHSTONE = Path(sys.executable).parent / "touchstone"
LINES = "London is in the UK.\n\nParis is the capital of France.\nGravity attracts.\n"


def _run(data_dir: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TOUCHSTONE_DATA_DIR": str(data_dir), "TOUCHSTONE_PROFILE": "starter"}
    return subprocess.run(
        [TOUCHSTONE, *arguments],
        input=given,
        capture_output=True,
        text=True,
        env=environment,
        cwd="/",
        check=False,
        timeout=120,
    )


def test_candidates_from_a_pipe_are_listed_best_first(tmp_path: Path) -> None:
    done = _run(tmp_path, "rerank", "capital of France", given=LINES)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("│")]
    assert "Paris is the capital of France." in lines[0]
    assert RERANKER in done.stdout


def test_json_and_csv_hold_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("\ufeff" + LINES, encoding="utf-8")
    table = tmp_path / "out.csv"
    done = _run(
        tmp_path / "data", "rerank", "capital of France", "--candidates", str(tmp_path / "lines.txt"),
        "--instruction", "prefer capitals", "--top-n", "2", "--json", "--csv", str(table),
    )  # fmt: skip
    results = json.loads(done.stdout)["results"]
    assert [(row["rank"], row["original_index"]) for row in results] == [(1, 1), (2, 0)]
    assert table.read_bytes().startswith(b"\xef\xbb\xbf")
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["rank", "original_index", "score", "text", "instruction", "model", "ms"]
    assert rows[1][3:6] == ["Paris is the capital of France.", "prefer capitals", RERANKER]
    assert len(rows) == 3


def test_preset_in_the_language_of_the_query(tmp_path: Path) -> None:
    done = _run(tmp_path, "rerank", "劳动合同解除的法定情形", "--preset", "legal", "--json", given="合同\n")
    assert json.loads(done.stdout)["results"][0]["instruction"].startswith("优先选择可直接引用的法律条文")


@pytest.mark.parametrize(
    ("arguments", "given", "says"),
    [
        (("rerank", "q"), "\n \n", "there are no candidates"),
        (("rerank", " "), "a\n", "the query is empty"),
        (("rerank", "q", "--preset", "legal", "--instruction", "x"), "a\n", "not both"),
    ],
)
def test_unusable_input_is_one_line_on_standard_error(
    tmp_path: Path, arguments: tuple[str, ...], given: str, says: str
) -> None:
    done = _run(tmp_path, *arguments, given=given)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_blocks_are_parted_by_blank_lines() -> None:
    data = b"one\n  more\n\n\n two\r\n\r\n"
    assert read_candidates(data, blocks=True) == ["one\n  more", " two"]
    assert read_candidates(data, blocks=False) == ["one", "more", "two"]
    with pytest.raises(BadRequest, match="not UTF-8"):
        read_candidates("中文".encode("gb18030"), blocks=False)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_begins_a_formula(tmp_path: Path, text: str) -> None:
    path = tmp_path / "out.csv"
    write_csv(path, [Row(1, 0, 0.5, text, text, "m", 1.0)])
    with path.open(encoding="utf-8-sig", newline="") as file:
        row = list(csv.reader(file))[1]
    assert row == ["1", "0", "0.5", f"'{text}", f"'{text}", "m", "1.0"]


def test_running_server_judges_where_there_is_one(tmp_path: Path) -> None:
    services = Services(starter(tmp_path), build_models=build_models)
    with serving(services) as url:
        services.lock.announce(url)
        environment = {**os.environ, "TOUCHSTONE_DATA_DIR": str(tmp_path)}
        owner = read_owner(tmp_path)
        assert owner is not None
        done = subprocess.run(
            [TOUCHSTONE, "rerank", "capital of France", "--json"],
            input=LINES, capture_output=True, text=True, env=environment, cwd="/", check=False, timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"through the running server at {url}" in done.stderr
    assert json.loads(done.stdout)["results"][0]["text"] == "Paris is the capital of France."


def test_instructions_of_a_collection_are_set_listed_and_restored(tmp_path: Path) -> None:
    with Services(starter(tmp_path), build_models=build_models) as services:
        services.collections.create("legal")
    first = _run(tmp_path, "collections", "instruct", "legal", "prefer statutes", "--note", "first try")
    assert "instruction version 1 of 'legal' is in force" in first.stdout
    _run(tmp_path, "collections", "instruct", "legal", "--preset", "legal", "--language", "zh")
    listed = _run(tmp_path, "collections", "instructions", "legal").stdout
    assert "first try" in listed
    assert "preset legal" in listed
    assert "version 3 of" in _run(tmp_path, "collections", "instructions", "legal", "--restore", "1").stdout
    with Services(starter(tmp_path), build_models=build_models) as services:
        assert services.collections.named("legal").instruction == "prefer statutes"


def test_doctor_names_the_fallback(tmp_path: Path) -> None:
    done = _run(tmp_path, "doctor")
    assert "fallback reranker: none; latency budget: none" in done.stdout
