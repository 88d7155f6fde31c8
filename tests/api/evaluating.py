"""Golden sets about the handbook, evaluations of them, and a model that can be held."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from generation.protocols import Stopped, never
from generation.types import Prompt, Sampling
from tests.api.served import LEAVE
from tests.fakes.generation import ScriptedGenerator

EXPENSES = "How long does it take until expenses are paid?"
NOTHING = "Which submarine serves the moon base?"
AT = "/api/collections/handbook/evaluations"
ENDED = ("done", "failed", "cancelled", "interrupted")
CASES: Sequence[dict[str, Any]] = (
    {
        "question": LEAVE,
        "evidence": [{"document": "handbook.md", "quote": "Employees have 12 days of annual leave."}],
        "answers": ["12 days"],
    },
    {
        "question": EXPENSES,
        "evidence": [{"document": "handbook.md", "quote": "Expenses are paid within 10 working days"}],
    },
    {"question": NOTHING, "answerable": False},
)


class Held(ScriptedGenerator):
    """Writes nothing while it is held, until it is told to stop."""

    def __init__(self) -> None:
        super().__init__("Employees have 12 days of annual leave. [1]")
        self.free = threading.Event()
        self.free.set()
        self.asked = threading.Event()

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        self.asked.set()
        while not (self.free.is_set() or stopped()):
            time.sleep(0.01)
        yield from super().stream(prompt, sampling, stopped)


def make_golden(client: httpx.Client, name: str, cases: Sequence[dict[str, Any]] = CASES) -> str:
    """The address of a new golden set about the handbook."""
    made = client.post("/api/golden", json={"collection": "handbook", "name": name})
    assert made.status_code == 201, made.text
    at: str = made.headers["location"]
    for case in cases:
        added = client.post(f"{at}/cases", json=case)
        assert (added.status_code, added.json()["state"]) == (201, "accepted"), added.text
    return at


def begin(client: httpx.Client, name: str, **wanted: Any) -> str:  # noqa: ANN401 - JSON
    """The address of a new evaluation of that set."""
    made = client.post(AT, json={"golden_set": name, **wanted})
    assert made.status_code == 202, made.text
    at: str = made.headers["location"]
    assert at == f"/api/evaluations/{made.json()['id']}"
    return at


def until(client: httpx.Client, at: str, states: Sequence[str] = ENDED) -> dict[str, Any]:
    """The evaluation once it is in one of these states."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found: dict[str, Any] = client.get(at).json()
        if found["state"] in states:
            return found
        time.sleep(0.02)
    pytest.fail(f"{at} is {found['state']}, not {states}")


def events_of(client: httpx.Client, at: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and data of every event, to the last one."""
    events, name = [], ""
    with client.stream("GET", f"{at}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                events.append((name, json.loads(line.removeprefix("data: "))))
    return events
