"""OpenAI's client with accounts: whose key it is decides what it may do and see, and how often."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.api.served import BONUS, LEAVE, add_key, add_user, client, served, services_of

ASKED: list[Any] = [{"role": "user", "content": LEAVE}]
Keys = dict[str, str]


@pytest.fixture(scope="module")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Keys]]:
    """A server, and keys by what they are for; Ben may read the handbook alone."""
    services = services_of(
        tmp_path_factory.mktemp("accounts"),
        access={"mode": "accounts"},
        limits={"chat": 0, "rerank": 0, "embed": 2},
    )
    with served(services, tmp_path_factory.mktemp("files")) as url:
        ben = add_user(services, "ben", "viewer", {"handbook": "read"})
        carl = add_user(services, "carl", "viewer", {"handbook": "read"})
        yield (
            url,
            {
                "all": add_key(services, ben, ["chat", "search", "rerank", "embed"]),
                "rerank": add_key(services, ben, ["rerank"]),
                "embed": add_key(services, ben, ["embed"]),
                "other": add_key(services, carl, ["chat"]),
            },
        )


def test_wrong_key_and_no_key_are_no_authentication(accounts: tuple[str, Keys]) -> None:
    url, _ = accounts
    with pytest.raises(openai.AuthenticationError) as wrong:
        client(url, "tsk_00000000_wrong").chat.completions.create(model="touchstone", messages=ASKED)
    assert (wrong.value.code, wrong.value.type) == ("not_signed_in", "authentication_error")
    bare = httpx.get(f"{url}/v1/models", trust_env=False)
    assert (bare.status_code, bare.json()["error"]["code"]) == (401, "not_signed_in")
    assert bare.headers["www-authenticate"].startswith("Bearer")
    assert bare.headers["x-request-id"]


def test_key_for_something_else_is_no_permission(accounts: tuple[str, Keys]) -> None:
    url, keys = accounts
    api = client(url, keys["rerank"])
    with pytest.raises(openai.PermissionDeniedError) as chat:
        api.chat.completions.create(model="touchstone", messages=ASKED)
    assert chat.value.code == "forbidden"
    with pytest.raises(openai.PermissionDeniedError):
        api.embeddings.create(model="touchstone-embedding", input="a")
    assert [model.id for model in api.models.list()] == ["touchstone-reranker"]


def test_knowledge_base_of_others_is_not_there(accounts: tuple[str, Keys]) -> None:
    url, keys = accounts
    api = client(url, keys["all"])
    assert "touchstone/salaries" not in [model.id for model in api.models.list()]
    asked: list[Any] = [{"role": "user", "content": BONUS}]
    errors = []
    for wanted in ("salaries", "touchstone/salaries", "touchstone/never there"):
        with pytest.raises(openai.NotFoundError) as refused:
            api.chat.completions.create(model=wanted, messages=asked)
        errors.append(refused.value.message.replace(wanted, "NAME"))
    assert len(set(errors)) == 1
    with pytest.raises(openai.NotFoundError):
        api.chat.completions.create(
            model="touchstone", messages=asked, extra_body={"touchstone": {"collections": ["salaries"]}}
        )
    answer = api.chat.completions.create(model="touchstone", messages=asked)
    extra: dict[str, Any] = answer.touchstone  # type: ignore[attr-defined]  # not of OpenAI's shape
    assert extra["collections"] == ["handbook"]
    assert {each["document"] for each in extra["passages"]} <= {"handbook.md"}
    assert "salar" not in answer.to_json().replace(BONUS, "").lower()


def test_kept_answer_belongs_to_whoever_asked(accounts: tuple[str, Keys]) -> None:
    url, keys = accounts
    answer = client(url, keys["all"]).chat.completions.create(model="touchstone", messages=ASKED)
    extra: dict[str, Any] = answer.touchstone  # type: ignore[attr-defined]  # not of OpenAI's shape
    at = f"{url}/api/answers/{extra['answer_id']}"
    found = {
        name: httpx.get(at, headers={"x-api-key": keys[name]}, trust_env=False).status_code
        for name in ("all", "other")
    }
    assert found == {"all": 200, "other": 404}


def test_rerank_routes_ask_for_the_same_keys_and_answer_with_problems(accounts: tuple[str, Keys]) -> None:
    url, keys = accounts
    body = {"query": "refund", "documents": ["Refunds take 5 days."]}
    for path in ("/v1/rerank", "/v2/rerank", "/rerank"):
        with httpx.Client(base_url=url, trust_env=False) as http:
            nobody = http.post(path, json=body)
            other = http.post(path, json=body, headers={"Authorization": f"Bearer {keys['embed']}"})
            right = http.post(path, json=body, headers={"x-api-key": keys["rerank"]})
        assert (nobody.status_code, nobody.json()["code"]) == (401, "not_signed_in")
        assert (other.status_code, other.json()["code"]) == (403, "forbidden")
        assert right.status_code == 200


def test_too_many_requests_are_a_rate_limit_with_a_time_to_come_back(accounts: tuple[str, Keys]) -> None:
    url, keys = accounts
    api = client(url, keys["embed"])
    for left in (1, 0):
        raw = api.embeddings.with_raw_response.create(model="touchstone-embedding", input="a")
        assert raw.headers["ratelimit-policy"] == '"embed";q=2;w=60'
        assert raw.headers["ratelimit"].startswith(f'"embed";r={left};t=')
    with pytest.raises(openai.RateLimitError) as limited:
        api.embeddings.create(model="touchstone-embedding", input="a")
    assert (limited.value.code, limited.value.type) == ("rate_limited", "rate_limit_error")
    assert 1 <= int(limited.value.response.headers["retry-after"]) <= 30
    assert limited.value.response.headers["ratelimit"].startswith('"embed";r=0;')
    other = client(url, keys["all"])
    assert other.embeddings.create(model="touchstone-embedding", input="a").data


def test_metrics_are_for_admins(accounts: tuple[str, Keys]) -> None:
    url, keys = accounts
    headers = {"x-api-key": keys["all"]}
    assert httpx.get(f"{url}/metrics", headers=headers, trust_env=False).status_code == 403
    assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 401


def test_without_accounts_nothing_is_limited(tmp_path: Path) -> None:
    with served(services_of(tmp_path / "data", limits={"embed": 1}), tmp_path) as url:
        for _ in range(3):
            raw = client(url).embeddings.with_raw_response.create(model="touchstone-embedding", input="a")
            assert "ratelimit" not in raw.headers
