"""``touchstone bench files``: what came out of each file is printed and written; one not right fails."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli.bench import bench
from tests.ingest.pdfs import make_pdf, text


@pytest.mark.parametrize(("phrase", "right", "exit_code"), [("ten days", 2, 0), ("nine days", 1, 1)])
def test_files_are_held_against_their_manifest(
    tmp_path: Path, phrase: str, right: int, exit_code: int
) -> None:
    data = make_pdf([text(50, 700, "Leave is ten days.")])
    (tmp_path / "a.pdf").write_bytes(data)
    (tmp_path / "b.pdf").write_bytes(b"")
    digest = hashlib.sha256(data).hexdigest()[:12]
    (tmp_path / "manifest.tsv").write_text(
        "file\texpect\tpages\tmust_contain\tpassword\tmax_s\tsha256_12\n"
        f"a.pdf\ttext\t1\t{phrase}\t\t60\t{digest}\n"
        "b.pdf\terror\t0\t\t\t60\t\n",
        encoding="utf-8",
    )
    target = tmp_path / "found.json"
    done = CliRunner().invoke(bench, ["files", str(tmp_path), "--output", str(target)])
    assert done.exit_code == exit_code, done.output
    assert f"{right} of 2 as they should be" in done.stdout
    written = json.loads(target.read_text(encoding="utf-8"))
    assert (written["files"], written["right"]) == (2, right)
    assert [each["found"] for each in written["outcomes"]] == ["text", "empty"]
    assert bool(written["outcomes"][0]["wrong"]) == (exit_code == 1)
