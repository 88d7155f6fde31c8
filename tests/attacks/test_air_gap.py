"""Nothing is sent to anybody: a server where there is no network at all, and the kernel's own count."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.main import COMMANDS
from app.cli.offline import OFFLINE, QUIET

ROOT = Path(__file__).resolve().parents[2]
LOCAL_TRIES = ("'127.0.0.1'", "'::1'", "'localhost'", "None", "'/")  # the last: sockets in the file system


def _namespaces() -> bool:
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _namespaces(), reason="this kernel gives no network namespace to ordinary users")
def test_ingesting_asking_and_reranking_without_a_network_send_nothing_anywhere(tmp_path: Path) -> None:
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-m", "tests.attacks.sealed", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["added"] == "added"
    assert found["answered"] is True
    assert found["judged"] == 2
    assert found["page"] == 200
    assert found["environment_is_clean"] is True
    assert found["no_route"] == 0
    assert found["no_route_after_a_try"] > 0, "the kernel does not count, so nothing was shown"
    foreign = [line for line in found["told"] if not any(local in line for local in LOCAL_TRIES)]
    assert foreign == []


PROBE = """
import os, sys
import app.cli.main as main
seen = {}
def record(_):
    seen[command] = {name: os.environ.pop(name, None) for name in KEYS}
    raise ModuleNotFoundError
main.importlib.import_module = record
for command in main.COMMANDS:
    try:
        main.Commands("x").get_command(None, command)
    except ModuleNotFoundError:
        pass
print(repr(seen))
"""


def test_libraries_are_told_to_stay_offline_before_a_command_is_imported() -> None:
    code = PROBE.replace("KEYS", repr(sorted(OFFLINE | QUIET)))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    seen = ast.literal_eval(done.stdout)
    assert set(seen) == set(COMMANDS)
    for command, told in seen.items():
        expected = QUIET | dict.fromkeys(OFFLINE) if command == "models" else QUIET | OFFLINE
        assert told == expected, command
