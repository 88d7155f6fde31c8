"""What a parser process may ask of the kernel: numbers of system calls, and a seccomp filter made of them.

All calls are refused but those listed here. A refused call returns "not permitted"; one that is newer than
this list returns "no such call", on which C libraries fall back to an older one. Sources:
``syscall_64.tbl`` and ``asm-generic/unistd.h`` of Linux for the numbers, ``linux/bpf_common.h`` and
``linux/seccomp.h`` for the filter.
"""

import errno
import struct
from collections.abc import Iterator, Mapping, Sequence

# Memory, clocks, reading of open files, writing to open pipes, and what an interpreter asks about itself.
_PLAIN: Mapping[str, Mapping[str, int]] = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8,
        "mmap": 9,
        "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
        "pread64": 17, "readv": 19, "writev": 20, "access": 21, "select": 23, "sched_yield": 24, "mremap": 25,
        "madvise": 28, "dup": 32, "nanosleep": 35, "getpid": 39, "sendto": 44, "recvfrom": 45, "exit": 60,
        "uname": 63, "getcwd": 79, "readlink": 89, "gettimeofday": 96, "getrlimit": 97, "getrusage": 98,
        "sysinfo": 99, "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "getppid": 110,
        "sigaltstack": 131, "gettid": 186, "time": 201, "futex": 202, "sched_getaffinity": 204,
        "getdents64": 217, "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229,
        "clock_nanosleep": 230, "exit_group": 231, "newfstatat": 262, "readlinkat": 267, "faccessat": 269,
        "pselect6": 270, "ppoll": 271, "set_robust_list": 273, "getcpu": 309, "getrandom": 318,
        "membarrier": 324, "statx": 332, "rseq": 334, "faccessat2": 439,
    },
    "aarch64": {
        "getcwd": 17, "dup": 23, "faccessat": 48, "close": 57, "getdents64": 61, "lseek": 62, "read": 63,
        "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pselect6": 72, "ppoll": 73, "readlinkat": 78,
        "newfstatat": 79, "fstat": 80, "exit": 93, "exit_group": 94, "futex": 98, "set_robust_list": 99,
        "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115,
        "sched_getaffinity": 123, "sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132,
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "uname": 160, "getrlimit": 163,
        "getrusage": 165, "getcpu": 168, "gettimeofday": 169, "getpid": 172, "getppid": 173, "getuid": 174,
        "geteuid": 175, "getgid": 176, "getegid": 177, "gettid": 178, "sysinfo": 179, "sendto": 206,
        "recvfrom": 207, "brk": 214, "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226,
        "madvise": 233, "getrandom": 278, "membarrier": 283, "statx": 291, "rseq": 293, "faccessat2": 439,
    },
}  # fmt: skip
# Calls that are allowed with certain arguments only.
_CHECKED: Mapping[str, Mapping[str, int]] = {
    "x86_64": {"open": 2, "openat": 257, "fcntl": 72, "ioctl": 16, "clone": 56, "kill": 62, "tgkill": 234,
               "prlimit64": 302},
    "aarch64": {"openat": 56, "fcntl": 25, "ioctl": 29, "clone": 220, "kill": 129, "tgkill": 131,
                "prlimit64": 261},
}  # fmt: skip
SECCOMP = {"x86_64": 317, "aarch64": 277}  # the call that installs a filter
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_CLONE3 = 435
_NEWEST = 439  # of the calls above; the numbers of newer ones are the same everywhere
_FOREIGN = 0x40000000  # x32 calls have numbers from here

# O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND: with none of them nothing can be changed.
_WRITING = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000
_CLONE_THREAD = 0x10000  # without it a new process begins
# Other commands of fcntl and ioctl name a process that is to get signals.
_FCNTL = (0, 1, 2, 3, 1030)  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC
_IOCTL = (0x5401, 0x802C542A, 0x5413, 0x5421, 0x5450, 0x5451)  # TCGETS(2), TIOCGWINSZ, FIONBIO, FIO(N)CLEX

_INSTRUCTION = struct.Struct("=HBBI")  # code, jump if true, jump if false, constant
_LOAD, _RETURN = 0x20, 0x06  # 32 bits of the call at an offset
_EQUAL, _AT_LEAST, _GREATER, _HAS_BIT = 0x15, 0x35, 0x25, 0x45
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data; each argument has 8 bytes
_ALLOW, _KILL, _FAIL = 0x7FFF0000, 0x80000000, 0x00050000  # SECCOMP_RET_; _FAIL + an error number


def filter_for(machine: str, pid: int) -> bytes | None:
    """The filter for process ``pid`` as BPF instructions of 8 bytes; None where the machine is not known."""
    if machine not in _PLAIN:
        return None
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    program += _when(_AT_LEAST, _FOREIGN, _FAIL + errno.EPERM)
    for number in _PLAIN[machine].values():
        program += _when(_EQUAL, number, _ALLOW)
    for name, number in _CHECKED[machine].items():
        check = [*_check(name, pid), (_RETURN, 0, 0, _FAIL + errno.EPERM)]
        program += [(_EQUAL, 0, len(check), number), *check]
    program += _when(_EQUAL, _CLONE3, _FAIL + errno.ENOSYS)
    program += _when(_GREATER, _NEWEST, _FAIL + errno.ENOSYS)
    program.append((_RETURN, 0, 0, _FAIL + errno.EPERM))
    return b"".join(_INSTRUCTION.pack(*each) for each in program)


_Program = list[tuple[int, int, int, int]]


def _when(test: int, constant: int, verdict: int) -> _Program:
    return [(test, 0, 1, constant), (_RETURN, 0, 0, verdict)]


def _check(name: str, pid: int) -> _Program:
    """Instructions that allow the call, or fall through."""
    if name in ("open", "openat"):
        flags = 1 if name == "open" else 2
        return [_low(flags), (_HAS_BIT, 1, 0, _WRITING), (_RETURN, 0, 0, _ALLOW)]
    if name == "clone":
        return [_low(0), *_when(_HAS_BIT, _CLONE_THREAD, _ALLOW)]
    if name == "prlimit64":  # reading only: the third argument, a pointer to new limits, is null
        null = (_EQUAL, 0, 3, 0)
        return [_low(2), null, _high(2), (_EQUAL, 0, 1, 0), (_RETURN, 0, 0, _ALLOW)]
    argument, allowed = {"fcntl": (1, _FCNTL), "ioctl": (1, _IOCTL)}.get(name, (0, (pid,)))
    return [_low(argument), *_any_of(allowed)]


def _any_of(allowed: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    for value in allowed:
        yield from _when(_EQUAL, value, _ALLOW)


def _low(argument: int) -> tuple[int, int, int, int]:
    """Loads the lower half, all of it that the kernel reads of a flag, a descriptor or a process id."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)


def _high(argument: int) -> tuple[int, int, int, int]:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * argument + 4)
