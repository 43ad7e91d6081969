"""Programs that try everything: each finds nothing, is refused, or is cut clearly; and a fine program runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from yungu.compute.backends.isolation import Limits, LocalCells, Outcome, Program
from yungu.compute.errors import IsolationUnavailable

SECRET = "the-secret-of-the-server"
QUICK = Limits(memory_bytes=1 << 30, cpu_seconds=5, wall_seconds=10, disk_bytes=1 << 20, output_bytes=1 << 20)


class Bench:
    """One program after the other, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        (self.data / "secret.key").write_text(SECRET)
        self.cells = LocalCells(self.data / "jobs", hidden=(self.data,))
        self.out = self.log = b""

    def run(self, code: str, *, given: str = "", limits: Limits = QUICK, **how: object) -> Outcome:
        home = self.folder / "program"
        home.mkdir(exist_ok=True)
        home.chmod(0o755)
        for name, data in {"predict.py": code.encode(), "weights.bin": b"tea"}.items():
            (home / name).write_bytes(data)
            (home / name).chmod(0o644)
        (self.folder / "inputs").write_text(given)
        self.out = self.log = b""
        program = Program(home, "predict.py", seed=7)
        inputs = self.folder / "inputs"
        return self.cells.run(program, inputs, limits, on_output=self._hear, on_log=self._note, **how)  # type: ignore[arg-type]

    def _hear(self, data: bytes) -> None:
        self.out += data

    def _note(self, data: bytes) -> None:
        self.log += data


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    before = os.umask(0o077)  # as the command line has it
    yield made
    os.umask(before)


def test_a_fine_program_reads_its_inputs_and_its_files_and_answers(bench: Bench) -> None:
    done = bench.run(
        "import os, sys, json, threading, tempfile\n"
        "from pathlib import Path\n"
        "weights = Path(__file__).with_name('weights.bin').read_bytes()\n"
        "thread = threading.Thread(target=print, args=('in a thread',), kwargs={'file': sys.stderr})\n"
        "thread.start(); thread.join()\n"
        "tempfile.TemporaryFile().write(b'scratch')\n"
        "import numpy\n"
        "for line in sys.stdin: print(json.dumps([json.loads(line), len(weights), int(numpy.ones(3).sum())]))\n"
        "print(os.environ['YUNGU_SEED'])\n",
        given='"leaf"\n"bud"\n',
    )

    assert (done.reason, done.status, done.level) == ("done", 0, "full"), bench.log
    assert bench.out == b'["leaf", 3, 3]\n["bud", 3, 3]\n7\n'
    assert bench.log == b"in a thread\n"
    assert 0 < done.cpu_seconds <= 5 and done.memory_bytes > 1 << 20


_TRIES = """
import ctypes, os, signal, socket, subprocess, sys, threading
library = ctypes.CDLL(None, use_errno=True)
def tried(what, *arguments):
    try:
        return what(*arguments)
    except (OSError, ValueError, RuntimeError):
        return None
def possible(name, found):
    if found is not None:
        print("possible:", name, found)
for place in (DATA, "/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/1/root", "/sys", "/dev/sda",
              "/dev/mem", "/home", "/var", "/run", "/program/../../etc/shadow", "/usr/bin", "/boot", "/dev/pts"):
    possible(place, tried(os.listdir, place) or tried(lambda: open(place, "rb").read(9)))
for place in ("/program/x", "/program/weights.bin", "/usr/lib/x", "/x", "/dev/x", sys.base_prefix + "/lib/x"):
    possible("writing " + place, tried(lambda: open(place, "wb")))
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET):
    possible("socket", tried(socket.socket, family))
possible("name", tried(socket.getaddrinfo, "localhost", 80))
possible("fork", tried(os.fork))
possible("exec", tried(subprocess.run, [sys.executable, "-c", ""]))
possible("kill", tried(os.kill, os.getppid(), 0) and 1 or tried(lambda: os.kill(-1, 9) or 1))
possible("setuid", tried(lambda: os.setuid(0) or 1))
possible("chroot", tried(lambda: os.chroot("/scratch") or 1))
for name, arguments in {
    "ptrace": (16, 1, 0, 0), "unshare": (0x10000000,), "mount": (b"none", b"/scratch", b"tmpfs", 0, None),
    "umount2": (b"/program", 2), "process_vm_readv": (1, None, 0, None, 0, 0), "memfd_create": (b"x", 0),
    "setns": (0, 0), "personality": (0x0040000,), "init_module": (None, 0, None), "inotify_init": (),
    "shmget": (1, 4096, 0o1600), "msgget": (1, 0o1600),
    "sethostname": (b"x", 1),
    "acct": (None,), "swapon": (b"x", 0), "reboot": (0,), "quotactl": (0, None, 0, None),
    "sched_setscheduler": (0, 1, b"1234"),
}.items():
    if arguments is not None:
        answer = getattr(library, name, lambda *_: -1)(*arguments)
        possible(name, None if answer == -1 else answer)
for number in (101, 103, 165, 175, 246, 250, 272, 298, 304, 308, 310, 311, 321, 323, 425, 428,
               434, 435, 438, 442, 444, 449):
    possible(f"call {number}", None if library.syscall(number, 0, 0, 0, 0, 0) == -1 else 1)
def limit():
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    return 1
possible("more memory", tried(limit))
print(os.listdir("/"), os.listdir("/scratch"), sorted(os.environ), os.getpid())
print("done")
"""


def test_a_program_finds_nothing_of_the_host_and_no_way_out(bench: Bench) -> None:
    os.environ["YUNGU_TEST_SECRET"] = SECRET
    try:
        done = bench.run(f"DATA = {str(bench.data)!r}\n{_TRIES}")
    finally:
        del os.environ["YUNGU_TEST_SECRET"]

    assert done.reason == "done", bench.log
    *found, places, last = bench.out.decode().splitlines()
    assert found == []
    assert last == "done"
    assert SECRET.encode() not in bench.out
    assert "YUNGU_TEST_SECRET" not in places and "home" not in places


@pytest.mark.parametrize(
    ("code", "limits", "reason"),
    [
        ("import time; time.sleep(60)", replace(QUICK, wall_seconds=0.5), "too_long"),
        ("import signal\nfor n in range(1, 31):\n    if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\n"
         "while True: pass", replace(QUICK, cpu_seconds=1), "too_long"),
        ("bytearray(2 << 30)", QUICK, "too_much_memory"),
        ("kept = []\nwhile True: kept.append(bytes(1 << 20))", QUICK, "too_much_memory"),
        ("import sys\nwhile True: sys.stdout.write('x' * 65536)", QUICK, "too_much_output"),
        ("import sys\nwhile True: sys.stderr.write('x' * 65536)", QUICK, "too_much_output"),
        ("import ctypes; ctypes.string_at(0)", QUICK, "failed"),
        ("raise SystemExit('no')", QUICK, "failed"),
        ("import os; os.write(1, b'{'); os.close(1); os._exit(0)", QUICK, "done"),
    ],
)  # fmt: skip
def test_what_takes_too_much_is_cut(bench: Bench, code: str, limits: Limits, reason: str) -> None:
    done = bench.run(code, limits=limits)

    assert done.reason == reason, (done, bench.log[-500:])
    assert len(bench.out) <= limits.output_bytes and len(bench.log) <= limits.output_bytes
    assert done.wall_seconds < 9


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("for n in 'ab': open(f'/scratch/{n}', 'wb').write(bytes(1 << 20))", "No space left on device"),
        ("for n in 'ab': open(f'/tmp/{n}', 'wb').write(bytes(1 << 20))", "No space left on device"),
        ("import os\nfor n in range(100_000): open(f'/scratch/{n}', 'w').close()", "No space left on device"),
        ("import os\nwhile True: os.fork()", "Operation not permitted"),
        ("import threading as t, time\nwhile True: t.Thread(target=time.sleep, args=(9,)).start()", "start new thread"),
        ("kept = []\nwhile True: kept.append(open('/dev/null'))", "Too many open files"),
    ],
)  # fmt: skip
def test_what_fills_the_machine_is_told_so(bench: Bench, code: str, said: str) -> None:
    done = bench.run(code + "\n", limits=replace(QUICK, wall_seconds=4))

    assert said in bench.log.decode()
    assert done.reason in ("failed", "too_long")


def test_it_is_stopped_when_asked_and_nothing_of_it_is_left(bench: Bench) -> None:
    code = "import time\nprint('begun', flush=True)\ntime.sleep(60)"
    done = bench.run(code, must_stop=lambda: bool(bench.out))

    assert (done.reason, bench.out) == ("stopped", b"begun\n")
    assert _cells() == []
    assert list((bench.data / "jobs").iterdir()) == []


def _cells() -> list[str]:
    ours = [Path(f"/proc/{pid}/cmdline") for pid in os.listdir("/proc") if pid.isdigit()]
    return [line for line in map(_words, ours) if "cell.py" in line and str(os.getpid()) in line]


def _words(path: Path) -> str:
    try:
        parent = (path.parent / "stat").read_text().rpartition(")")[2].split()[1]
        return f"{path.read_bytes().decode('utf-8', 'replace')} {parent}"
    except OSError:
        return ""


_SERVER = """
import sys
from pathlib import Path
from yungu.compute.backends.isolation import Limits, LocalCells, Program
folder = Path(sys.argv[1]) / "program"
cells = LocalCells(folder.parent / "scratch", may_be_weak=sys.argv[2] == "weak")
tell = lambda data: print(data.decode(), end="", flush=True)
done = cells.run(Program(folder, "p.py"), folder / "p.py", Limits(wall_seconds=30), on_output=tell, on_log=tell)
print(done.level, done.reason)
"""


def _serve(folder: Path, code: str, *before: str, how: str = "full") -> subprocess.Popen[str]:
    home = folder / "program"
    home.mkdir(exist_ok=True)
    (home / "p.py").write_text(code)
    home.chmod(0o755)
    (home / "p.py").chmod(0o644)
    command = [*before, sys.executable, "-c", _SERVER, str(folder), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_program_dies_with_a_killed_server(tmp_path: Path) -> None:
    code = "import os, time\nprint('begun', flush=True)\ntime.sleep(60)\n"
    server = _serve(tmp_path, code)
    assert server.stdout is not None
    assert server.stdout.readline() == "begun\n", server.stdout.read()
    [cell, program] = _descendants(server.pid)

    server.kill()
    server.wait()

    for pid in (cell, program):
        _gone(pid)


def _descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(below for child in children for below in _descendants(child))]


def _gone(pid: int) -> None:
    descriptor = None
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    import select

    assert select.select([descriptor], [], [], 10)[0], "it is still there"
    os.close(descriptor)


UNPRIVILEGED = ("unshare", "-U", "--map-user=12345", "--map-group=12345")
NO_NAMESPACES = (
    *UNPRIVILEGED, "--keep-caps", "sh", "-c", 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"', "sh",
)  # fmt: skip


def test_it_works_for_a_server_that_is_not_root(tmp_path: Path) -> None:
    said, _ = _serve(
        tmp_path, "import os\nprint(os.path.exists('/etc/passwd'), os.getuid())", *UNPRIVILEGED
    ).communicate()

    assert said == "False 65534\nfull done\n"


_CONNECTS = "import os, socket\ntry:\n    socket.socket()\nexcept OSError as error:\n    print(error)\n"


def test_a_kernel_without_namespaces_is_refused_honestly_unless_less_is_allowed(tmp_path: Path) -> None:
    refused, _ = _serve(tmp_path, _CONNECTS, *NO_NAMESPACES).communicate()
    weak, _ = _serve(tmp_path, _CONNECTS, *NO_NAMESPACES, how="weak").communicate()

    assert "Programs cannot be isolated here: unshare: No space left on device." in refused
    assert weak == "[Errno 1] Operation not permitted\nweak done\n"


def test_a_data_folder_inside_the_runtime_is_refused(tmp_path: Path) -> None:
    cells = LocalCells(tmp_path, hidden=(Path(sys.prefix) / "lib" / "data",))
    with pytest.raises(IsolationUnavailable, match="runtime"):
        cells.run(Program(tmp_path, "p.py"), tmp_path, QUICK, on_output=print, on_log=print)
