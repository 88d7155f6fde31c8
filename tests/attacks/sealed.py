"""A real server in a network namespace with nothing but a loopback; what it did, and what it tried.

Run as ``unshare -rn python -m tests.attacks.sealed FOLDER``; prints one JSON object. The kernel counts every
packet for which it has no route, whatever library sent it; Python's audit events name the address.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import httpx

SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
ROOT = Path(__file__).resolve().parents[2]
SERVE = """
import sys
TOLD = open({told!r}, "a", buffering=1)
def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        where = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        TOLD.write(f"{{event}} {{where!r}}\\n")
sys.addaudithook(hook)
from app.cli.main import main
main()
"""
HANDBOOK = "# Boiler room\n\nThe boiler is serviced every eighteen months by Harlow Heating.\n"


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sh", b"lo", IFF_UP))


def _no_route() -> int:
    """Packets, of IPv4 and IPv6, that this namespace had no route for."""
    names, values = (
        line.split()[1:] for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:")
    )
    six = dict(line.split() for line in Path("/proc/net/snmp6").read_text().splitlines())
    return int(dict(zip(names, values, strict=True))["OutNoRoutes"]) + int(six.get("Ip6OutNoRoutes", 0))


def _use(url: str) -> dict[str, object]:
    """Take in a file, ask, search and rerank, as clients of this machine."""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        deadline = time.monotonic() + 120
        while not client.get("/api/status").json()["ready"]:
            if time.monotonic() > deadline:
                raise TimeoutError("the server did not become ready")
            time.sleep(0.2)
        added = client.post(
            "/api/collections/house/documents", params={"name": "boiler.md", "wait": "true"}, content=HANDBOOK
        )
        asked = client.post(
            "/api/ask", json={"question": "How often is the boiler serviced?", "collection": "house"}
        )
        judged = client.post("/v1/rerank", json={"query": "boiler", "documents": ["boiler", "badge"]})
        page = client.get("/")
        return {
            "added": added.json().get("status"),
            "answered": "every eighteen months" in asked.text,
            "judged": len(judged.json().get("results", ())),
            "page": page.status_code,
        }


def main() -> None:
    """Serve, use, count, and last show that a try would have been counted."""
    folder = Path(sys.argv[1])
    _raise_loopback()
    told = folder / "told"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("TOUCHSTONE_", "HF_"))},
        "TOUCHSTONE_DATA_DIR": str(folder / "data"),
        "TOUCHSTONE_PROFILE": "starter",
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE.format(told=str(told)), "serve", "--port", "0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = next((word for word in process.stdout.readline().split() if word.startswith("http://")), "")
        found = _use(url)
        state = Path(f"/proc/{process.pid}/environ").read_bytes()
        found["environment_is_clean"] = b"HF_HUB_OFFLINE" not in state  # the program sets it, not the caller
    finally:
        process.terminate()
        process.wait(30)
    found["no_route"] = _no_route()
    found["told"] = told.read_text().splitlines()
    with socket.socket() as attempt:
        found["control"] = attempt.connect_ex(("192.0.2.1", 443)) != 0
    found["no_route_after_a_try"] = _no_route()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
