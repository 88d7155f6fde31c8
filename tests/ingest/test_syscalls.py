"""The filter of system calls, run on a small interpreter of its instructions, for every machine it knows."""

import errno
import struct
import sys

import pytest

from ingest.syscalls import filter_for

ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
PID = 4_711
MACHINES = {  # architecture, then numbers of calls, from the kernel's tables
    "x86_64": (0xC000003E, {"read": 0, "openat": 257, "fcntl": 72, "ioctl": 16, "clone": 56, "kill": 62,
                            "prlimit64": 302, "socket": 41, "execve": 59, "ptrace": 101, "futex": 202}),
    "aarch64": (0xC00000B7, {"read": 63, "openat": 56, "fcntl": 25, "ioctl": 29, "clone": 220, "kill": 129,
                             "prlimit64": 261, "socket": 198, "execve": 221, "ptrace": 117, "futex": 98}),
}  # fmt: skip


def _verdict(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    """What classic BPF makes of a call (``linux/filter.h``): loads, jumps and returns are all there is."""
    call = struct.pack("<iIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    place, register = 0, 0
    while True:
        code, if_true, if_false, constant = struct.unpack_from("=HBBI", program, 8 * place)
        place += 1
        if code == 0x06:
            return int(constant)
        if code == 0x20:
            (register,) = struct.unpack_from("<I", call, constant)
            continue
        tests = {0x15: register == constant, 0x25: register > constant, 0x35: register >= constant,
                 0x45: bool(register & constant)}  # fmt: skip
        place += if_true if tests[code] else if_false


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _ask(machine: str, call: str, *arguments: int) -> int:
    architecture, numbers = MACHINES[machine]
    program = filter_for(machine, PID)
    assert program is not None
    return _verdict(program, architecture, numbers[call], *arguments)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("read", (0,)),
        ("futex", ()),
        ("openat", (0, 0, 0o2000000)),  # O_CLOEXEC
        ("fcntl", (3, 1)),  # F_GETFD
        ("ioctl", (3, 0x5421)),  # FIONBIO
        ("clone", (0x3D0F00,)),  # a thread
        ("kill", (PID, 6)),
        ("prlimit64", (0, 3, 0)),
    ],
)
def test_call_that_a_reader_needs_is_allowed(machine: str, call: str, arguments: tuple[int, ...]) -> None:
    assert _ask(machine, call, *arguments) == ALLOW


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("socket", (2, 1)),
        ("execve", ()),
        ("ptrace", ()),
        ("openat", (0, 0, 0o1)),  # O_WRONLY
        ("openat", (0, 0, 0o2)),  # O_RDWR
        ("openat", (0, 0, 0o100)),  # O_CREAT
        ("openat", (0, 0, 0o1000)),  # O_TRUNC
        ("fcntl", (3, 8)),  # F_SETOWN
        ("ioctl", (3, 0x8901)),  # FIOSETOWN
        ("clone", (17,)),  # SIGCHLD: a process
        ("kill", (PID + 1, 9)),
        ("kill", (2**32 - 1, 9)),  # everybody
        ("prlimit64", (1, 7, 1)),
        ("prlimit64", (1, 7, 2**32)),  # a pointer whose lower half is null
    ],
)
def test_call_that_reaches_beyond_the_process_is_refused(
    machine: str, call: str, arguments: tuple[int, ...]
) -> None:
    assert _ask(machine, call, *arguments) == FAIL + errno.EPERM


def test_newer_calls_do_not_exist(machine: str) -> None:
    architecture, _ = MACHINES[machine]
    program = filter_for(machine, PID)
    assert program is not None
    for number in (435, 440, 462):  # clone3, process_madvise, one of 2025
        assert _verdict(program, architecture, number) == FAIL + errno.ENOSYS


def test_calls_of_another_architecture_end_the_process(machine: str) -> None:
    program = filter_for(machine, PID)
    assert program is not None
    assert _verdict(program, 0x40000003, 1) == KILL  # 32-bit calls on x86
    assert _verdict(program, MACHINES[machine][0], 0x40000000) == FAIL + errno.EPERM  # x32


def test_unknown_machine_has_no_filter() -> None:
    assert filter_for("sparc64", PID) is None


def test_instructions_are_laid_out_for_this_machine() -> None:
    assert sys.byteorder == "little"  # both machines are; the filter reads halves of arguments
