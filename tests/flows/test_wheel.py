"""The wheel alone is a working product: built, unpacked elsewhere, asked a question."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_wheel_brings_everything_it_needs(tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wheel = tmp_path / built.stdout.split()[-1]
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    assert {"app", "ingest", "retrieval", "rerank", "generation"} <= {path.name for path in site.iterdir()}
    starter = {file.name: file.read_bytes() for file in (site / "app" / "data" / "starter").iterdir()}
    kept = {file.name: file.read_bytes() for file in (ROOT / "data" / "starter").iterdir() if file.is_file()}
    assert starter == kept
    assert {"SOURCES.md", "table.safetensors", "vocabulary.json"} <= set(kept)
    code = (
        "import sys, app; assert app.__file__.startswith(sys.argv.pop(1)), app.__file__; "
        "from app.cli.main import main; main()"
    )

    def run(*arguments: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(site), "TOUCHSTONE_DATA_DIR": str(tmp_path / "data")}
        done = subprocess.run(
            [sys.executable, "-c", code, str(site), *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(
        "ingest",
        str(site / "app" / "data" / "demo" / "documents"),
        "--collection",
        "demo",
        "--profile",
        "starter",
    )
    answer = json.loads(run("ask", "报销发票需要哪些盖章？", "--json", "--profile", "starter"))
    assert answer["citations"][0]["document"] == "财务制度V3.2.pdf"
