"""Requests made up from the OpenAPI document, for every route and every role: no 5xx, and what it promises.

Half of the requests name things that are there, the others what the document allows. Streams that do not end
are left to the tests of their own.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.access.estate import Estate, Person, estate

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 4  # of each route for each role
ENDLESS = "/events"
ROLES = ("nobody", "viewer", "editor", "admin")
UNMADE = {"DELETE /api/session", "DELETE /api/sessions"}  # end the session that asks


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with estate(tmp_path_factory.mktemp("schema")) as made:
        yield made


@pytest.fixture(scope="module")
def schema(there: Estate) -> Any:  # noqa: ANN401 - of a library without types for it
    document = there.people["ada"].json("GET", "/openapi.json")
    return schemathesis.openapi.from_dict(document)


def _credentials(person: Person, path: str) -> dict[str, str]:
    if person.session and not path.startswith(("/v1", "/v2", "/rerank", "/score")):
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in person.session.items())}
    return {"Authorization": f"Bearer {person.key}"} if person.key else {}


@pytest.mark.parametrize("role", ROLES)
def test_no_request_of_the_schema_is_answered_otherwise_than_it_says(
    there: Estate, schema: Any, role: str, record_testsuite_property: Any  # noqa: ANN401
) -> None:
    person = there.people[{"nobody": "nobody", "viewer": "vera", "editor": "wes", "admin": "ada"}[role]]
    counted, wrong = Counter[str](), []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path.endswith(ENDLESS) or operation.label in UNMADE:
            continue
        for case in _made_up(operation, there):
            headers = {"Sec-Fetch-Site": "same-origin", **_credentials(person, case.path)}
            response = case.call(base_url=there.url, headers=headers, timeout=60)
            counted[f"{response.status_code // 100}xx"] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except FailureGroup as failure:
                wrong.append((operation.label, response.status_code, str(failure)[:600]))
    record_testsuite_property(f"schema calls as {role}", json.dumps(counted))
    assert wrong == []
    assert counted.total() > EXAMPLES * 60


def _made_up(operation: Any, there: Estate) -> list[Any]:  # noqa: ANN401
    """Requests for a route, always the same; in half of them the address names what is there."""
    known = {
        name: there.ids[name] for name in re.findall(r"\{(\w+)\}", operation.path) if name in there.ids
    }
    cases: list[Any] = []

    @seed(7)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(), real=st.booleans())
    def collect(case: Any, real: bool) -> None:  # noqa: ANN401
        if real:
            case.path_parameters = {**(case.path_parameters or {}), **known}
        cases.append(case)

    collect()
    return cases
