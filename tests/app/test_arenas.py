"""The heaps of the C library: in a process of its own, for they cannot be taken back."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, os, tempfile, threading
from app.cli.arenas import few_arenas
print(few_arenas())
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.fdopen.restype, libc.fdopen.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_char_p]
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fflush.argtypes = [ctypes.c_void_p]
ready = threading.Barrier(12)
def work():
    ready.wait()
    for _ in range(2000):
        libc.malloc(3000)
threads = [threading.Thread(target=work) for _ in range(12)]
[each.start() for each in threads]
[each.join() for each in threads]
with tempfile.NamedTemporaryFile() as file:
    stream = libc.fdopen(os.dup(file.fileno()), b"w")
    libc.malloc_info(0, stream)
    libc.fflush(stream)
    print(open(file.name).read().count("<heap nr="))
"""


@pytest.fixture(autouse=True)
def _glibc() -> None:
    import platform

    if platform.libc_ver()[0] != "glibc":
        pytest.skip("another C library than glibc")


def _run(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout.split()


def test_all_threads_share_two_heaps() -> None:
    told, heaps = _run()
    assert told == "True"
    assert int(heaps) <= 2


def test_what_the_environment_says_stays() -> None:
    told, heaps = _run(MALLOC_ARENA_MAX="5")
    assert told == "False"
    assert 2 < int(heaps) <= 5
