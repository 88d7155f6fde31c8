"""Over what a request came: whether people may sign in over it, and what their session's cookie is called."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

SECURE_COOKIE, PLAIN_COOKIE = "__Host-sid", "sid"
SESSION_COOKIES = (SECURE_COOKIE, PLAIN_COOKIE)
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Channel:
    """What one request came over.

    ``cookie``: the session's cookie, "" where nobody may sign in because others could read along.
    ``secure``: it came through TLS. ``exposed``: it did not, and not from this machine either. ``client``:
    the address of whoever sent it, "" where that is not known.
    """

    client: str
    cookie: str
    secure: bool
    exposed: bool

    def keeping(self, token: str, max_age_s: int) -> str:
        """The Set-Cookie header of a session (RFC 6265bis): no script reads it, no other website sends it."""
        return f"{self.cookie}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{self._secure}"

    def forgetting(self) -> str:
        """The Set-Cookie header that ends it in the browser."""
        return f"{self.cookie}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{self._secure}"

    @property
    def _secure(self) -> str:
        return "; Secure" if self.secure else ""


def channel(
    *, scheme: str, host: str, client: str, public_origin: str = "", allow_insecure_http: bool = False
) -> Channel:
    """What a request came over.

    ``host`` is its Host header, ``client`` the address of whoever sent it, ``scheme`` what the server or a
    trusted proxy says. A proxy that tells nothing is known by ``public_origin``, where the host is that one.

    Only one cookie is read over each channel: a ``sid`` that somebody planted over plain HTTP is no session
    over TLS (RFC 6265bis section 4.1.3.2, the prefix ``__Host-``).
    """
    if scheme in ("https", "wss") or (public_origin.startswith("https:") and names(public_origin, host)):
        return Channel(client, SECURE_COOKIE, secure=True, exposed=False)
    exposed = not (is_loopback(client) and is_loopback(split(f"//{host}")[0]))
    cookie = PLAIN_COOKIE if allow_insecure_http or not exposed else ""
    return Channel(client, cookie, secure=False, exposed=exposed)


def cookies(headers: Sequence[str], name: str) -> list[str]:
    """Every value that Cookie headers have for a name: several, where somebody planted another."""
    pairs = (part.partition("=") for header in headers for part in header.split(";"))
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def names(origin: str, host: str) -> bool:
    """Whether an origin (scheme, name, port) is that of a Host header, which may leave the port out."""
    name, port = split(origin)
    default = DEFAULT_PORTS.get(urlsplit(origin).scheme)
    own_name, own_port = split(f"//{host}")
    return bool(name) and (name, port or default) == (own_name, own_port or default)


def is_loopback(name: str) -> bool:
    """Whether an address or a name is that of this machine itself."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def split(address: str) -> tuple[str, int | None]:
    """Host name in lower case and port; an address that cannot be read has the name ''."""
    try:
        parts = urlsplit(address)
        return (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "", None
