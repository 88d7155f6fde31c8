"""``touchstone chunks`` and ``collections chunking``, here and through a running server."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import pypdf
import pytest
from click.testing import CliRunner, Result

from app.cli.chunks import chunks
from app.cli.collections import collections
from app.cli.ingest import ingest, reindex
from app.errors import TouchstoneError
from app.services import Services
from app.storage.lock import DirectoryLock, present_owner
from app.wiring import build_models
from ingest.errors import IngestError
from tests.app.server import serving
from tests.flows.conftest import starter
from tests.flows.test_chunk_size import SENTENCES
from tests.ingest.pdfs import make_pdf, text

TOUCHSTONE = Path(sys.executable).parent / "touchstone"
Run = Callable[..., Result]


def _run(data_dir: Path, command: click.Command, *arguments: str, typed: str = "") -> Result:
    environment = {"TOUCHSTONE_DATA_DIR": str(data_dir), "TOUCHSTONE_PROFILE": "starter"}
    return CliRunner().invoke(command, arguments, env=environment, input=typed)


@pytest.fixture(scope="module", params=["here", "through a server"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a command on a data directory that nobody owns, or that a running server owns."""
    data_dir = tmp_path_factory.mktemp("cut")
    served = request.param == "through a server"
    with ExitStack() as stack:
        if served:
            services = Services(starter(data_dir), build_models=build_models)
            services.lock.announce(stack.enter_context(serving(services)))

        def run_there(command: click.Command, *arguments: str, typed: str = "") -> Result:
            done = _run(data_dir, command, *arguments, typed=typed)
            assert ("(through the running server at http://127.0.0.1:" in done.stderr) == served
            return done

        yield run_there


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.md"
    path.write_text(f"# 规定\n\n{SENTENCES}", encoding="utf-8")
    return path


def test_chunks_are_printed_with_size_place_and_summary(run: Run, file: Path) -> None:
    done = run(chunks, str(file), "--tokens", "100", "--overlap", "20")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("[0] ")
    assert "\n    第1条规定说的是第1件事情，请各部门遵照执行。" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("a.md: ")
    assert " chunks of at most 100 tokens, up to 20 repeated; " in last
    assert "tokens (estimated)" in last


def test_json_is_the_preview_and_nothing_else(run: Run, file: Path) -> None:
    found = json.loads(run(chunks, str(file), "--json").stdout)
    assert (found["name"], found["chunk_tokens"], found["estimated"]) == ("a.md", 320, True)
    assert found["summary"]["chunks"] == len(found["chunks"])


def test_password_of_a_locked_file_is_asked_for_and_not_shown(run: Run, tmp_path: Path) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf([text(72, 700, "Kept secret.")])))
    writer.encrypt("口令 1", algorithm="AES-256")
    writer.write(tmp_path / "a.pdf")
    done = run(chunks, str(tmp_path / "a.pdf"), "--password", typed="口令 1\n")
    assert done.exit_code == 0, done.stderr
    assert "    Kept secret.\n" in done.stdout
    assert "口令" not in done.output
    assert "is locked with a password" in str(run(chunks, str(tmp_path / "a.pdf")).exception)


def test_size_that_cannot_be_used_ends_with_exit_code_2(run: Run, file: Path) -> None:
    done = run(chunks, str(file), "--tokens", "10")
    assert isinstance(done.exception, TouchstoneError)
    assert done.exception.exit_code == 2
    assert "chunk_tokens cannot be 10: Input should be greater than or equal to 32" in str(done.exception)


def test_file_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    done = run(chunks, str(tmp_path / "nowhere.md"))
    assert isinstance(done.exception, IngestError)
    assert "nowhere.md: cannot be read (No such file or directory); check the path" in str(done.exception)


def test_size_of_a_collection_is_shown_set_and_taken_back(run: Run, file: Path) -> None:
    assert run(ingest, str(file), "--collection", "rules").exit_code == 0
    shown = run(collections, "chunking", "rules").stdout
    assert shown == "chunks of at most 320 tokens (default)\nrepeating up to 0 tokens (default)\n"
    changed = run(collections, "chunking", "rules", "--tokens", "100").stdout
    assert changed.splitlines() == [
        "chunks of at most 100 tokens (set for this collection)",
        "repeating up to 0 tokens (default)",
        "note: 1 documents were cut to another chunk size; `touchstone reindex rules` cuts them anew.",
        "  a.md",
    ]
    kept = run(collections, "chunking", "rules", "--overlap", "10").stdout
    assert kept.startswith("chunks of at most 100 tokens (set for this collection)\nrepeating up to 10")
    assert run(reindex, "rules").exit_code == 0
    assert "note:" not in run(collections, "chunking", "rules").stdout
    back = run(collections, "chunking", "rules", "--default").stdout
    assert back.startswith("chunks of at most 320 tokens (default)\n")
    assert "touchstone reindex rules" in back


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tokens", "5000"), "chunk_tokens cannot be 5000: Input should be less than or equal to 4096"),
        (("--overlap", "161"), "chunk_overlap is 161, more than half of chunk_tokens (320); lower it"),
    ],
)
def test_size_that_cannot_be_set_ends_with_exit_code_2(run: Run, options: tuple[str, str], said: str) -> None:
    assert run(collections, "create", "sized").exit_code == 0
    done = run(collections, "chunking", "sized", *options)
    assert isinstance(done.exception, TouchstoneError)
    assert done.exception.exit_code == 2
    assert said in str(done.exception)
    assert "(default)" in run(collections, "chunking", "sized").stdout


def test_default_and_sizes_contradict_each_other(tmp_path: Path) -> None:
    done = _run(tmp_path, collections, "chunking", "rules", "--default", "--tokens", "100")
    assert "give --default or sizes, not both" in str(done.exception)


def test_nothing_is_written_and_no_model_library_is_loaded(tmp_path: Path, file: Path) -> None:
    script = (
        "import sys; from app.cli.chunks import chunks; chunks.main(sys.argv[1:], standalone_mode=False);"
        " print([name for name in ('torch', 'transformers', 'chromadb') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        env={**os.environ, "TOUCHSTONE_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert not (tmp_path / "data").exists()


def test_server_that_is_gone_is_not_asked(tmp_path: Path, file: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.announce("http://127.0.0.1:9")
    owner = present_owner(tmp_path)
    assert owner is not None
    assert owner.url == "http://127.0.0.1:9"
    lock.release()  # the file still names it
    assert present_owner(tmp_path) is None
    assert present_owner(tmp_path / "nowhere") is None
    assert _run(tmp_path, chunks, str(file)).exit_code == 0


def test_command_is_listed_and_explains_itself() -> None:
    done = subprocess.run([TOUCHSTONE, "chunks", "--help"], capture_output=True, text=True, check=True)
    assert "Show the chunks of FILE as ingestion would cut them." in done.stdout
