"""The commands that look after a data directory: the same here and through a running server."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.care.writing import take_out
from app.cli.backup import backup, restore
from app.cli.doctor import doctor
from app.cli.index import index
from app.cli.ingest import ingest
from app.errors import TouchstoneError
from app.services import Services
from app.storage.lock import DirectoryLock
from app.wiring import build_models
from tests.app.server import serving
from tests.flows.conftest import starter


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


Run = Callable[..., Done]


def _run(data_dir: Path, command: click.Command, *arguments: str) -> Done:
    environment = {"TOUCHSTONE_DATA_DIR": str(data_dir), "TOUCHSTONE_PROFILE": "starter"}
    result = CliRunner().invoke(command, arguments, env=environment)
    if isinstance(result.exception, TouchstoneError):
        return Done(result.exception.exit_code, result.stdout, f"{result.stderr}{result.exception}\n")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module", params=["here", "through a server"])
def data_dir(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with one document that nobody owns, or that a running server owns."""
    folder = tmp_path_factory.mktemp("cared")
    with ExitStack() as stack:
        if request.param == "through a server":
            services = Services(starter(folder), build_models=build_models)
            services.lock.announce(stack.enter_context(serving(services)))
        file = tmp_path_factory.mktemp("files") / "leave.md"
        file.write_text("# Leave\n\nEmployees have 12 days of annual leave.\n", encoding="utf-8")
        assert _run(folder, ingest, str(file), "--collection", "hr").code == 0
        yield folder


def test_doctor_finds_mends_and_is_clean(data_dir: Path) -> None:
    assert _run(data_dir, doctor).code == 0
    stray = data_dir / "blobs" / f"{uuid.uuid4().hex}.txt"
    stray.write_text("mine", encoding="utf-8")
    done = _run(data_dir, doctor)
    assert done.code == 1
    assert (
        "FOUND files_foreign: 1 files among the uploaded bytes were not put there by Touchstone" in done.out
    )
    assert f"as: {stray.name}\n" in done.out
    assert "--repair moves them into `aside`" in done.out
    assert stray.exists()
    done = _run(data_dir, doctor, "--repair")
    assert done.code == 0, done.out
    assert "mended files_foreign: 1 files" in done.out
    assert (data_dir / "aside" / stray.name).read_text(encoding="utf-8") == "mine"
    clean = json.loads(_run(data_dir, doctor, "--json").out)
    assert (clean["fine"], clean["findings"], clean["repaired"]) == (True, [], [])
    assert all(check["fine"] for check in clean["checks"])


def test_index_is_rebuilt(data_dir: Path) -> None:
    done = _run(data_dir, index, "rebuild", "hr")
    assert (done.code, done.out) == (0, "rebuilt the indexes of 1 collections: 'hr'\n")
    assert _run(data_dir, index, "rebuild").out == done.out
    assert _run(data_dir, doctor).code == 0
    done = _run(data_dir, index, "rebuild", "nothing")
    assert done.code == 1
    assert "collection 'nothing' does not exist" in done.err


@pytest.mark.parametrize("name", ["backup.tar", "folder"])
def test_backup_is_written_restored_and_verified(data_dir: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    done = _run(data_dir, backup, str(target))
    assert done.code == 0, done.err
    assert done.out.startswith(f"wrote {target}: 1 collections, 1 documents, 1 chunks, 1 files, ")
    assert len(take_out(target).entries) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    assert _run(data_dir, backup, str(target)).code == 2
    elsewhere = tmp_path / "elsewhere"
    done = _run(data_dir, restore, str(target), "--to", str(elsewhere), "--verify")
    assert done.code == 0, done.err
    assert "1 collections, 1 documents, 1 chunks, 1 files" in done.out
    assert "The vector index of “hr” differed from the database and was filled again (1 chunks)." in done.out
    assert "saved questions: 0 asked again" in done.out
    assert _run(elsewhere, doctor).code == 0
    assert _run(data_dir, restore, str(target), "--to", str(elsewhere)).code == 2


def test_owner_that_is_no_server_is_named(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path / "data")
    for command, arguments in ((index, ("rebuild",)), (backup, (str(tmp_path / "b.tar"),))):
        done = _run(tmp_path / "data", command, *arguments)
        assert (done.code, done.out) == (3, "")
        assert "is in use by process" in done.err
    lock.release()
    assert not list(tmp_path.glob("*.tar"))
