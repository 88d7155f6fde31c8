import errno
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import failpoints
from app.errors import SettingsError
from app.failpoints import POINTS, Injected, arm, hit
from app.settings import load_settings

SOURCES = Path(failpoints.__file__).parent


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("")


def test_every_point_stands_somewhere_in_the_program_and_nothing_else_does() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py"))
    assert [point for point in POINTS if f'hit("{point}")' not in text] == []
    assert len(POINTS) == len(set(POINTS)) >= 16


def test_nothing_happens_unless_armed() -> None:
    for point in POINTS:
        hit(point)
    assert failpoints.passed("parse.before") == 0


def test_action_happens_at_the_time_that_was_asked_for() -> None:
    arm("parse.before:2=raise")
    hit("parse.before")
    hit("parse.after")
    with pytest.raises(Injected, match=r"fail point parse\.before"):
        hit("parse.before")
    hit("parse.before")


def test_full_disk_and_sleep_are_what_they_say() -> None:
    arm("parse.before=enospc, chunk.before=sleep:0.05")
    with pytest.raises(OSError, match="No space left") as caught:
        hit("parse.before")
    assert caught.value.errno == errno.ENOSPC
    began = time.monotonic()
    hit("chunk.before")
    assert time.monotonic() - began >= 0.05


def test_kill_ends_the_process_at_once() -> None:
    code = "from app.failpoints import arm, hit\narm('parse.before=kill')\n"
    code += "try: hit('parse.before')\nfinally: print('not dead')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "")


@pytest.mark.parametrize("spec", ["parse.before", "nowhere=kill", "parse.before=jump", "parse.before:x=kill"])
def test_what_cannot_be_used_is_an_error_of_the_settings(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_FAILPOINTS", spec)
    with pytest.raises(SettingsError, match=r"TOUCHSTONE_FAILPOINTS: fail point"):
        load_settings()
