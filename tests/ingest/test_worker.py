"""A parser process takes nothing with it: not time, not memory, not the parent's trust."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from ingest import confine
from ingest.errors import IngestError
from ingest.parse import parse
from ingest.readers import READERS, Reader
from ingest.settings import IngestSettings
from ingest.types import Document, MediaType, Source
from ingest.worker import Sandbox, Start
from tests.ingest.pdfs import make_pdf, text
from tests.ingest.sources import SETTINGS, parsed

ROOT = Path(__file__).parents[2]
HOSTILE = Reader("tests.ingest.hostile", "hostile", "do not use this file", 1)
ABSENT = Reader("tests.ingest.no_such_module", "absent", "convert it", 1, extra="office")
KINDS = {**READERS, "test/hostile": HOSTILE, "test/absent": ABSENT}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(KINDS) as sandbox:
        yield sandbox


@pytest.fixture(params=["zygote", "single"])
def each(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    start: Start = request.param
    with Sandbox(KINDS, start) as sandbox:
        yield sandbox


class Heard:
    """Progress that remembers; ``pid`` is the parser process, once it has told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []
        self.times: list[float] = []

    def __call__(self, stage: str, done: int, total: int) -> None:
        self.calls.append((stage, done, total))
        self.times.append(time.monotonic())

    @property
    def pid(self) -> int:
        return next((done for _, done, total in self.calls if total == 2**31), 0)


def _source(action: str, media_type: str = "test/hostile") -> Source:
    return Source("d", "c", "a.bin", cast(MediaType, media_type), "0" * 64, action.encode())


def _run(
    sandbox: Sandbox, action: str, settings: IngestSettings = SETTINGS, heard: Heard | None = None
) -> Document:
    return parse(_source(action), settings, progress=heard or Heard(), sandbox=sandbox)


def _failed(
    sandbox: Sandbox, action: str, settings: IngestSettings = SETTINGS, heard: Heard | None = None
) -> IngestError:
    with pytest.raises(IngestError) as caught:
        _run(sandbox, action, settings, heard)
    return caught.value


def _eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds within five seconds."""
    until = time.monotonic() + 5
    while not (held := holds()) and time.monotonic() < until:
        time.sleep(0.01)
    return held


def _gone(pid: int) -> bool:
    """Whether the process has ended, or does so within five seconds."""

    def ended() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (FileNotFoundError, ProcessLookupError):
            return True

    return _eventually(ended)


def _zygotes(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            status = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if b"ingest.zygote" in command and status[1] == str(parent) and status[0] != "Z":
            found.append(int(folder.name))
    return found


@contextmanager
def _fresh() -> Iterator[tuple[Sandbox, int]]:
    """A sandbox of the test's own, with its zygote."""
    others = set(_zygotes(os.getpid()))
    with Sandbox(KINDS) as sandbox:
        assert _run(sandbox, "echo one").text == "one"
        (zygote,) = set(_zygotes(os.getpid())) - others
        yield sandbox, zygote


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_endless_loop_ends_with_the_clock(each: Sandbox) -> None:
    heard = Heard()
    started = time.monotonic()
    error = _failed(each, "loop", IngestSettings(parse_timeout_s=1.5), heard)
    assert (error.code, str(error)) == (
        "parse_timeout", "a.bin: not parsed within 1.5 s; split the file, or raise ingest.parse_timeout_s",
    )
    assert time.monotonic() - started < 5
    assert _gone(heard.pid)


def test_endless_loop_ends_with_its_processor_time(sandbox: Sandbox) -> None:
    error = _failed(sandbox, "loop", IngestSettings(parse_cpu_s=1))
    assert (error.code, str(error)) == (
        "parse_timeout",
        "a.bin: parsing used more than 1 s of processor time; split the file, or raise ingest.parse_cpu_s",
    )


def test_four_gigabytes_are_refused(each: Sandbox) -> None:
    error = _failed(each, "memory")
    assert error.code == "parse_memory"
    assert "parsing needs more than 1,073,741,824 bytes of memory; do not use this file" in str(error)
    assert _run(each, "echo fine").text == "fine"


def test_libraries_do_not_count_as_memory_of_the_parse(sandbox: Sandbox) -> None:
    small = IngestSettings(parse_memory_bytes=134_217_728)
    assert parsed(make_pdf([text(50, 700, "fine")]), "b.pdf", small).text == "fine"


def test_flate_bomb_ends_only_its_own_parse() -> None:
    bomb = make_pdf([b" " * 300_000_000 + text(50, 700, "hi")], compress=True)
    settings = IngestSettings(parse_memory_bytes=268_435_456)
    with pytest.raises(IngestError, match=r"a.pdf: parsing needs more than 268,435,456 bytes") as caught:
        parsed(bomb, "a.pdf", settings)
    assert caught.value.code == "parse_memory"


@pytest.mark.parametrize(
    ("action", "how"),
    [
        ("abort", "the hostile parser ended with SIGABRT"),
        ("crash", "the hostile parser ended with SIGSEGV"),
        ("exit", "the hostile parser ended with exit code 7"),
        ("mute", "the hostile parser fell silent, and was stopped"),
        ("chatter", "the hostile parser wrote what no parser writes, and was stopped"),
        ("print", "the hostile parser wrote what no parser writes, and was stopped"),
    ],
)
def test_crash_names_the_kind_of_file_and_how_it_ended(sandbox: Sandbox, action: str, how: str) -> None:
    heard = Heard()
    error = _failed(sandbox, action, heard=heard)
    assert (error.code, str(error)) == ("parse_crash", f"a.bin: {how}; do not use this file")
    assert _gone(heard.pid)


def test_reply_of_a_gigabyte_is_not_read(sandbox: Sandbox) -> None:
    started = time.monotonic()
    assert _failed(sandbox, "reply").code == "too_much_text"
    assert time.monotonic() - started < 2


def test_process_can_do_nothing_but_read_its_file(each: Sandbox) -> None:
    rules = confine.prepare(())  # None on kernels without Landlock, where other files can be read
    if rules is not None:
        os.close(rules)
    assert each.escapes(SETTINGS) == (("reading",) if rules is None else ())


def test_attempts_to_break_out_work_outside_the_sandbox() -> None:
    code = (
        "import sys; from ingest.probe import read; from ingest.readers import Limits; "
        "print(read(b'', Limits(1, 1), '', print).text)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["network", "processes", "signals", "reading", "writing"]


def test_grandchildren_are_not_born(each: Sandbox) -> None:
    heard = Heard()
    error = _failed(each, "fork", heard=heard)
    assert error.code == "parse_crash"
    assert "its parser failed (PermissionError in hostile.py" in str(error)
    assert _gone(heard.pid)


def test_reader_whose_library_is_missing_says_what_to_install(each: Sandbox) -> None:
    message = r"needs tests.ingest.no_such_module, .*'touchstone-kb\[office\]'"
    with pytest.raises(IngestError, match=message) as caught:
        parse(_source("", "test/absent"), SETTINGS, sandbox=each)
    assert caught.value.code == "unsupported_type"


def test_kind_that_nothing_reads_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(IngestError, match=r"a.bin: no parser reads image/png") as caught:
        parse(_source("", "image/png"), SETTINGS, sandbox=sandbox)
    assert caught.value.code == "unsupported_type"


def test_limits_of_pages_and_characters_hold() -> None:
    two = make_pdf([text(50, 700, "one"), text(50, 700, "two")])
    with pytest.raises(IngestError, match="2 pages are over the limit of 1") as pages:
        parsed(two, "a.pdf", IngestSettings(max_pages=1))
    with pytest.raises(IngestError, match="more than 5 characters of text") as characters:
        parsed(two, "a.pdf", IngestSettings(max_characters=5))
    assert (pages.value.code, characters.value.code) == ("too_many_pages", "too_much_text")
    for name in ("a.md", "a.txt"):
        with pytest.raises(IngestError, match=r"7 characters are more than the limit of 5") as text_too_long:
            parsed("x" * 7, name, IngestSettings(max_characters=5))
        assert text_too_long.value.code == "too_much_text"


def test_progress_is_heard_while_the_process_is_silent(sandbox: Sandbox) -> None:
    heard = Heard()
    assert _run(sandbox, "nap", heard=heard).text == "survived"
    gaps = [after - before for before, after in zip(heard.times, heard.times[1:], strict=False)]
    assert heard.calls[0] == ("parse", 0, 1)
    assert len(gaps) >= 4
    assert max(gaps) < 0.6  # 0.2 where the machine has nothing else to do


def test_progress_counts_pages_and_ends_with_all_of_them(sandbox: Sandbox) -> None:
    heard = Heard()
    source = Source("d", "c", "a.pdf", "application/pdf", "", make_pdf([text(50, 700, "one")] * 3))
    parse(source, SETTINGS, progress=heard, sandbox=sandbox)
    assert heard.calls[0] == ("parse", 0, 1)
    assert {total for _, _, total in heard.calls[1:]} == {3}
    assert heard.calls == sorted(heard.calls)
    assert heard.calls[-1] == ("parse", 3, 3)


@pytest.mark.parametrize("action", ["sleep", "loop"])
def test_cancelling_ends_the_process_at_once(each: Sandbox, action: str) -> None:
    class Cancelled(Exception):
        pass

    heard = Heard()
    cancelled_at = 0.0

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal cancelled_at
        heard(stage, done, total)
        if heard.pid:
            cancelled_at = time.monotonic()
            raise Cancelled

    with pytest.raises(Cancelled):
        parse(_source(action), SETTINGS, progress=progress, sandbox=each)
    assert time.monotonic() - cancelled_at < 0.5
    assert not Path(f"/proc/{heard.pid}").exists()


def test_zygote_killed_between_two_parses_is_replaced() -> None:
    with _fresh() as (sandbox, zygote):
        before = set(_zygotes(os.getpid()))
        os.kill(zygote, signal.SIGKILL)
        assert _run(sandbox, "echo two").text == "two"
        (other,) = set(_zygotes(os.getpid())) - before
    assert _gone(other)


def test_zygote_killed_during_a_parse_costs_nothing_but_time() -> None:
    with _fresh() as (sandbox, zygote):
        heard = Heard()

        def progress(stage: str, done: int, total: int) -> None:
            if heard.pid == 0 and total == 2**31:
                os.kill(zygote, signal.SIGKILL)
            heard(stage, done, total)

        assert parse(_source("nap"), SETTINGS, progress=progress, sandbox=sandbox).text == "survived"
        assert _gone(heard.pid)


def test_zygote_that_dies_each_time_is_reported() -> None:
    others = set(_zygotes(os.getpid()))
    with Sandbox(KINDS) as sandbox:

        def progress(stage: str, done: int, total: int) -> None:
            if total == 2**31:
                for zygote in set(_zygotes(os.getpid())) - others:
                    os.kill(zygote, signal.SIGKILL)

        with pytest.raises(IngestError, match=r"the hostile parser ended 2 times; run touchstone doctor"):
            parse(_source("sleep"), SETTINGS, progress=progress, sandbox=sandbox)


def test_zygote_that_hangs_is_replaced() -> None:
    with _fresh() as (sandbox, zygote):
        os.kill(zygote, signal.SIGSTOP)
        assert _failed(sandbox, "echo two", IngestSettings(parse_timeout_s=0.3)).code == "parse_timeout"
        assert _gone(zygote)
        assert _run(sandbox, "echo three").text == "three"


def test_threads_get_the_same_results_as_one_after_the_other(sandbox: Sandbox) -> None:
    sources = [
        Source("d", "c", f"{n}.pdf", "application/pdf", "", make_pdf([text(50, 700, f"document {n}")] * 3))
        for n in range(8)
    ]

    def document(source: Source) -> Document:
        return parse(source, SETTINGS, sandbox=sandbox)

    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(document, sources))
    assert at_once == [document(source) for source in sources]
    assert at_once[7].text.startswith("document 7")


def test_hostile_files_do_not_disturb_their_neighbours(sandbox: Sandbox) -> None:
    actions = ["echo a", "crash", "echo b", "abort", "exit", "echo c", "memory", "echo d"]

    def outcome(action: str) -> str:
        try:
            return _run(sandbox, action).text
        except IngestError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(outcome, actions)) == [
            "a", "parse_crash", "b", "parse_crash", "parse_crash", "c", "parse_memory", "d",
        ]


def leaking(parses: int) -> tuple[int, int, str]:
    """What so many parses leave open, here and in the zygote, and which processes they leave to it."""

    def settled() -> tuple[int, int]:
        """Once nothing has changed for a tenth of a second: a zygote reports a death before it lets go."""
        counts = [(_descriptors(os.getpid()), _descriptors(zygote))]

        def still() -> bool:
            counts.append((_descriptors(os.getpid()), _descriptors(zygote)))
            return len(counts) > 10 and len(set(counts[-10:])) == 1

        assert _eventually(still)
        return counts[-1]

    with _fresh() as (sandbox, zygote):
        _failed(sandbox, "exit")
        before = settled()
        for n in range(parses):
            assert _run(sandbox, f"echo {n}").text == str(n)
        _failed(sandbox, "exit")
        after = settled()
        children = Path(f"/proc/{zygote}/task/{zygote}/children").read_text()
        return after[0] - before[0], after[1] - before[1], children


def test_descriptors_do_not_leak() -> None:
    # In a process of its own: in this one, threads and the garbage of tests before close files of theirs.
    code = "from tests.ingest.test_worker import leaking; print(leaking(200))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "(0, 0, '')"


def test_single_starts_do_not_leak_descriptors() -> None:
    with Sandbox(KINDS, "single") as sandbox:
        before = _descriptors(os.getpid())
        for n in range(3):
            assert _run(sandbox, f"echo {n}").text == str(n)
        assert _descriptors(os.getpid()) == before


def test_parent_that_is_killed_leaves_nothing_behind() -> None:
    code = (
        "import sys; from tests.ingest.test_worker import KINDS, _source; from ingest.parse import parse; "
        "from ingest.worker import Sandbox; from tests.ingest.sources import SETTINGS\n"
        "def tell(stage, done, total):\n    if total == 2**31: print(done, flush=True)\n"
        "parse(_source('sleep'), SETTINGS, progress=tell, sandbox=Sandbox(KINDS))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        parser = int(parent.stdout.readline())
        (zygote,) = _zygotes(parent.pid)
        parent.kill()
    assert _gone(zygote)
    assert _gone(parser)


def test_program_that_ends_leaves_nothing_behind() -> None:
    code = (
        "import os; from tests.ingest.test_worker import _zygotes; from tests.ingest.sources import parsed; "
        "parsed('text', 'a.md'); print(*_zygotes(os.getpid()))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stderr == ""
    assert _gone(int(done.stdout))


def test_forked_copy_of_the_program_gets_a_zygote_of_its_own() -> None:
    code = (
        "import os; from tests.ingest.test_worker import _zygotes; from tests.ingest.sources import parsed\n"
        "parsed('one', 'a.md')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    print(parsed('two', 'a.md').text, len(_zygotes(os.getpid())), flush=True); os._exit(0)\n"
        "os.waitpid(child, 0); print(parsed('three', 'a.md').text, len(_zygotes(os.getpid())))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines() == ["two 1", "three 1"]


def test_password_travels_only_over_the_channel(sandbox: Sandbox) -> None:
    password = "".join(("correct horse ", "电池"))
    source = _source(f"password {password}")
    assert parse(source, SETTINGS, sandbox=sandbox, password=password).text == "opened"
    for zygote in _zygotes(os.getpid()):
        for name in ("cmdline", "environ"):
            assert password.encode() not in Path(f"/proc/{zygote}/{name}").read_bytes()


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", r"a.bin: the file is locked with a password; give the password, or upload a copy without one"),
        ("guess-17", r"a.bin: the password given does not open this file; check it and try again"),
        ("guess-17" * 1_000, r"a.bin: the password given does not open this file; check it and try again"),
    ],
)
def test_wrong_password_is_told_from_a_missing_one(sandbox: Sandbox, password: str, message: str) -> None:
    with pytest.raises(IngestError) as caught:
        parse(_source("password right"), SETTINGS, sandbox=sandbox, password=password)
    assert (caught.value.code, str(caught.value)) == ("encrypted", message)


def test_environment_of_the_parent_does_not_reach_the_zygote(sandbox: Sandbox) -> None:
    _run(sandbox, "echo one")
    assert {Path(f"/proc/{zygote}/environ").read_bytes() for zygote in _zygotes(os.getpid())} == {b""}


def test_closing_ends_parses_at_work() -> None:
    with Sandbox(KINDS) as sandbox:
        heard = Heard()
        closer = threading.Timer(0.3, sandbox.close)
        closer.start()
        assert _run(sandbox, "nap", heard=heard).text == "survived"  # on a new zygote
        closer.join()
    assert _gone(heard.pid)


def test_heavy_libraries_stay_out_of_the_parent() -> None:
    code = (
        "import sys; import ingest.worker, ingest.parse; from tests.ingest.sources import parsed; "
        "parsed('# a', 'a.md'); heavy = ('pypdf', 'pypdfium2', 'markdown_it', 'lxml', 'openpyxl', 'docx'); "
        "print([name for name in sys.modules if name.split('.')[0] in heavy])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"
