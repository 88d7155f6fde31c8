"""Nobody sees what is not his: every route of the OpenAPI document, called with somebody else's ids."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.access.principal import LEVELS, Level
from app.access.rules import RULES
from tests.access.estate import CANARY, COLLECTION, DOCUMENT, GOLDEN, OTHERS, QUESTION, Estate, Reply, estate
from tests.api.served import PASSWORD

Route = tuple[str, str]
NOT_HIS = (403, 404)
C = "/api/collections/{collection}"
BODIES: dict[Route, object] = {
    ("POST", "/api/ask"): {"question": QUESTION, "collection": COLLECTION},
    ("POST", "/api/search"): {"question": QUESTION, "collections": [COLLECTION]},
    ("POST", "/api/collections"): {"name": COLLECTION},
    ("PUT", f"{C}/chunking"): {"chunk_tokens": 200},
    ("PUT", f"{C}/grants"): {"name": "sam", "level": "read"},
    ("POST", f"{C}/reindex-documents"): {"names": [DOCUMENT]},
    ("PUT", f"{C}/audience"): {"audience": "internal"},
    ("PUT", f"{C}/documents/audience"): {"audience": None},
    ("POST", "/api/assistants"): {"name": "new", "collections": [COLLECTION]},
    ("PATCH", "/api/assistants/{assistant_id}"): {"instruction": "mine"},
    ("POST", "/api/assistants/{assistant_id}/snippets"): {
        "questions": ["How many days?"], "answer": "Some.", "expires_on": "2999-01-01",
    },
    ("PATCH", "/api/snippets/{snippet_id}"): {"answer": "mine"},
    ("POST", "/api/snippets/{snippet_id}/approve"): {"expires_on": "2999-01-01"},
    ("POST", f"{C}/instructions"): {"instruction": "Prefer tables"},
    ("POST", "/api/conversations"): {"collections": [COLLECTION]},
    ("PATCH", "/api/conversations/{conversation_id}"): {"title": "mine"},
    ("POST", "/api/conversations/{conversation_id}/messages"): {"question": "How many days?"},
    ("POST", "/api/groups"): {"name": "we"},
    ("POST", "/api/jobs/{job_id}/retry"): {},
    ("POST", "/api/keys"): {"name": "k", "uses": ["chat"], "days": 1},
    ("PUT", "/api/messages/{message_id}/feedback"): {"verdict": "down"},
    ("POST", "/api/messages/{message_id}/regenerate"): {},
    ("POST", "/api/session"): {"username": "owen", "password": "wrong, and long enough"},
    ("PUT", "/api/session/password"): {"current": "wrong, and long enough", "new": "x" * 20},
    ("POST", "/api/users"): {"name": "new", "password": PASSWORD},
    ("PATCH", "/api/users/{user_id}"): {"role": "viewer"},
    ("PUT", "/api/users/{user_id}/password"): {"password": PASSWORD},
    ("POST", f"{C}/evaluations"): {"golden_set": GOLDEN, "generate": False},
    ("POST", "/api/golden"): {"collection": COLLECTION, "name": "new"},
    ("PATCH", "/api/golden/{set_id}"): {"name": GOLDEN},
    ("POST", "/api/golden/{set_id}/accept"): {"cases": ["a"]},
    ("POST", "/api/golden/{set_id}/answers"): {"answer_id": "a", "right": True},
    ("POST", "/api/golden/{set_id}/cases"): {"question": "How many days?"},
    ("PATCH", "/api/golden/{set_id}/cases/{case_id}"): {"question": "How many days?"},
    ("POST", "/api/golden/{set_id}/drafts"): {"count": 1},
    ("PATCH", "/api/gaps/{gap_id}"): {"state": "open"},
    ("POST", "/api/gaps/{gap_id}/check"): {},
    ("POST", "/rerank"): {"query": "a", "documents": ["b"]},
    ("POST", "/api/rerank"): {"query": "a", "candidates": ["b"]},
    ("POST", "/v1/rerank"): {"query": "a", "documents": ["b"]},
    ("POST", "/v2/rerank"): {"query": "a", "documents": ["b"]},
    ("POST", "/score"): {"text_1": "a", "text_2": "b"},
    ("POST", "/v1/score"): {"text_1": "a", "text_2": "b"},
    ("POST", "/v1/chat/completions"): {
        "model": f"touchstone/{COLLECTION}", "messages": [{"role": "user", "content": QUESTION}],
    },
    ("POST", "/v1/embeddings"): {"model": "touchstone", "input": "a"},
}  # fmt: skip
CONTENT: dict[Route, bytes] = {
    ("POST", f"{C}/documents"): b"# New\n\nSomething new.\n",
    ("POST", "/api/golden/{set_id}/import"): b"question\nHow many days?\n",
    ("POST", "/api/preview"): b"# New\n\nSomething new.\n",
}
OF_COLLECTIONS = {"collection", "chunk_id", "job_id", "model", "set_id", "evaluation_id", "gap_id"} | {
    "assistant_id", "snippet_id",
}  # fmt: skip
TAKEN = ("POST", f"{C}/documents")  # makes a collection, so an editor learns that a name is taken (409)
QUERIES: dict[str, str] = {"name": DOCUMENT, "version": "1"}
NAMES_HIS: dict[Route, str] = {  # query parameters that may name what is somebody else's
    ("GET", "/api/jobs"): "collection",
    ("GET", "/api/gaps"): "collection",
    ("GET", "/api/golden"): "collection",
    ("GET", "/api/evaluations"): "collection",
    ("GET", "/api/sessions"): "user",
    ("DELETE", "/api/sessions"): "user",
    ("POST", "/api/index/rebuild"): "collection",
}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with estate(tmp_path_factory.mktemp("estate")) as made:
        yield made


@pytest.fixture(scope="module")
def routes(there: Estate) -> dict[Route, dict[str, Any]]:
    """Every operation of the OpenAPI document that somebody who has signed in is shown."""
    document = there.people["ada"].json("GET", "/openapi.json")
    found = {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    }
    lacking = [
        route
        for route, operation in found.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {}) and route not in BODIES
    ]
    assert lacking == [], "give these a body that they take, or the walk does not get past its check"
    del found["DELETE", "/api/session"]  # ends the caller's own session, and names nobody else's
    return found


def _call(there: Estate, who: str, route: Route, operation: dict[str, Any], **ids: str) -> Reply:
    method, path = route
    named = there.ids | ids
    address = re.sub(r"\{(\w+)\}", lambda found: named[found[1]], path)
    query = {
        each["name"]: QUERIES[each["name"]]
        for each in operation.get("parameters", ())
        if each["in"] == "query" and each.get("required")
    }
    if route in NAMES_HIS:
        query[NAMES_HIS[route]] = {"collection": COLLECTION, "user": there.ids["user_id"]}[NAMES_HIS[route]]
    if route == ("DELETE", f"{C}/trash"):
        query["everything"] = "true"
    if route == ("DELETE", f"{C}/grants"):
        query["name"] = "rita"
    return there.people[who].call(
        method, address, query=query, body=BODIES.get(route), content=CONTENT.get(route)
    )


def test_owner_himself_sees_all_of_it(there: Estate) -> None:
    """So that the walk above means something: the same addresses hold the canary for whom they are."""
    owen, ids = there.people["owen"], there.ids
    for path in (
        f"/api/chunks/{ids['chunk_id']}", f"/api/answers/{ids['answer_id']}",
        f"/api/messages/{ids['message_id']}", f"/api/conversations/{ids['conversation_id']}",
        f"/api/messages/{ids['message_id']}/events",
        f"/api/golden/{ids['set_id']}/cases", f"/api/golden/{ids['set_id']}/export",
        f"/api/evaluations/{ids['evaluation_id']}/questions",
        f"/api/assistants/{ids['assistant_id']}", f"/api/snippets/{ids['snippet_id']}",
        f"/api/assistants/{ids['assistant_id']}/snippets", "/api/assistants",
        "/api/gaps", f"/api/gaps/{ids['gap_id']}",
        "/api/feedback", "/api/conversations", f"/api/collections/{COLLECTION}",
    ):  # fmt: skip
        reply = owen.call("GET", path)
        assert reply.status == 200, path
        assert CANARY in reply.body, path


def test_nobody_gets_past_what_is_open(there: Estate, routes: dict[Route, dict[str, Any]]) -> None:
    wrong = []
    for route, operation in routes.items():
        reply = _call(there, "nobody", route, operation)
        if reply.tells() or (reply.status != 401 and not RULES[route].open):
            wrong.append((route, reply))
    assert wrong == []


@pytest.mark.parametrize("who", ["sam", "narrow"])
def test_what_is_somebody_elses_is_not_there(
    there: Estate, routes: dict[Route, dict[str, Any]], who: str
) -> None:
    """``sam`` is an editor with a knowledge base of his own, ``narrow`` a key of owen's for that only."""
    wrong = []
    for route, operation in routes.items():
        reply = _call(there, who, route, operation)
        own = who == "narrow" and not OF_COLLECTIONS & set(re.findall(r"\{(\w+)\}", route[1]))
        names = "{" in route[1] and not own
        allowed = (*NOT_HIS, 409) if route == TAKEN else NOT_HIS
        if (reply.tells() and not own) or reply.status >= 500 or (names and reply.status not in allowed):
            wrong.append((route, reply))
    assert wrong == []


def test_a_key_for_other_knowledge_bases_shows_nothing_of_this_one(there: Estate) -> None:
    """What owen has asked is his, but what it was answered from may not come out through this key."""
    narrow, secret = there.people["narrow"], "41 days"
    answer, message, talk = (there.ids[each] for each in ("answer_id", "message_id", "conversation_id"))
    for path in (
        "/api/answers", f"/api/answers/{answer}", f"/api/messages/{message}",
        f"/api/messages/{message}/events", f"/api/conversations/{talk}/messages",
    ):  # fmt: skip
        reply = narrow.call("GET", path)
        assert reply.status in (200, *NOT_HIS)
        assert secret not in reply.body, path


@pytest.mark.parametrize("who", ["rita", "wes", "mona"])
def test_a_grant_opens_what_its_level_says_and_no_more(
    there: Estate, routes: dict[Route, dict[str, Any]], who: str
) -> None:
    """Calls that delete are made elsewhere, so that nothing is missing for the others."""
    own: Level = LEVELS[("rita", "wes", "mona").index(who)]
    wrong = []
    for route, operation in routes.items():
        level = RULES[route].level
        if level is None:
            continue
        enough = LEVELS.index(own) >= LEVELS.index(level)
        if enough and route[0] == "DELETE":
            continue  # see the test below
        reply = _call(there, who, route, operation)
        if (reply.status in NOT_HIS) == enough or reply.status >= 500:
            wrong.append((route, level, reply))
    assert wrong == []


def test_whoever_manages_may_delete(there: Estate) -> None:
    mona = there.people["mona"]
    mona.json("POST", "/api/collections", body={"name": "monas"})
    assert mona.call("DELETE", "/api/collections/monas").status == 200
    assert mona.call("DELETE", f"/api/collections/{OTHERS}").status == 404


def test_every_route_that_names_a_knowledge_base_says_what_level_it_needs(
    routes: dict[Route, dict[str, Any]],
) -> None:
    assert [route for route in routes if "{collection}" in route[1] and RULES[route].level is None] == []


def test_streams_of_jobs_tell_only_of_ones_own(there: Estate) -> None:
    owen, sam = there.people["owen"], there.people["sam"]
    before = sam.call("GET", "/api/jobs/events", query={"after": "0"})
    assert before.status == 200
    assert there.ids["job_id"] not in before.body
    assert there.ids["job_id"] in owen.call("GET", "/api/jobs/events", query={"after": "0"}).body


def test_metrics_hold_nothing_of_anybodys(there: Estate) -> None:
    reply = there.people["ada"].call("GET", "/metrics")
    assert reply.status == 200
    assert CANARY not in reply.body
    assert COLLECTION not in reply.body
