"""Long lists of documents in pages, documents read again by name, and the answers that quote one."""

from collections.abc import Iterator
from itertools import pairwise

import httpx
import pytest

from app.access.principal import LOCAL
from app.services import Services
from tests.api.served import LEAVE, services_of
from tests.app.server import serving

TEXT = "# Note {n}\n\nEmployees of team {n} have {n} days of leave, and ask for them in the portal.\n" * 6


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    return services_of(tmp_path_factory.mktemp("lists"))


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[httpx.Client]:
    with serving(services) as url, httpx.Client(base_url=url, timeout=30) as opened:
        yield opened


def _add(client: httpx.Client, collection: str, name: str, text: str) -> None:
    address = f"/api/collections/{collection}/documents"
    client.post(address, params={"name": name, "wait": "true"}, content=text.encode()).raise_for_status()


def _list(client: httpx.Client, collection: str, **query: str | int) -> httpx.Response:
    return client.get(f"/api/collections/{collection}/documents", params=query)


def test_pages_hold_every_document_once_and_without_a_limit_all_come(client: httpx.Client) -> None:
    names = sorted(["b.md", "a.md", "Z.md", "报告.md", "长" * 60 + ".md"])
    for number, name in enumerate(names):
        _add(client, "many", name, TEXT.format(n=number))
    found: list[str] = []
    cursor = ""
    while True:
        page = _list(client, "many", limit=2, cursor=cursor).json()
        found += [each["name"] for each in page["data"]]
        assert len(page["data"]) <= 2
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert found == names
    assert all(a < b for a, b in pairwise(found))
    whole = _list(client, "many").json()
    assert ([each["name"] for each in whole["data"]], whole["next_cursor"]) == (names, None)
    assert _list(client, "many", limit=0).status_code == 422
    assert _list(client, "many", limit=2, cursor="%%%").status_code == 422


def _again(client: httpx.Client, *names: str, collection: str = "cut") -> httpx.Response:
    return client.post(f"/api/collections/{collection}/reindex-documents", json={"names": names})


def test_named_documents_are_cut_anew_and_others_stay(client: httpx.Client, services: Services) -> None:
    for name in ("one.md", "two.md"):
        _add(client, "cut", name, TEXT.format(n=len(name)))
    client.put("/api/collections/cut/chunking", json={"chunk_tokens": 64, "chunk_overlap": 0})
    made = _again(client, "one.md", "one.md")
    assert made.status_code == 202
    (job,) = made.json()["data"]
    (ended,) = services.ingestion.service.wait([job["id"]])
    assert (ended.state, ended.outcome, ended.name) == ("ready", "replaced", "one.md")
    assert "duplicate_kept" not in {each.code for each in ended.notices}
    one, two = _list(client, "cut").json()["data"]
    assert (one["version"], one["chunk_tokens"]) == (2, 64)
    assert one["chunks"] > two["chunks"]
    assert two["version"] == 1
    assert client.post("/api/search", json={"question": LEAVE, "collections": ["cut"]}).is_success


def test_document_that_is_not_there_stops_all_of_them(client: httpx.Client) -> None:
    _add(client, "whole", "one.md", TEXT.format(n=1))
    refused = _again(client, "one.md", "ghost.md", collection="whole")
    assert refused.status_code == 404
    assert "'ghost.md'" in refused.json()["detail"]
    assert _list(client, "whole").json()["data"][0]["version"] == 1
    assert _again(client, collection="whole").status_code == 422
    assert _again(client, "one.md", collection="nowhere").status_code == 404


def test_newer_bytes_are_never_undone_by_reading_again(client: httpx.Client, services: Services) -> None:
    _add(client, "race", "one.md", TEXT.format(n=1))
    upload = client.post(
        "/api/collections/race/documents", params={"name": "one.md"}, content=TEXT.format(n=2).encode()
    ).json()
    (again,) = _again(client, "one.md", collection="race").json()["data"]
    ended = list(services.ingestion.service.wait([upload["id"], again["id"]]))
    assert [each.state for each in ended] == ["ready", "ready"]
    text = client.get("/api/collections/race/documents/text", params={"name": "one.md"}).text
    assert "team 2" in text


def test_answers_that_quote_a_document_say_which_quotes_no_longer_stand(
    client: httpx.Client, services: Services
) -> None:
    _add(client, "quoted", "leave.md", "# Leave\n\nEmployees have 12 days of annual leave.\n")
    ask = services.ask(LEAVE, principal=LOCAL, collections=("quoted",))
    kept = services.caretaker.answers.keep(services.answer(ask), owner=LOCAL.id)
    (document,) = _list(client, "quoted").json()["data"]

    def quoting(document_id: str) -> list[tuple[str, bool]]:
        told = client.get("/api/answers", params={"document_id": document_id}).json()["data"]
        return [(each["id"], each["stale"]) for each in told]

    assert quoting(document["id"]) == [(kept.answer_id, False)]
    assert quoting("another") == []
    _add(client, "quoted", "leave.md", "# Leave\n\nNobody has any leave at all this year, sorry.\n")
    assert quoting(document["id"]) == [(kept.answer_id, True)]
