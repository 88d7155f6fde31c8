import threading
from contextlib import ExitStack

import pytest

from app.access.passwords import AT_ONCE, WAITING, Passwords
from app.errors import Busy
from tests.access.conftest import PASSWORD


def test_hash_is_argon2id_with_the_least_owasp_asks_for_and_a_salt_of_its_own() -> None:
    passwords = Passwords()
    first, second = passwords.hashed(PASSWORD, "Ada"), passwords.hashed(PASSWORD, "Ada")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert passwords.verify(first, PASSWORD)
    assert passwords.verify(second, PASSWORD)
    assert not passwords.verify(first, PASSWORD + " ")


def test_what_is_no_hash_has_no_password() -> None:
    passwords = Passwords()
    for kept in ("", "x", "$argon2id$v=19$m=19456,t=2,p=1$AAAA", "$2b$12$abc"):
        assert not passwords.verify(kept, PASSWORD)
        assert not passwords.verify(None, "")


def test_third_hash_waits_for_one_of_two_and_is_told_when_it_takes_too_long() -> None:
    passwords = Passwords(wait_s=0.05)
    hashed = passwords.hashed(PASSWORD, "Ada")
    with ExitStack() as others:
        for _ in range(AT_ONCE):
            others.enter_context(passwords.turn())
        with pytest.raises(Busy, match="too many people sign in at this moment") as refused:
            passwords.verify(hashed, PASSWORD)
        assert refused.value.retry_after_s == 2
    assert passwords.verify(hashed, PASSWORD)


def test_of_those_who_wait_for_a_hash_one_too_many_is_refused_at_once() -> None:
    passwords, refused, ends = Passwords(wait_s=60), threading.Event(), list[str]()

    def verify() -> None:
        try:
            passwords.verify(None, PASSWORD)
            ends.append("hashed")
        except Busy:
            ends.append("refused")
            refused.set()

    threads = [threading.Thread(target=verify) for _ in range(WAITING + 1)]
    with ExitStack() as others:
        for _ in range(AT_ONCE):
            others.enter_context(passwords.turn())
        for thread in threads:
            thread.start()
        assert refused.wait(timeout=30)
        assert ends == ["refused"]
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["hashed"] * WAITING + ["refused"]
