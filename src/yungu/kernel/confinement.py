"""What a process can take away from itself, for good, before it touches what strangers sent: limits and system calls.

It is imported by programs that run as plain files, without site packages, so it needs the standard library only.
Numbers are from the kernel's tables (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h)."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
from collections.abc import Collection, Mapping, Sequence

PDEATHSIG = 1
NO_NEW_PRIVILEGES = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_ALLOW, _REFUSE, _MISSING = 0x7FFF0000, 0x00050001, 0x00050026  # go on; EPERM; ENOSYS
_LOAD, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16  # struct seccomp_data

Calls = Mapping[str, str]
"""Numbers of system calls, separated by spaces, by machine."""

THINKING: Calls = {
    "x86_64": "0 1 3 5 7 8 9 10 11 12 13 14 15 17 19 20 24 25 28 35 39 44 45 46 47 60 96 98 99 131 186 202 204 219 228 "
    "229 230 231 271 273 309 318 324 334",
    "aarch64": "57 62 63 64 65 66 67 73 80 93 94 98 99 101 113 114 115 123 124 128 132 134 135 139 165 168 169 172 178 "
    "179 206 207 211 212 214 215 216 222 226 233 278 283 293",
}
"""Reading, writing and closing what is open; memory; clocks; locks between threads; the end."""


def numbers(calls: Calls) -> list[int]:
    """Those of this machine; none on a machine that is not known."""
    return [int(number) for number in calls.get(platform.machine(), "").split()]


def can_filter() -> bool:
    """Whether the numbers of this machine's system calls are known."""
    return platform.machine() in _ARCHITECTURES


def limit(what: int, value: int) -> None:
    """Lower a resource limit (``resource.RLIMIT_...``) to at most ``value``."""
    hard = resource.getrlimit(what)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, value))


def control(option: int, *values: int) -> None:
    """prctl(2). Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if library.prctl(option, *arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def filter_calls(
    calls: Collection[int],
    *,
    one_of: Sequence[tuple[int, int, Sequence[int]]] = (),
    with_bit: Sequence[tuple[int, int]] = (),
    missing: Collection[int] = (),
) -> None:
    """From now on only these system calls work; the others answer EPERM. Nothing happens on an unknown machine.

    ``one_of``: (call, which argument, the values that it may have); ``with_bit``: (call, a bit that its first argument
    must have); ``missing``: those that answer ENOSYS, so that a C library takes an older one.
    https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html; the program is classic BPF."""
    if not can_filter():
        return
    steps = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_IF_EQUAL, 1, 0, _ARCHITECTURES[platform.machine()])]
    steps += [(_RETURN, 0, 0, _REFUSE), (_LOAD, 0, 0, _NUMBER_AT)]
    for number in missing:
        steps += [(_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _MISSING)]
    for number, bit in with_bit:
        steps += [(_IF_EQUAL, 0, 4, number), (_LOAD, 0, 0, _ARGUMENTS_AT), (_IF_ANY_BIT, 0, 1, bit)]
        steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    for number, argument, values in one_of:
        steps += [(_IF_EQUAL, 0, len(values) + 3, number), (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * argument)]
        steps += _choice(values)
    _install(steps + _choice(list(calls)))


def _choice(values: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Go on if what was loaded is one of at most 255 values, else refuse."""
    tests = [(_IF_EQUAL, len(values) - at, 0, value) for at, value in enumerate(values)]
    return [*tests, (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]


def _install(steps: Sequence[tuple[int, int, int, int]]) -> None:
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    control(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program))
