"""What every benchmark shares: a fresh hub of its own, the CPU that its processes burn, and figures that are kept.

CPU time is read from the kernel's clock of each process, to the nanosecond; the CPU of children that have ended comes
from ``/proc``, to 10 ms in total. It does not move with the load of the machine as wall time does."""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "build" / "bench"
OWNER = "lin"
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 60.0
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a server that compiles its modules at each start is nobody's server
_IDLE_CPU_SECONDS = 0.05  # in a second
_KEPT_SECONDS = 2.0  # servers hang up on idle connections


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took: of the server's CPU, and by the clock."""

    cpu_seconds: float
    wall_seconds: float

    def per(self, count: float) -> Cost:
        return Cost(self.cpu_seconds / count, self.wall_seconds / count)


@dataclass(frozen=True, slots=True)
class Published:
    """A CPU or wall figure that others took in a run of their own, and who."""

    name: str
    cpu_seconds: float | None = None
    wall_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class WallOnly:
    """A cost of which the CPU is not known."""

    wall_seconds: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. ``result`` is what is promised: ``unit`` says what it counts, ``target`` what it should be
    (at least, or at most when ``at_most``); without a target it is only told."""

    what: str
    ours: Cost | None
    beside: str
    theirs: Cost | Published | WallOnly | None
    result: float
    unit: str
    target: float | None = None
    at_most: bool = False

    @property
    def is_met(self) -> bool | None:
        if self.target is None:
            return None
        return self.result <= self.target if self.at_most else self.result >= self.target


@dataclass(slots=True)
class Meter:
    """CPU and wall time of a process and its descendants, from entering to leaving it as a context."""

    pid: int
    cost: Cost = field(default_factory=lambda: Cost(0, 0))
    _started: tuple[float, float] = (0, 0)

    def __enter__(self) -> Meter:
        self._started = (cpu_seconds(self.pid), time.perf_counter())
        return self

    def __exit__(self, *_: object) -> None:
        cpu, wall = self._started
        wall = time.perf_counter() - wall
        self.cost = Cost(cpu_seconds(self.pid) - cpu, wall)


def wait_until_idle(pid: int) -> None:
    """Until what the process does by itself (measure and index what it was filled with) is done."""
    quiet = 0
    while quiet < 3:
        with Meter(pid) as meter:
            time.sleep(1.0)
        quiet = quiet + 1 if meter.cost.cpu_seconds < _IDLE_CPU_SECONDS else 0


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, its living descendants and the dead ones that were waited for."""
    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    waited_for = (int(stat[13]) + int(stat[14])) / _TICKS_PER_SECOND
    own = time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3)
    return own + waited_for + sum(cpu_seconds(child) for child in _children(pid))


def memory_bytes(pid: int, kind: str) -> int:
    """``Rss`` or ``Pss`` of a process and its descendants, or ``VmHWM``: its highest ``Rss`` since ``forget_peak``."""
    source = "status" if kind == "VmHWM" else "smaps_rollup"
    lines = Path(f"/proc/{pid}/{source}").read_text().splitlines()
    own = next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{kind}:"))
    return own + sum(memory_bytes(child, kind) for child in _children(pid))


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found += map(int, (task / "children").read_text().split())
    return found


def median(costs: Sequence[Cost]) -> Cost:
    """The medians of both times, each on its own."""
    return Cost(
        statistics.median(cost.cpu_seconds for cost in costs), statistics.median(cost.wall_seconds for cost in costs)
    )


def median_ratio(ours: Sequence[Cost], theirs: Sequence[Cost]) -> float:
    """Their wall time over ours, the median of the rounds: neighbours in time saw the same machine."""
    return statistics.median(their.wall_seconds / our.wall_seconds for our, their in zip(ours, theirs, strict=True))


@dataclass(slots=True)
class Hub:
    """``yungu serve`` in a process and a data folder of its own, with one user and a token that may write."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]
    token: str = ""

    @property
    def pid(self) -> int:
        return self.process.pid

    def meter(self) -> Meter:
        return Meter(self.pid)

    def connect(self) -> Connection:
        return Connection(self.url, self.token)


class Connection:
    """A kept-alive connection that sends the token, if there is one."""

    def __init__(self, url: str, token: str) -> None:
        self._http = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._used_at = 0.0

    def send(self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json") -> bytes:
        """The answer's body. Raises RuntimeError on any status from 300 up."""
        if time.monotonic() - self._used_at > _KEPT_SECONDS:
            self._http.close()
        self._http.request(method, path, body, self._headers | {"Content-Type": content_type})
        self._used_at = time.monotonic()
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path} was answered {answer.status}: {content[:500]!r}")
        return content

    def send_json(self, method: str, path: str, value: object) -> Any:
        return json.loads(self.send(method, path, json.dumps(value).encode()))

    def create_repo(self, name: str, **options: object) -> str:
        self.send_json("POST", "/api/repos/create", {"type": "model", "name": name, **options})
        return f"{OWNER}/{name}"

    def commit(self, repo_id: str, lines: Sequence[dict[str, Any]]) -> None:
        header = {"key": "header", "value": {"summary": "Add files"}}
        body = "\n".join(json.dumps(line) for line in [header, *lines]).encode()
        self.send("POST", f"/api/models/{repo_id}/commit/main", body, "application/x-ndjson")

    def commit_lfs(self, repo_id: str, path: str, sha256: str, size_bytes: int) -> None:
        value = {"path": path, "algo": "sha256", "oid": sha256, "size": size_bytes}
        self.commit(repo_id, [{"key": "lfsFile", "value": value}])


def file_line(path: str, text: str) -> dict[str, Any]:
    """The line of a commit that adds a small text file."""
    return {"key": "file", "value": {"path": path, "content": text, "encoding": "utf-8"}}


@contextmanager
def workplace(parent: str | None = None) -> Iterator[Path]:
    """A folder for everything that a run writes, removed at its end."""
    with tempfile.TemporaryDirectory(prefix="yungu-bench-", dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def running_hub(work: Path, *, models: int = 0) -> Iterator[Hub]:
    """A fresh hub that answers, with so many small models."""
    data = work / "hub"
    yungu("user", "create", OWNER, "--password-stdin", f"--data={data}", stdin="only-for-this-run")
    token = yungu("token", "create", OWNER, "--scope=write", f"--data={data}").strip()
    if models:
        subprocess.run([sys.executable, Path(__file__).with_name("fill.py"), data, str(models), OWNER], check=True)
    process, url = start_hub(data)
    if models:
        wait_until_idle(process.pid)
    try:
        yield Hub(url, data, process, token)
    finally:
        stop(process)


def yungu(*arguments: str, stdin: str = "") -> str:
    """Run the command line to its end; what it printed. Raises CalledProcessError."""
    command = [sys.executable, "-m", "yungu", *arguments]
    return subprocess.run(command, input=stdin, text=True, stdout=subprocess.PIPE, check=True).stdout


def start_hub(data: Path) -> tuple[subprocess.Popen[bytes], str]:
    """``yungu serve`` on a data folder, once it answers, and its URL."""
    port = free_port()
    command = [sys.executable, "-m", "yungu", "serve", "--host=127.0.0.1", f"--port={port}", f"--data={data}"]
    process = start(command, data.with_name("hub.log"))
    url = f"http://127.0.0.1:{port}"
    wait_for_answer(process, url + "/api/models?limit=1")
    return process, url


def keep_apart() -> None:
    """From now on servers have the first core to themselves, and clients the others: what these take from the caches of
    those would be counted as the servers' work."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        SERVERS[:] = ["taskset", "--cpu-list", str(cores[0])]
        os.sched_setaffinity(0, cores[1:])


SERVERS: list[str] = []
"""What the command of a server begins with: see `keep_apart`."""


def start(command: Sequence[str], log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """A server that dies with this process, its output in ``log``."""
    command = ["setpriv", "--pdeathsig=TERM", *SERVERS, *command]
    with log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, **options)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(20)


def wait_for_answer(process: subprocess.Popen[bytes], url: str) -> None:
    """Until GET ``url`` is answered with any status, looked at every millisecond."""
    parts = urllib.parse.urlsplit(url)
    deadline = time.monotonic() + _START_SECONDS
    while True:
        connection = http.client.HTTPConnection(parts.netloc, timeout=_START_SECONDS)
        try:
            connection.request("GET", f"{parts.path or '/'}?{parts.query}")
            connection.getresponse().read()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{process.args} does not answer") from None
            time.sleep(0.001)
        finally:
            connection.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def run_client(home: Path, action: str, **arguments: Any) -> Any:
    """Do something with the stock Hugging Face client, in a process whose caches are in ``home``: see ``client.py``."""
    command = [sys.executable, str(Path(__file__).with_name("client.py")), action]
    environ = os.environ | {
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    }
    done = subprocess.run(command, input=json.dumps(arguments), env=environ, text=True, stdout=subprocess.PIPE)
    if done.returncode:
        raise RuntimeError(f"the client's {action} failed")
    return json.loads(done.stdout)


def save(topic: str, title: str, figures: Sequence[Figure], note: str = "") -> None:
    """Keep the figures for ``report.py`` and print them."""
    rows = [asdict(figure) | {"is_met": figure.is_met} for figure in figures]
    made_by = {"command": command_line(), "load": os.getloadavg()[2], "taken_on": date.today().isoformat()}
    result = {"title": title, "note": note, **made_by, "figures": rows}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{topic}.json").write_text(json.dumps(result, indent=1) + "\n")
    from report import table  # which reads what is written here

    print(f"\n{title}\n\n{table(rows)}\n{note}")


def command_line() -> str:
    return " ".join(["python", f"bench/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def progress(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
