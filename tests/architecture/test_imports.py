"""What may be imported when: quick starts, five packages of this checkout, the rules of import."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "sentence_transformers", "chromadb", "pypdf", "pypdfium2", "fastapi")


def _modules_after(code: str) -> set[str]:
    """Names of heavy modules that a fresh interpreter holds after running the code."""
    probe = f"{code}\nimport sys; print(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys; sys.argv = ['touchstone', '--help']\n"
        "from app.cli.main import main\ntry: main()\nexcept SystemExit: pass"
    )
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert not imported & set(HEAVY)
    assert "Commands:" in done.stdout


@pytest.mark.parametrize("package", ["retrieval", "ingest", "rerank", "generation"])
def test_types_load_no_heavy_library(package: str) -> None:
    assert (
        _modules_after(f"import {package}.types, {package}.errors, {package}.settings, {package}.protocols")
        == set()
    )


@pytest.mark.parametrize("package", ["app", "ingest", "retrieval", "rerank", "generation"])
def test_package_resolves_into_this_checkout(package: str) -> None:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin == str(ROOT / package / "__init__.py")


def test_package_manuals_re_export_nothing() -> None:
    for package in ("app", "ingest", "retrieval", "rerank", "generation"):
        text = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
        assert "import " not in text.split('"""')[2], package


def test_rules_of_import_hold() -> None:
    done = subprocess.run(
        ["lint-imports"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": str(Path(sys.executable).parent), "HOME": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout


def test_no_source_file_passes_300_lines() -> None:
    long = {
        str(file.relative_to(ROOT)): count
        for package in ("app", "ingest", "retrieval", "rerank", "generation")
        for file in (ROOT / package).rglob("*.py")
        if (count := len(file.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}
