"""One process owns a data directory, whoever comes at the same time."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

TOUCHSTONE = Path(sys.executable).with_name("touchstone")


def _serve(data_dir: Path, *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "TOUCHSTONE_DATA_DIR": str(data_dir), "TOUCHSTONE_PROFILE": "starter"}
    return subprocess.Popen(
        [TOUCHSTONE, "serve", *options],
        env={**environment, "TOUCHSTONE_DEMO": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.fault
def test_of_servers_started_at_once_one_serves_and_the_others_end_with_3(tmp_path: Path) -> None:
    servers = [_serve(tmp_path, "--port", "0") for _ in range(3)]
    with ExitStack() as stack:
        for server in servers:
            stack.callback(_end, server)
        lines = [server.stdout.readline() for server in servers if server.stdout is not None]
        (url,) = [line.split()[2] for line in lines if line]
        losers = [server for server, line in zip(servers, lines, strict=True) if not line]
        assert [server.wait(20) for server in losers] == [3, 3]
        for loser in losers:
            assert loser.stderr is not None
            assert "is in use by process" in loser.stderr.read()
        assert httpx.get(f"{url}/healthz").status_code == 200
        # a fourth one, on the very port of the first, is told the same
        late = _serve(tmp_path, "--port", url.rsplit(":", 1)[1])
        stack.callback(_end, late)
        out, err = late.communicate(timeout=20)
        assert (late.returncode, out) == (3, "")
        assert f"({url})" in err
        assert httpx.get(f"{url}/healthz").status_code == 200


def _end(server: subprocess.Popen[str]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
    for stream in (server.stdout, server.stderr):
        if stream is not None:
            with closing(stream):
                pass
