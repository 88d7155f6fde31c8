"""Token buckets, on a clock that moves when it is told to."""

from hypothesis import given
from hypothesis import strategies as st

from app.access.rules import RULES
from app.api.limits import KINDS, Limits, kind_of, limits_of
from app.api.token_bucket import Buckets
from app.api_settings import LimitSettings
from app.settings import AccessSettings, Settings
from tests.fakes.clock import FrozenClock


def test_bucket_lets_as_many_through_at_once_and_then_one_at_a_time() -> None:
    clock = FrozenClock()
    buckets = Buckets(6, clock=clock)
    assert [buckets.take("anna").left for _ in range(6)] == [5, 4, 3, 2, 1, 0]
    refused = buckets.take("anna")
    assert (refused.allowed, refused.wait_s, refused.full_s) == (False, 10.0, 60.0)
    clock.pass_s(9.9)
    assert not buckets.take("anna").allowed
    clock.pass_s(0.2)
    assert buckets.take("anna").allowed
    assert not buckets.take("anna").allowed
    assert buckets.take("ben").allowed
    clock.pass_s(1_000)
    assert buckets.take("anna").left == 5


def test_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    clock = FrozenClock()
    buckets = Buckets(2, clock=clock)
    buckets.take("anna")
    clock.pass_s(-500)
    assert buckets.look("anna").left == 1


@given(
    per_minute=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=200),
)
def test_within_any_time_no_more_pass_than_the_bucket_holds_and_what_flows_in(
    per_minute: int, pauses: list[float]
) -> None:
    clock = FrozenClock()
    buckets = Buckets(per_minute, clock=clock)
    passed: list[float] = []
    for pause in pauses:
        clock.pass_s(pause)
        if buckets.take("anna").allowed:
            passed.append(clock.now)
    for first, began in enumerate(passed):
        for last in range(first, len(passed)):
            flowed = (passed[last] - began) * per_minute / 60
            assert last - first + 1 <= per_minute + flowed + 1e-6


def test_caller_who_is_told_to_wait_gets_through_after_that_long() -> None:
    clock = FrozenClock()
    buckets = Buckets(7, clock=clock)
    while (standing := buckets.take("anna")).allowed:
        clock.pass_s(0.3)
    clock.pass_s(standing.wait_s + 1e-6)
    assert buckets.take("anna").allowed


def test_memory_is_bounded_by_the_latest_callers() -> None:
    buckets = Buckets(5, most=100, clock=FrozenClock())
    for i in range(1_000):
        buckets.take(f"caller {i}")
    assert len(buckets) == 100
    assert buckets.look("caller 999").left == 4
    assert buckets.look("caller 0").left == 5


def test_refused_request_counts_for_neither_caller_nor_address() -> None:
    clock = FrozenClock()
    limits = Limits(LimitSettings(chat=1, address_factor=2), clock=clock)
    assert limits.admit("chat", "anna", "10.0.0.1")[1] is None
    for _ in range(5):
        headers, refusal = limits.admit("chat", "anna", "10.0.0.1")
        assert refusal is not None
        assert refusal.retry_after_s == 60
        assert headers["RateLimit"] == '"chat";r=0;t=60'
    assert limits.admit("chat", "ben", "10.0.0.1")[1] is None
    shared, refusal = limits.admit("chat", "carl", "10.0.0.1")
    assert refusal is not None
    assert shared["RateLimit-Policy"] == '"chat";q=2;w=60'
    assert refusal.retry_after_s == 30
    assert limits.admit("chat", "carl", "10.0.0.2")[1] is None


def test_rate_of_nought_sets_no_limit() -> None:
    limits = Limits(LimitSettings(chat=0), clock=FrozenClock())
    assert limits.admit("chat", "anna", "-") == ({}, None)


def test_limits_apply_with_accounts_or_where_they_are_asked_for() -> None:
    many = Settings(access=AccessSettings(mode="accounts"))
    assert limits_of(Settings()) is None
    assert limits_of(many) is not None
    assert limits_of(many.model_copy(update={"limits": LimitSettings(apply="never")})) is None
    assert limits_of(Settings(limits=LimitSettings(apply="always"))) is not None


def test_every_kind_counts_some_route_and_listing_costs_nothing() -> None:
    kinds = {kind_of(method, path) for method, path in RULES}
    assert kinds == {*KINDS, None}
    assert kind_of("POST", "/v1/chat/completions") == "chat"
    assert kind_of("POST", "/api/collections/{collection}/documents") == "upload"
    assert kind_of("GET", "/api/jobs") is None
    assert kind_of("GET", "/api/answers") is None
    assert kind_of("GET", "/healthz") is None
    assert kind_of("GET", "") is None
