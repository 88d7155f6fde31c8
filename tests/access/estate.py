"""A served house of several people: owen's things, and everybody who should not get at them."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.access.principal import LOCAL, USES
from app.services import Services
from app.storage.grants import Grantee
from tests.api.served import PASSWORD, add_user, services_of
from tests.app.server import serving

CANARY = "quixotic-heron-4411"
"""Stands in everything that is owen's and in no name of it."""
COLLECTION, OTHERS, GOLDEN = "owens", "sams", "owens questions"
DOCUMENT = "leave.md"
TEXT = f"# Leave\n\nOwen grants 41 days of leave to those who say {CANARY}.\n"
QUESTION = f"How many days of leave does {CANARY} give?"
KEYS_ONLY = ("/v1", "/v2", "/rerank", "/score")
LISTENED_S = 1.0  # to a stream that does not end


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    headers: str
    body: str

    def tells(self) -> bool:
        """Whether it holds anything of owen's."""
        return CANARY in self.headers or CANARY in self.body


@dataclass(slots=True)
class Person:
    """Somebody at the door: with a session where an address takes one, else with an API key, or neither."""

    url: str
    key: str = ""
    session: dict[str, str] = field(default_factory=dict)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content: bytes | None = None,
    ) -> Reply:
        """One request, with a deadline for streams that do not end."""
        headers = {"Sec-Fetch-Site": "same-origin"}
        timeout = httpx.Timeout(30, read=LISTENED_S if path.endswith("/events") else 30)
        cookies = self.session if not path.startswith(KEYS_ONLY) else {}
        if self.key and not cookies:
            headers["Authorization"] = f"Bearer {self.key}"
        with (
            httpx.Client(base_url=self.url, cookies=cookies, trust_env=False, timeout=timeout) as client,
            client.stream(
                method, path, params=query or {}, json=body, content=content, headers=headers
            ) as answer,
        ):
            told = str(answer.headers)
            if not answer.headers.get("content-type", "").startswith("text/event-stream"):
                return Reply(answer.status_code, told, answer.read().decode("utf-8", "replace"))
            until, heard = time.monotonic() + LISTENED_S, ""
            with suppress(httpx.ReadTimeout):
                for piece in answer.iter_text():
                    heard += piece
                    if time.monotonic() > until:
                        break
            return Reply(answer.status_code, told, heard)

    def json(self, method: str, path: str, **how: Any) -> Any:  # noqa: ANN401 - JSON
        """The answer of a call that has to succeed."""
        reply = self.call(method, path, **how)
        assert reply.status < 300, (method, path, reply)
        return json.loads(reply.body)


@dataclass(frozen=True, slots=True)
class Estate:
    """The served house; ``ids`` are what addresses name of owen's."""

    services: Services
    url: str
    people: dict[str, Person]
    ids: dict[str, str]


def signed_in(url: str, name: str) -> dict[str, str]:
    """The cookie of a new session."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        done = client.post(
            "/api/session",
            json={"username": name, "password": PASSWORD},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert done.status_code == 200, done.text
        return dict(client.cookies)


@contextmanager
def estate(folder: Path) -> Iterator[Estate]:
    """Editors: owen owns ``owens``; rita, wes and mona may read, write, manage it; sam owns ``sams``.
    vera is a viewer who may read ``owens``.

    ``narrow`` is a key of owen's that is for ``sams`` only, ``nobody`` has nothing, ``ada`` is an admin.
    """
    services = services_of(folder / "data", access={"mode": "accounts"}, limits={"apply": "never"})
    with serving(services) as url:
        editors = ("owen", "sam", "rita", "wes", "mona")
        made = {name: add_user(services, name, "editor", {}) for name in editors}
        made["ada"] = add_user(services, "ada", "admin", {})
        made["vera"] = add_user(services, "vera", "viewer", {})
        people = {
            name: Person(url, _key(services, user, admin=name == "ada"), signed_in(url, name))
            for name, user in made.items()
        }
        owen, sam = people["owen"], people["sam"]
        ids = _things(services, owen, made["owen"])
        sam.call("POST", "/api/collections", body={"name": OTHERS})
        others = services.collections.named(OTHERS).id
        for name, level in (("rita", "read"), ("vera", "read"), ("wes", "write"), ("mona", "manage")):
            owned = services.collections.named(COLLECTION).id
            services.accounts.grants.set(LOCAL, owned, Grantee("user", made[name]), level)  # type: ignore[arg-type]
        services.accounts.grants.set(LOCAL, others, Grantee("user", made["owen"]), "manage")
        narrow = services.accounts.keys.add(
            LOCAL, made["owen"], "narrow", USES - {"admin"}, only=(others,), days=1
        )
        people["narrow"] = Person(url, narrow.secret)
        people["nobody"] = Person(url)
        yield Estate(services, url, people, ids)


def _key(services: Services, user: str, *, admin: bool) -> str:
    uses = USES if admin else USES - {"admin"}
    return services.accounts.keys.add(LOCAL, user, "all", uses, days=1).secret


def _things(services: Services, owen: Person, owner: str) -> dict[str, str]:
    """Everything that can be owned, each with the canary in it; by the name addresses have for it."""
    owen.json("POST", "/api/collections", body={"name": COLLECTION, "instruction": f"Prefer {CANARY}"})
    job = owen.json(
        "POST", f"/api/collections/{COLLECTION}/documents", query={"name": DOCUMENT}, content=TEXT.encode()
    )["id"]
    for reply in iter(lambda: owen.json("GET", f"/api/jobs/{job}")["job"]["state"], "ready"):
        assert reply != "failed"
        time.sleep(0.05)
    talk = owen.json("POST", "/api/conversations", body={"title": f"About {CANARY}"})["id"]
    asked = owen.json("POST", f"/api/conversations/{talk}/messages", body={"question": QUESTION})
    message = asked["message_id"]
    for reply in iter(lambda: owen.json("GET", f"/api/messages/{message}")["state"], "complete"):
        assert reply in ("queued", "running")
        time.sleep(0.05)
    owen.json("PUT", f"/api/messages/{message}/feedback", body={"verdict": "up", "text": CANARY})
    missing = f"Who tames the {CANARY} of the north tower?"
    seeking = owen.json("POST", "/api/conversations", body={"collections": [COLLECTION]})["id"]
    sought = owen.json("POST", f"/api/conversations/{seeking}/messages", body={"question": missing})
    for reply in iter(lambda: owen.json("GET", f"/api/messages/{sought['message_id']}")["state"], "complete"):
        assert reply in ("queued", "running")
        time.sleep(0.05)
    down = {"verdict": "down", "text": CANARY}
    owen.json("PUT", f"/api/messages/{sought['message_id']}/feedback", body=down)
    found = owen.json("POST", "/api/search", body={"question": QUESTION})["candidates"]
    golden = owen.json("POST", "/api/golden", body={"collection": COLLECTION, "name": GOLDEN})["id"]
    case = {"question": QUESTION, "evidence": [{"document": DOCUMENT, "quote": "Owen grants 41 days"}]}
    case_id = owen.json("POST", f"/api/golden/{golden}/cases", body=case)["id"]
    asking = f"/api/collections/{COLLECTION}/evaluations"
    evaluation = owen.json("POST", asking, body={"golden_set": GOLDEN})["id"]
    for reply in iter(lambda: owen.json("GET", f"/api/evaluations/{evaluation}")["state"], "done"):
        assert reply in ("queued", "running")
        time.sleep(0.05)
    assistant, snippet = _assistant(owen)
    group = services.accounts.groups.add(LOCAL, f"friends of {CANARY}")
    return {
        "collection": COLLECTION,
        "version": "1",
        "chunk_id": found[0]["chunk_id"],
        "gap_id": owen.json("GET", "/api/gaps")["data"][0]["id"],
        "answer_id": owen.json("GET", "/api/answers")["data"][0]["id"],
        "job_id": job,
        "set_id": golden,
        "case_id": case_id,
        "evaluation_id": evaluation,
        "other": evaluation,
        "assistant_id": assistant,
        "snippet_id": snippet,
        "conversation_id": talk,
        "message_id": message,
        "group_id": group.id,
        "user_id": owner,
        "session_id": owen.json("GET", "/api/sessions")["data"][0]["id"],
        "key_id": owen.json("GET", "/api/keys")["data"][0]["id"],
        "model": f"touchstone/{COLLECTION}",
    }


def _assistant(owen: Person) -> tuple[str, str]:
    """The ids of an assistant of owen's and of its approved answer."""
    body = {"name": f"Seller {CANARY}", "template": "sales", "collections": [COLLECTION]}
    assistant: str = owen.json("POST", "/api/assistants", body=body)["id"]
    words = {"questions": [QUESTION], "answer": f"41 days, {CANARY}.", "expires_on": "2999-01-01"}
    snippet: str = owen.json("POST", f"/api/assistants/{assistant}/snippets", body=words)["id"]
    owen.json("POST", f"/api/snippets/{snippet}/approve", body={"expires_on": "2999-01-01"})
    return assistant, snippet
