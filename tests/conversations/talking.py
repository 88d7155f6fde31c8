"""Somebody who talks to a server over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

QUESTION = "How many days of annual leave do employees have?"


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a stream."""

    seq: int
    name: str
    data: Any


class Person:
    """A client with a key of his own, "" for none."""

    def __init__(self, url: str, key: str = "", *, language: str = "en") -> None:
        headers = {"Accept-Language": language}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        self.http = httpx.Client(base_url=url, headers=headers, timeout=20)

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def talk(self, **body: object) -> str:
        """The id of a new conversation."""
        made = self.http.post("/api/conversations", json=body)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    def ask(self, conversation: str, question: str = QUESTION, **body: object) -> str:
        """The id of a message whose answer is being written."""
        path = f"/api/conversations/{conversation}/messages"
        taken = self.http.post(path, json={"question": question, **body})
        assert taken.status_code == 202, taken.text
        return str(taken.json()["message_id"])

    def answered(self, conversation: str, question: str = QUESTION, **body: object) -> dict[str, Any]:
        """The message, once its answer is there."""
        return self.done(self.ask(conversation, question, **body))

    def done(self, message: str) -> dict[str, Any]:
        """The message, once it has ended."""
        last = list(self.events(message))[-1]
        assert last.name == "done"
        found: dict[str, Any] = last.data
        return found

    def events(self, message: str, after: int = 0) -> Iterator[Told]:
        """The events of a message behind ``after``, until the stream ends."""
        with self.following(message, after) as events:
            yield from events

    @contextmanager
    def following(self, message: str, after: int = 0) -> Iterator[Iterator[Told]]:
        """An open stream; leaving the context closes the connection."""
        headers = {"Last-Event-ID": str(after)} if after else {}
        with self.http.stream("GET", f"/api/messages/{message}/events", headers=headers) as response:
            if response.status_code != 200:
                response.read()
                raise AssertionError(response.text)
            yield _told(response.iter_lines())

    def get(self, path: str, **params: object) -> dict[str, Any]:
        """The JSON behind an address."""
        found = self.http.get(path, params=params)  # type: ignore[arg-type]  # values of queries
        assert found.status_code == 200, found.text
        shown: dict[str, Any] = found.json()
        return shown


def text_of(events: list[Told]) -> str:
    """What the deltas say."""
    return "".join(str(each.data["text"]) for each in events if each.name == "delta")


def _told(lines: Iterator[str]) -> Iterator[Told]:
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in fields:
                yield Told(int(fields.get("id", 0)), fields["event"], json.loads(fields["data"]))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
