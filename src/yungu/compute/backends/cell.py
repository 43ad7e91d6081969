"""The program that shuts a stranger's Python program in and runs it.

It is started by `yungu.compute.backends.isolation` as a plain file and imports of yungu only `confinement`. Its
standard input, output and error are those of the stranger's program. Orders come, and reports go, as lines of JSON
through the socket whose number is its last argument.

What the program finds inside ("full"): namespaces of its own for users (where the server is not root), processes,
mounts, network (no device, not even loopback), System V objects and names; a root file system that holds a Python
runtime and the program's folder, read-only, and one writable folder of bounded size, in memory; nobody's rights. And in
any case: no new privileges, bounded memory, CPU time, threads and file size, one process, and a filter of system calls
without sockets, exec, fork, mount, kill of others, ptrace and what else a calculation does not need. It dies with the
server."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import runpy
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.append(sys.argv[1])

from yungu.kernel import confinement

OUT_OF_MEMORY = 77
_CANNOT_START = 78
_NOBODY = 65534
_FIRST_UID = 1_000_000_000
"""Users of nobody's, one for each cell, so that the limits of one do not count another's threads."""

_NEW_MOUNTS, _NEW_NAMES, _NEW_IPC, _NEW_USERS = 0x00020000, 0x04000000, 0x08000000, 0x10000000
_NEW_PROCESSES, _NEW_NETWORK, _NEW_CGROUP = 0x20000000, 0x40000000, 0x02000000
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH = 2
_KEPT_FLAGS = {os.ST_NOEXEC: 8, os.ST_NOATIME: 1024, os.ST_NODIRATIME: 2048, os.ST_RELATIME: 1 << 21}
"""Flags of a mount that a mount of the same place in another user namespace has to keep (statvfs to mount)."""
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPSET_VERSION = 0x20080522
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")

_WORKING: confinement.Calls = {
    "x86_64": (
        "2 4 6 18 20 21 22 23 32 33 34 36 37 38 40 48 51 53 54 55 61 63 72 73 74 75 76 77 78 79 80 81 82 83 "
        "84 86 87 88 89 90 91 95 97 102 104 107 108 110 111 115 118 120 121 124 127 128 130 132 137 138 140 "
        "143 145 146 147 158 201 203 213 217 218 221 222 223 224 226 232 233 247 257 258 262 263 264 265 266 "
        "267 268 269 270 274 280 281 283 285 286 287 290 291 292 293 295 296 302 326 332 436 439"
    ),
    "aarch64": (
        "17 19 20 21 22 23 24 25 32 34 35 36 37 38 43 44 45 46 47 48 49 50 52 53 56 59 61 68 69 70 71 72 78 "
        "79 82 83 88 90 95 96 100 102 103 107 108 110 111 120 121 122 125 126 133 136 137 141 148 150 155 156 "
        "158 160 163 166 173 174 175 176 177 199 204 208 209 210 213 223 227 228 229 232 261 276 284 285 286 "
        "287 291 436 439"
    ),
}
"""Besides those of thinking: files and folders, pipes, waiting, timers, socket pairs, and asking about oneself."""
_CLONE, _CLONE3, _IOCTL, _TGKILL = {
    "x86_64": (56, 435, 16, 234),
    "aarch64": (220, 435, 29, 131),
}.get(platform.machine(), (0, 0, 0, 0))
_CLONE_THREAD = 0x00010000
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX

_library = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The kernel does not let this process shut anything in."""


def main() -> None:
    confinement.control(confinement.PDEATHSIG, signal.SIGKILL)
    os.umask(0o022)
    os.nice(10)  # the server answers first
    line = socket.socket(fileno=int(sys.argv[2]))
    orders = json.loads(line.makefile("rb").readline())
    say = Line(line)
    level, reason = "full", ""
    try:
        enter(orders)
    except (Refused, OSError) as error:
        level, reason = "weak", str(error)
    if level == "weak" and not orders["may_be_weak"]:
        say(refused=reason)
        os._exit(_CANNOT_START)
    _run(orders, level, say)


class Line:
    """Says things to the server."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def __call__(self, **what: Any) -> None:
        self._line.sendall(json.dumps(what).encode() + b"\n")

    def close(self) -> None:
        self._line.close()


def _run(orders: dict[str, Any], level: str, say: Line) -> None:
    """Let a child be the program; say how it ended."""
    alive, mine = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(mine)
        _be_program(orders, level, say, alive)
    os.close(alive)
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    _, status, used = os.wait4(child, 0)
    say(
        status=os.waitstatus_to_exitcode(status),
        cpu_seconds=round(used.ru_utime + used.ru_stime, 3),
        wall_seconds=round(time.monotonic() - started, 3),
        memory_bytes=used.ru_maxrss * 1024,
    )
    os._exit(0)


# --- a place of its own


def enter(orders: dict[str, Any]) -> None:
    """Leave everything behind but the folders of the orders. The next child is in it. Raises Refused, OSError."""
    flags = _NEW_MOUNTS | _NEW_PROCESSES | _NEW_NETWORK | _NEW_IPC | _NEW_NAMES | _NEW_CGROUP
    user, group = os.geteuid(), os.getegid()
    if user != 0 or _library.unshare(flags) != 0:
        _call("unshare", flags | _NEW_USERS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{_NOBODY} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{_NOBODY} {group} 1")
    _die_first()
    _call("mount", b"none", b"/", None, _RECURSIVE | _PRIVATE, None)
    root = orders["root"]
    _mount_memory(root, 1 << 20)
    scratch = _folder(root, "/scratch")
    _mount_memory(scratch, orders["disk_bytes"])
    os.chmod(scratch, 0o1777)  # noqa: PTH101, S103 - nobody else is in there
    for name in ("/tmp", "/dev/shm"):  # noqa: S108 - no links: the runtime itself may lie in /tmp
        _call("mount", scratch.encode(), _folder(root, name).encode(), None, _BIND, None)
    for place in orders["runtime"]:
        _show(root, place, place)
    for source, place in orders["folders"]:
        _show(root, source, place)
    for device in _DEVICES:
        _show(root, device, device, flags=_NO_SETUID)
    _call("mount", b"none", root.encode(), None, _REMOUNT | _READ_ONLY | _NO_SETUID | _NO_DEVICES | _BIND, None)
    os.chdir(root)
    _system_call(_PIVOT_ROOT, b".", b".")
    _call("umount2", b".", _DETACH)
    os.chdir("/scratch")
    _call("sethostname", b"cell", 4)


def _mount_memory(place: str, size_bytes: int) -> None:
    options = f"size={size_bytes},nr_inodes=20000,mode=755"
    _call("mount", b"tmpfs", place.encode(), b"tmpfs", _NO_SETUID | _NO_DEVICES, options.encode())


def _show(root: str, source: str, place: str, *, flags: int = _NO_SETUID | _NO_DEVICES | _READ_ONLY) -> None:
    """Let ``source`` be seen, read-only, at ``place``; nothing happens where there is nothing."""
    found = Path(source)
    if not found.exists():
        return
    if found.is_symlink():
        _folder(root, str(Path(place).parent))
        target = Path(root + place)
        if not target.is_symlink():
            target.symlink_to(found.readlink())
        return
    target = Path(_folder(root, place if found.is_dir() else str(Path(place).parent)))
    if not found.is_dir():
        target = Path(root + place)
        target.touch()
    if _library.mount(source.encode(), os.fsencode(target), None, _BIND, None) != 0:
        _call("mount", source.encode(), os.fsencode(target), None, _BIND | _RECURSIVE, None)
    has = os.statvfs(target).f_flag
    kept = sum(flag for bit, flag in _KEPT_FLAGS.items() if has & bit)
    _call("mount", b"none", os.fsencode(target), None, _REMOUNT | _BIND | flags | kept, None)


def _folder(root: str, place: str) -> str:
    Path(root + place).mkdir(parents=True, exist_ok=True)
    return root + place


def _die_first() -> None:
    Path("/proc/self/oom_score_adj").write_text("1000")


def _call(name: str, *arguments: Any) -> None:
    """Raises Refused with the kernel's reason."""
    if getattr(_library, name)(*arguments) != 0:
        raise Refused(f"{name}: {os.strerror(ctypes.get_errno())}")


def _system_call(numbers: dict[str, int], *arguments: Any) -> None:
    if platform.machine() not in numbers or _library.syscall(numbers[platform.machine()], *arguments) != 0:
        raise Refused(f"pivot_root: {os.strerror(ctypes.get_errno())}")


# --- no way back


def _be_program(orders: dict[str, Any], level: str, say: Line, alive: int) -> None:
    """Lock, and become the program. Never returns."""
    try:
        _become_nobody()
        confinement.control(confinement.PDEATHSIG, signal.SIGKILL)
        if select.select([alive], [], [], 0)[0]:
            os._exit(_CANNOT_START)  # who started us had gone before we could ask to go with it
        sys.dont_write_bytecode = True
        os.environ.clear()
        os.environ.update(orders["environ"])
        say(ready=level)
        say.close()
        os.closerange(3, 4096)
        _lock(orders)
    except BaseException:  # noqa: BLE001 - whatever it is, the program must not run
        traceback.print_exc()
        os._exit(_CANNOT_START)
    _perform(orders, level)


def _become_nobody() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        for user in (_own_uid(), _NOBODY):
            try:
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
                return
            except OSError:  # a user namespace of the house's container has no such number
                continue
        raise Refused("setresuid: no other user can be taken")
    header = (ctypes.c_uint32 * 2)(_CAPSET_VERSION, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)())


def _own_uid() -> int:
    """One that no other cell has: in namespaces of its own a process has no number that others have not; the clock
    does."""
    return _FIRST_UID + time.monotonic_ns() // 1000 % 1_000_000_000


def _lock(orders: dict[str, Any]) -> None:
    confinement.control(confinement.NO_NEW_PRIVILEGES, 1)
    confinement.limit(resource.RLIMIT_AS, orders["memory_bytes"])
    confinement.limit(resource.RLIMIT_CPU, orders["cpu_seconds"])
    confinement.limit(resource.RLIMIT_FSIZE, max(orders["disk_bytes"], orders["output_bytes"]))
    confinement.limit(resource.RLIMIT_NPROC, orders["threads"])
    confinement.limit(resource.RLIMIT_NOFILE, 256)
    confinement.limit(resource.RLIMIT_CORE, 0)
    confinement.filter_calls(
        confinement.numbers(confinement.THINKING) + confinement.numbers(_WORKING),
        one_of=[(_IOCTL, 1, _IOCTLS), (_TGKILL, 0, [os.getpid()])],
        with_bit=[(_CLONE, _CLONE_THREAD)],
        missing=[_CLONE3],
    )


def _perform(orders: dict[str, Any], level: str) -> None:
    """Be the program, as if it had been called from the command line."""
    folder, scratch = ("/program", "/scratch") if level == "full" else (orders["folders"][0][0], orders["root"])
    os.chdir(scratch)
    os.environ["TMPDIR"] = scratch
    program, ours = f"{folder}/{orders['entry']}", sys.argv[1]
    sys.argv = [program, *orders["arguments"]]
    sys.path = [folder, *(path for path in sys.path if path != ours), *orders["packages"]]
    try:
        runpy.run_path(program, run_name="__main__")
    except MemoryError:
        traceback.print_exc()
        _leave(OUT_OF_MEMORY)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException:  # noqa: BLE001 - the program's own; what it says is in its log
        traceback.print_exc()
        _leave(1)
    _leave(0)


def _leave(status: int) -> None:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
