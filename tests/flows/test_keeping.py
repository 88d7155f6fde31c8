"""Every command that keeps knowledge bases: the same words here and through a running server."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app.cli.collections import collections, documents
from app.cli.doctor import doctor
from app.cli.ingest import ingest, reindex
from app.errors import DataDirectoryLocked, TouchstoneError
from app.services import Services
from app.storage.lock import DirectoryLock
from app.wiring import build_models
from tests.app.server import serving
from tests.flows.conftest import starter
from tests.starter import EMBEDDER

LEAVE = "# Leave\n\nEmployees have 12 days of annual leave.\n"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells of the table that was printed, header first."""
        lines = [line for line in self.out.splitlines() if line.startswith(("┃", "│"))]
        return [tuple(cell.strip() for cell in line[1:-1].replace("┃", "│").split("│")) for line in lines]


Run = Callable[..., Done]


def _run(data_dir: Path, command: click.Command, *arguments: str, typed: str = "") -> Done:
    environment = {"TOUCHSTONE_DATA_DIR": str(data_dir), "TOUCHSTONE_PROFILE": "starter"}
    result = CliRunner().invoke(command, arguments, env=environment, input=typed)
    if isinstance(result.exception, TouchstoneError):
        return Done(result.exception.exit_code, result.stdout, f"{result.stderr}{result.exception}\n")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module", params=["here", "through a server"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs a command on a data directory that nobody owns, or that a running server owns."""
    data_dir = tmp_path_factory.mktemp("kept")
    served = request.param == "through a server"
    with ExitStack() as stack:
        if served:
            services = Services(starter(data_dir), build_models=build_models)
            services.lock.announce(stack.enter_context(serving(services)))

        def run_there(command: click.Command, *arguments: str, typed: str = "") -> Done:
            done = _run(data_dir, command, *arguments, typed=typed)
            assert ("(through the running server at http://127.0.0.1:" in done.err) == served
            return done

        yield run_there


@pytest.fixture
def kept(run: Run, tmp_path: Path) -> str:
    """The name of a new collection with the documents a.md and sub/b.md."""
    name = f"HR/Leave%2F {uuid.uuid4().hex[:8]}"
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.md").write_text(LEAVE, encoding="utf-8")
    (tmp_path / "sub" / "b.md").write_text(LEAVE + "\n## Sick leave\n\nA note is needed.\n", encoding="utf-8")
    done = run(ingest, str(tmp_path), "--collection", name, "--instruction", "Prefer numbers")
    assert done.code == 0, done.err
    return name


def test_collections_are_listed(run: Run, kept: str) -> None:
    done = run(collections)
    assert done.rows[0] == ("collection", "documents", "chunks", "embedder", "rerank instruction")
    assert (kept, "2", "2", EMBEDDER, "Prefer numbers") in done.rows


def test_documents_are_listed_by_collection(run: Run, kept: str) -> None:
    mine = [(kept, "a.md", "Leave", "1", "0", "1", "0"), (kept, "sub/b.md", "Leave", "1", "0", "1", "0")]
    done = run(documents, "--collection", kept)
    heads = ("collection", "document", "title", "version", "pages", "chunks", "suspicious")
    assert done.rows == [heads, *mine]
    assert set(mine) <= set(run(documents).rows)


def test_collection_is_made_once(run: Run) -> None:
    name = f"made {uuid.uuid4().hex}"
    done = run(collections, "create", name, "--instruction", "Prefer statutes")
    assert (done.code, done.out) == (0, f"collection '{name}' is there (0 documents, 0 chunks)\n")
    assert run(collections, "create", name).out == done.out
    assert (name, "0", "0", "", "Prefer statutes") in run(collections).rows


def test_instruction_is_set_listed_and_restored(run: Run, kept: str) -> None:
    done = run(collections, "instruct", kept, "Prefer statutes", "--note", "why not")
    assert done.out == f"instruction version 2 of '{kept}' is in force\n"
    done = run(collections, "instructions", kept, "--restore", "1")
    assert done.out == f"instruction version 3 of '{kept}' is in force\n"
    rows = run(collections, "instructions", kept).rows
    assert [(version, text, note) for version, _, text, note in rows] == [
        ("version", "instruction", "note"),
        ("1", "Prefer numbers", ""),
        ("2", "Prefer statutes", "why not"),
        ("3", "Prefer numbers", "version 1 restored"),
    ]
    assert all(since.endswith("+00:00") for _, since, _, _ in rows[1:])


def test_deleting_a_document_asks_first(run: Run, kept: str) -> None:
    asked = f"Delete document 'sub/b.md' from collection '{kept}'? [y/N]: "
    refused = run(documents, "delete", "sub/b.md", "--collection", kept, typed="n\n")
    assert (refused.code, refused.out) == (1, f"{asked}n\n")
    assert len(run(documents, "--collection", kept).rows) == 3
    done = run(documents, "delete", "sub/b.md", "--collection", kept, typed="y\n")
    assert done.code == 0
    told = done.out.removeprefix(f"{asked}y\ndeleted document 'sub/b.md' (1 chunks)\nuntil ")
    assert told.endswith(f": touchstone documents restore sub/b.md --collection '{kept}'\n")
    assert [row[1] for row in run(documents, "--collection", kept).rows] == ["document", "a.md"]


def test_deleted_document_is_listed_restored_and_purged(run: Run, kept: str) -> None:
    where = ("--collection", kept)
    run(documents, "delete", "a.md", *where, "--yes")
    assert [row[:3] for row in run(documents, "trash", *where).rows[1:]] == [(kept, "a.md", "Leave")]
    done = run(documents, "restore", "a.md", *where)
    assert (done.code, done.out) == (0, "document 'a.md': restored (now version 1)\n")
    taken = run(documents, "restore", "a.md", *where)
    assert (taken.code, taken.out) == (1, "")
    assert "one of that name is in collection" in taken.err
    run(documents, "delete", "a.md", *where, "--yes")
    asked = f"Delete the trash of collection '{kept}' for good? [y/N]: "
    assert run(documents, "purge", *where, typed="n\n").out == f"{asked}n\n"
    assert run(documents, "purge", *where, "--yes").out == "deleted for good: 'a.md'\n"
    assert "is not in the trash of collection" in run(documents, "restore", "a.md", *where).err


def test_old_version_is_listed_and_published_again(run: Run, kept: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(LEAVE.replace("12", "15"), encoding="utf-8")
    assert run(ingest, str(tmp_path / "a.md"), "--collection", kept).code == 0
    rows = run(documents, "versions", "a.md", "--collection", kept).rows
    assert [(row[0], row[2] == "(shown)", *row[3:]) for row in rows[1:]] == [
        ("2", True, "1", "1", "0", "0", "0"),
        ("1", False, "1", "0", "1", "0", "0"),
    ]
    done = run(documents, "rollback", "a.md", "--collection", kept, "--version", "1")
    assert (done.code, done.out) == (0, "document 'a.md': version 1 published again (now version 3)\n")


def test_contradicting_versions_are_reported(run: Run, kept: str, tmp_path: Path) -> None:
    for name, days in (("leave-v1.md", "12"), ("leave-v2.md", "15")):
        text = f"# Leave\n\nEvery employee of the company has {days} days of annual leave in a full year.\n"
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert run(ingest, str(tmp_path / name), "--collection", kept).code == 0
    told = run(collections, "duplicates", kept).out
    assert "leave-v1.md | leave-v2.md (names alike" in told
    assert "leave-v1.md: Every employee of the company has 12 days of annual leave in a full year." in told
    assert "leave-v2.md: Every employee of the company has 15 days of annual leave in a full year." in told


def test_deleting_a_collection_asks_first(run: Run, kept: str) -> None:
    asked = f"Delete collection '{kept}' with 2 documents for good? [y/N]: "
    refused = run(collections, "delete", kept, typed="n\n")
    assert (refused.code, refused.out) == (1, f"{asked}n\n")
    done = run(collections, "delete", kept, "--yes")
    assert (done.code, done.out) == (0, f"deleted collection '{kept}' (2 documents, 2 chunks)\n")
    assert kept not in [row[0] for row in run(collections).rows]


def test_reindex_reports_every_document(run: Run, kept: str) -> None:
    done = run(reindex, kept)
    assert done.code == 0, done.err
    assert sorted(row[:4] for row in done.rows[1:]) == [
        ("a.md", "reindexed", "0", "1"),
        ("sub/b.md", "reindexed", "0", "1"),
    ]
    assert "2 files: 2 reindexed" in done.out


def test_doctor_finds_everything_in_order(run: Run, kept: str) -> None:
    done = run(doctor)
    assert done.code == 0, done.out
    lines = done.out.splitlines()
    assert lines[1] == "ok   database: ok"
    assert f"ok   collection '{kept}': 2 documents, 2 chunks" in lines
    assert "ok   fallback reranker: none; latency budget: none" in lines
    assert all(line.startswith("ok   ") for line in lines)


@pytest.mark.parametrize(
    ("command", "arguments", "code", "says"),
    [
        (documents, ("--collection", "no/thing"), 1, "collection 'no/thing' does not exist (there is: "),
        (documents, ("delete", "a", "--collection", "nothing", "--yes"), 1, "'nothing' does not exist"),
        (collections, ("instructions", "nothing"), 1, "collection 'nothing' does not exist"),
        (collections, ("instruct", "nothing", "x"), 1, "collection 'nothing' does not exist"),
        (collections, ("delete", "nothing", "--yes"), 1, "collection 'nothing' does not exist"),
        (collections, ("create", "x~y"), 2, "collection name 'x~y' cannot be used"),
        (reindex, ("nothing",), 1, "collection 'nothing' does not exist"),
    ],
)
def test_what_cannot_be_done_is_said(
    run: Run, command: click.Command, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = run(command, *arguments)
    assert (done.code, done.out) == (code, "")
    assert says in done.err


def test_instruction_that_is_too_long_is_refused(run: Run, kept: str) -> None:
    done = run(collections, "instruct", kept, "x" * 2001)
    assert (done.code, done.out) == (2, "")
    assert "2000" in done.err


def test_owner_that_is_no_server_is_named(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    done = _run(tmp_path, documents)
    assert (done.code, done.out) == (DataDirectoryLocked.exit_code, "")
    assert "is in use by process" in done.err
    done = _run(tmp_path, doctor)
    assert done.code == 1
    assert "FAIL data directory" in done.out
    lock.release()


def test_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.announce("http://127.0.0.1:9")
    done = _run(tmp_path, collections)
    assert done.code == 1
    assert "the server at http://127.0.0.1:9 does not answer (ConnectError)" in done.err
    lock.release()
