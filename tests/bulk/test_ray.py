"""The same folder by jobs and by Ray Data on this machine, as a person runs it; Ray cut off on the way."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.access.principal import LOCAL
from app.bulk.ray_driver import RayFailed, RayMissing, require_ray
from app.cli.bulk import ray_desk
from app.cli.ingest import ingest
from app.errors import BadRequest, DataDirectoryLocked
from app.services import Services
from app.settings import Settings
from app.storage.lock import DirectoryLock
from app.wiring import build_models
from tests.bulk.contents import COLLECTION, fill, rows
from tests.fakes.chroma_server import chroma_server
from tests.faults.whole import check_whole, finish

TOUCHSTONE = Path(sys.executable).parent / "touchstone"


@pytest.fixture
def ray_installed() -> None:
    pytest.importorskip("ray", reason="the optional extra ray is not installed; `make test` installs it")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    fill(path)
    return path


@contextmanager
def _ingesting(data_dir: Path, folder: Path, **more: str) -> Iterator[subprocess.Popen[str]]:
    """``touchstone ingest --engine ray`` in a session of its own, as a terminal starts it."""
    environment = {
        **os.environ,
        "TOUCHSTONE_DATA_DIR": str(data_dir),
        "TOUCHSTONE_PROFILE": "starter",
        "TOUCHSTONE_TRASH_DAYS": "0",
        **more,
    }
    process = subprocess.Popen(
        [TOUCHSTONE, "ingest", str(folder), "--collection", COLLECTION, "--engine", "ray"],
        env=environment,
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _opened(data_dir: Path, **settings: object) -> Iterator[Services]:
    made = Settings.model_validate(
        {"data_dir": data_dir, "profile": "starter", "demo": False, "trash_days": 0, **settings}
    )
    with Services(made, build_models=build_models) as services:
        services.load()
        yield services


def _until_published(data_dir: Path, documents: int, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 150
    while _published(data_dir) < documents:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _published(data_dir: Path) -> int:
    path = data_dir / "touchstone.sqlite3"
    if not path.exists():
        return 0
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        with closing(connection):
            found = connection.execute("SELECT count(*) FROM document WHERE current_version > 0")
            return int(found.fetchone()[0])
    except sqlite3.OperationalError:  # its tables are being made
        return 0


def _processes_of(session: int) -> list[str]:
    """Command lines of processes that were started, however far down, by what led this session."""
    marked = f"BULK_TEST_SESSION={session}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if marked in environment.split(b"\0") and command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.mark.slow
@pytest.mark.timeout(400)  # Ray starts a dozen interpreters, which takes its time on a busy machine
@pytest.mark.usefixtures("ray_installed")
def test_ray_makes_of_a_folder_chunk_for_chunk_what_jobs_make(folder: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        (tmp_path / "chroma").mkdir()
        port = stack.enter_context(chroma_server(tmp_path / "chroma"))
        remote = {"TOUCHSTONE_CHROMA__HOST": "127.0.0.1", "TOUCHSTONE_CHROMA__PORT": str(port)}
        with _ingesting(tmp_path / "ray", folder, **remote) as process:
            output, errors = process.communicate(timeout=170)
        assert (process.returncode, errors.strip()) == (1, "")
        assert "7 files: 6 added, 1 failed" in output
        assert "failed: broken.pdf [damaged]" in output

        jobs = stack.enter_context(_opened(tmp_path / "jobs"))
        jobs.ingest([(path, path.relative_to(folder).as_posix()) for path in _files(folder)], COLLECTION)
        made = stack.enter_context(_opened(tmp_path / "ray", chroma={"host": "127.0.0.1", "port": port}))
        assert made.notices == ()
        assert rows(made) == rows(jobs)
        collection = made.collections.named(COLLECTION)
        assert made.vectors.count(collection.id) == collection.chunks > 40
        assert made.lexical.count() == collection.chunks
        question = "报销发票需要哪些盖章？"
        assert _cited(made, question) == _cited(jobs, question) != []


@pytest.mark.slow
@pytest.mark.timeout(400)  # Ray starts a dozen interpreters, which takes its time on a busy machine
@pytest.mark.fault
@pytest.mark.usefixtures("ray_installed")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_ray_cut_off_leaves_a_whole_state_and_no_process(how: signal.Signals, tmp_path: Path) -> None:
    folder, data_dir = tmp_path / "files", tmp_path / "data"
    folder.mkdir()
    for number in range(40):
        text = "".join(f"# Rule {n} of {number}\n\n{'It says this. ' * 60}\n\n" for n in range(5))
        (folder / f"{number:02d}.md").write_text(text, encoding="utf-8")
    slow = {"TOUCHSTONE_FAILPOINTS": "chunk.before=sleep:0.5"}  # while the owner takes in what Ray has made
    with _ingesting(data_dir, folder, **slow, BULK_TEST_SESSION=str(os.getpid())) as process:
        _until_published(data_dir, 2, process)
        os.killpg(process.pid, how)
        process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode == 1
    deadline = time.monotonic() + 120  # Ray's own agents notice late, on a busy machine
    while left := _processes_of(os.getpid()):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    with _opened(data_dir) as services:
        waiting = len(services.ingestion.jobs.open())
        assert finish(services) == ["ready"] * waiting
        counts = services.ingestion.jobs.counts()
        assert 2 <= counts["ready"] == _published(data_dir) == 40 - counts.get("cancelled", 0)
        assert how == signal.SIGINT or "cancelled" not in counts
        check_whole(services)


def test_without_the_extra_the_command_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RayMissing, match=r"needs ray.*pip install 'touchstone-kb\[ray\]'"):
        CliRunner().invoke(
            ingest, [str(tmp_path), "--collection", "x", "--engine", "ray"], catch_exceptions=False
        )


def test_address_without_the_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="goes with --engine ray"):
        CliRunner().invoke(
            ingest, [str(tmp_path), "--collection", "x", "--ray-address", "auto"], catch_exceptions=False
        )


@pytest.mark.usefixtures("ray_installed")
@pytest.mark.parametrize(
    ("address", "error", "what"),
    [
        ("ray://10.0.0.1:10001", BadRequest, "run the command on a machine of the cluster"),
        ("somewhere", BadRequest, "'somewhere' is no address of a Ray cluster"),
        ("127.0.0.1:1", RayFailed, r"nothing answers at --ray-address 127\.0\.0\.1:1 "),
        ("127.0.0.1:99999", RayFailed, "nothing answers"),
    ],
)
def test_address_of_no_use_is_refused_with_the_way_out(
    address: str, error: type[Exception], what: str
) -> None:
    with pytest.raises(error, match=what):
        require_ray(address)


def test_server_that_owns_the_data_is_named_with_both_ways_out(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.announce("http://127.0.0.1:8400")
    with (
        pytest.raises(DataDirectoryLocked, match=r"server at http.*stop the server.*leave --engine ray out"),
        ray_desk(Settings(data_dir=tmp_path, profile="starter"), ""),
    ):
        pass
    lock.release()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _cited(services: Services, question: str) -> list[tuple[str, str]]:
    result = services.answer(services.ask(question, collections=(COLLECTION,), principal=LOCAL))
    return [(each.document, each.quote) for each in result.answer.citations]

