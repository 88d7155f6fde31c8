"""``touchstone ingest`` and ``touchstone jobs`` without a server: the same desk in a process of its own."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli.ingest import ingest
from app.cli.jobs import jobs


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOUCHSTONE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TOUCHSTONE_PROFILE", "starter")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "data"


def _said(command: click.Command, *arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == status, done.output
    return done.stdout


def test_failed_job_is_listed_explained_tried_again_and_dismissed(data_dir: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.7 this is no PDF")
    assert "failed: bad.pdf [damaged]" in _said(ingest, str(bad), "--collection", "handbook", status=1)
    (line,) = (each for each in _said(jobs, "list", "--state", "failed").splitlines() if "bad.pdf" in each)
    job_id = next(word for word in line.split() if len(word) == 32)
    shown = _said(jobs, "show", job_id)
    assert "bad.pdf in 'handbook': failed parsing" in shown
    assert "try 1 from parsing by parse-" in shown
    assert "bad.pdf: failed bad.pdf" in _said(jobs, "retry", job_id)
    assert _said(jobs, "cancel", job_id) == "bad.pdf: cancelled\n"
    assert not [path for path in (data_dir / "blobs").rglob("*") if path.is_file()]


def test_duplicates_are_treated_as_asked_and_large_files_fail_alone(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_INGEST__MAX_FILE_BYTES", "1000")
    files = tmp_path / "files"
    files.mkdir()
    for name, text in (
        ("a.md", "# Leave\n\n12 days.\n"),
        ("b.md", "# Leave\n\n12 days.\n"),
        ("c.md", "x" * 1001),
    ):
        (files / name).write_text(text, encoding="utf-8")
    said = _said(ingest, str(files), "--collection", "handbook", "--duplicates", "skip", status=1)
    assert "3 files: 1 added, 1 failed, 1 skipped" in said
    assert (
        "note: b.md: The same file is in this knowledge base already, as “a.md”; nothing was added." in said
    )
    assert "failed: c.md [too_large]: c.md: 1,001 bytes are more than the limit of 1,000" in said
    assert "ready" in _said(jobs)
