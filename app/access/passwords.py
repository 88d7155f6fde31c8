"""Passwords: which may be chosen, and how they are kept.

Argon2id with 19 MiB, 2 passes, 1 lane: the OWASP Password Storage Cheat Sheet's minimum, and about 60 ms on
one core. Length and lists instead of rules of composition: NIST SP 800-63B-4 section 3.1.1.2.
"""

import base64
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from app.access.common_passwords import too_common
from app.errors import BadRequest, Busy

MIN_CHARACTERS = 12
MAX_BYTES = 1024  # of UTF-8: more is no password, but work for the hash
MEMORY_KIB, PASSES, LANES = 19_456, 2, 1
SALT_BYTES, DIGEST_BYTES = 16, 32
AT_ONCE = 2  # hashes; more would take every core from those who ask
WAITING = 8  # sign-ins that wait for one; more would take every thread of the server
WAIT_S = 10.0
RETRY_S = 2


class Passwords:
    """Hash and compare passwords, at most two at a time; who waits longer than ``wait_s`` gets ``Busy``."""

    def __init__(self, *, wait_s: float = WAIT_S) -> None:
        self._hasher = PasswordHasher(
            time_cost=PASSES,
            memory_cost=MEMORY_KIB,
            parallelism=LANES,
            hash_len=DIGEST_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )
        self._wait_s = wait_s
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._places = threading.BoundedSemaphore(AT_ONCE + WAITING)
        self._nobodys = _hash_of_nothing()

    def hashed(self, password: str, name: str) -> str:
        """The hash of a password that somebody chooses. Raises ``BadRequest``, or ``Busy``.

        At least 12 characters after NFKC, at most 1,024 bytes, not among the common ones, and not made of
        the user's own name.
        """
        normal = _normal(password)
        if normal is None:
            raise BadRequest(
                f"the password cannot be used; choose whole characters, {MAX_BYTES} bytes at most"
            )
        if len(normal) < MIN_CHARACTERS:
            raise BadRequest(
                f"the password has {len(normal)} characters; choose at least {MIN_CHARACTERS}, such as a few "
                "words that do not belong together"
            )
        if too_common(normal, name):
            raise BadRequest(
                "the password is among the first that are tried: a common one, a pattern, or the user's own "
                "name; choose a few words that do not belong together"
            )
        return self.again(password)

    def again(self, password: str) -> str:
        """The hash of a password that was accepted before, whatever the rules are now. Raises ``Busy``."""
        normal = _normal(password)
        assert normal is not None  # noqa: S101 - it was accepted
        with self.turn():
            return self._hasher.hash(normal)

    def verify(self, hashed: str | None, password: str) -> bool:
        """Whether it is the password of that hash. Raises ``Busy``.

        Without a hash (an unknown name) the same work is done, and the answer is no.
        """
        normal = _normal(password)
        against = self._nobodys if hashed is None or normal is None else hashed
        with self.turn():
            try:
                return self._hasher.verify(against, normal or "")
            except (VerificationError, InvalidHashError):
                return False

    def outdated(self, hashed: str) -> bool:
        """Whether a hash was made with other parameters than those of now."""
        return self._hasher.check_needs_rehash(hashed)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One of the two places for hashing. Raises ``Busy`` where too many wait, or one for too long."""
        busy = Busy("too many people sign in at this moment; try again shortly", RETRY_S)
        if not self._places.acquire(blocking=False):
            raise busy
        try:
            if not self._slots.acquire(timeout=self._wait_s):
                raise busy
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._places.release()


def _normal(password: str) -> str | None:
    """The password as it is hashed: whatever the keyboard, the same; None for no password."""
    if len(password) > MAX_BYTES:
        return None
    normal = unicodedata.normalize("NFKC", password)
    try:
        return normal if len(normal.encode()) <= MAX_BYTES else None
    except UnicodeEncodeError:  # half a surrogate pair
        return None


def _hash_of_nothing() -> str:
    """A hash with the parameters of now that no password has: its digest is random."""
    sizes = SALT_BYTES, DIGEST_BYTES
    salt, digest = (base64.b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in sizes)
    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"
