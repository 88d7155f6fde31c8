"""What a disk that takes no more means, in the application's words."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import DiskFull

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, a quota, a limit on the size of files


@contextmanager
def room(what: str) -> Iterator[None]:
    """Turn the system's refusal to write ``what`` into ``DiskFull``."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        why = f"no space is left for {what} ({error.strerror}); free some, then try again"
        raise DiskFull(why) from error
