import threading

from hypothesis import given
from hypothesis import strategies as st

from rerank.breaker import CircuitBreaker, Permit
from tests.fakes.clock import FrozenClock


def _breaker(clock: FrozenClock) -> CircuitBreaker:
    return CircuitBreaker(failures=3, window_s=60, pause_s=30, longest_pause_s=100, clock=clock)


def _entered(breaker: CircuitBreaker) -> Permit:
    permit = breaker.enter()
    assert permit is not None
    return permit


def _fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.failed(_entered(breaker), "timeout")


def test_opens_at_the_third_failure_within_the_window() -> None:
    breaker = _breaker(FrozenClock())
    _fail(breaker, 2)
    assert breaker.status().state == "closed"
    _fail(breaker, 1)
    assert (breaker.status().state, breaker.status().retry_in_s) == ("open", 30)
    assert breaker.enter() is None


def test_failures_outside_the_window_are_forgotten() -> None:
    clock = FrozenClock()
    breaker = _breaker(clock)
    _fail(breaker, 2)
    clock.pass_s(60)
    _fail(breaker, 2)
    assert breaker.status().state == "closed"


def test_few_failures_among_many_successes_leave_it_closed() -> None:
    breaker = _breaker(FrozenClock())
    for _ in range(10):
        breaker.succeeded(_entered(breaker))
    _fail(breaker, 9)
    assert breaker.status().state == "closed"
    _fail(breaker, 1)
    assert breaker.status().state == "open"


def test_after_the_pause_exactly_one_caller_probes() -> None:
    clock = FrozenClock()
    breaker = _breaker(clock)
    _fail(breaker, 3)
    clock.pass_s(30)
    assert _entered(breaker).probe
    assert breaker.status().state == "half_open"
    assert breaker.enter() is None


def test_success_of_the_probe_closes_and_forgets() -> None:
    clock = FrozenClock()
    breaker = _breaker(clock)
    _fail(breaker, 3)
    clock.pass_s(30)
    breaker.succeeded(_entered(breaker))
    assert breaker.status().state == "closed"
    _fail(breaker, 2)
    assert breaker.status().state == "closed"


def test_each_failed_probe_doubles_the_pause_up_to_the_longest() -> None:
    clock = FrozenClock()
    breaker = _breaker(clock)
    _fail(breaker, 3)
    pauses = []
    for _ in range(3):
        clock.pass_s(breaker.status().retry_in_s)
        _fail(breaker, 1)
        pauses.append(breaker.status().retry_in_s)
    assert pauses == [60, 100, 100]
    clock.pass_s(100)
    breaker.succeeded(_entered(breaker))
    _fail(breaker, 3)
    assert breaker.status().retry_in_s == 30


def test_probe_stopped_by_its_caller_lets_the_next_one_probe() -> None:
    clock = FrozenClock()
    breaker = _breaker(clock)
    _fail(breaker, 3)
    clock.pass_s(30)
    breaker.abandoned(_entered(breaker))
    assert _entered(breaker).probe


def test_late_success_of_an_old_call_does_not_close() -> None:
    breaker = _breaker(FrozenClock())
    old = _entered(breaker)
    _fail(breaker, 3)
    breaker.succeeded(old)
    assert breaker.status().state == "open"


def test_tripped_for_ever_lets_nobody_in() -> None:
    clock = FrozenClock()
    breaker = _breaker(clock)
    breaker.trip(forever=True)
    clock.pass_s(1e9)
    assert breaker.enter() is None
    assert breaker.status().state == "off"


def test_counts_are_readable() -> None:
    breaker = _breaker(FrozenClock())
    breaker.succeeded(_entered(breaker))
    breaker.failed(_entered(breaker), "error")
    _fail(breaker, 2)
    breaker.enter()
    status = breaker.status()
    assert (status.calls, status.refused, status.opens) == (4, 1, 1)
    assert status.failures == (("error", 1), ("timeout", 2))


def test_of_many_threads_one_probes() -> None:
    clock = FrozenClock()
    breaker = _breaker(clock)
    _fail(breaker, 3)
    clock.pass_s(30)
    let_in = []
    threads = [threading.Thread(target=lambda: let_in.append(breaker.enter())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(permit is not None for permit in let_in) == 1


@given(st.lists(st.sampled_from(["enter", "succeed", "fail", "abandon", "wait"]), max_size=60))
def test_whatever_happens_a_model_that_works_again_is_used_again(events: list[str]) -> None:
    clock = FrozenClock()
    breaker = _breaker(clock)
    inside: list[Permit] = []
    for event in events:
        if event == "wait":
            clock.pass_s(40)
        elif event == "enter":
            inside += [permit for permit in [breaker.enter()] if permit]
        elif inside and event == "succeed":
            breaker.succeeded(inside.pop())
        elif inside and event == "fail":
            breaker.failed(inside.pop(), "error")
        elif inside:
            breaker.abandoned(inside.pop())
    for permit in inside:
        breaker.abandoned(permit)
    clock.pass_s(100)
    breaker.succeeded(_entered(breaker))
    assert breaker.status().state == "closed"
