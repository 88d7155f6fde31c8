"""Over what a request came: who may sign in on it, and under which cookie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.channel import channel, cookies, is_loopback, names


@pytest.mark.parametrize(
    ("scheme", "host", "client", "origin", "insecure", "cookie", "exposed"),
    [
        ("http", "127.0.0.1:8400", "127.0.0.1", "", False, "sid", False),
        ("http", "localhost:8400", "::1", "", False, "sid", False),
        ("https", "kb.example.org", "192.0.2.7", "", False, "__Host-sid", False),
        ("http", "kb.example.org", "192.0.2.7", "", False, "", True),
        ("http", "192.0.2.1:8400", "192.0.2.7", "", False, "", True),
        ("http", "192.0.2.1:8400", "192.0.2.7", "", True, "sid", True),
        # A proxy on this machine that says nothing, and one that is known by the address it is called by.
        ("http", "kb.example.org", "127.0.0.1", "", False, "", True),
        ("http", "kb.example.org", "127.0.0.1", "https://kb.example.org", False, "__Host-sid", False),
        ("http", "kb.example.org:8400", "192.0.2.7", "https://kb.example.org", False, "", True),
        ("http", "kb.example.org", "192.0.2.7", "http://kb.example.org", False, "", True),
        # Somebody elsewhere who claims to speak to this machine's own name.
        ("http", "localhost:8400", "192.0.2.7", "", False, "", True),
    ],
)
def test_people_sign_in_only_where_nobody_reads_along(
    scheme: str, host: str, client: str, origin: str, insecure: bool, cookie: str, exposed: bool
) -> None:
    found = channel(
        scheme=scheme, host=host, client=client, public_origin=origin, allow_insecure_http=insecure
    )
    assert (found.cookie, found.exposed) == (cookie, exposed)
    assert found.secure == (cookie == "__Host-sid")


def test_cookie_is_out_of_reach_of_scripts_and_of_other_websites() -> None:
    over_tls = channel(scheme="https", host="kb.example.org", client="192.0.2.7")
    assert over_tls.keeping("token", 60) == (
        "__Host-sid=token; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    )
    assert over_tls.forgetting() == "__Host-sid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
    here = channel(scheme="http", host="localhost", client="127.0.0.1")
    assert here.keeping("token", 60) == "sid=token; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"


def test_every_cookie_of_a_name_is_seen_whatever_stands_around_it() -> None:
    assert cookies(["a=1; sid=x;sid= y ", "sid=z"], "sid") == ["x", "y", "z"]
    assert cookies(["__Host-sid=x; xsid=y; sid"], "sid") == [""]


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_host_header_or_origin_breaks_it(host: str, origin: str) -> None:
    channel(scheme="http", host=host, client=host, public_origin=origin)
    names(origin, host)


@pytest.mark.parametrize("name", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_is_known_by_its_own_addresses(name: str) -> None:
    assert is_loopback(name)


OTHERS = ["0.0.0.0", "::", "192.0.2.1", "localhost.example.org", "", "127.0.0.1.nip.io"]  # noqa: S104


@pytest.mark.parametrize("name", OTHERS)
def test_no_other_name_is_taken_for_this_machine(name: str) -> None:
    assert not is_loopback(name)
