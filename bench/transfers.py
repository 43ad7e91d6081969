"""Large files as they are: a download beside nginx and sendfile, an upload beside nginx and one sha256 pass."""

from __future__ import annotations

import argparse
import hashlib
import socket
import time
import urllib.parse
from pathlib import Path

from harness import (
    OWNER,
    Connection,
    Cost,
    Figure,
    Hub,
    forget_peak,
    median,
    median_ratio,
    memory_bytes,
    progress,
    running_hub,
    save,
    workplace,
)
from nginx import Nginx, running_nginx

_STEP_BYTES = 1 << 20
_NOTE = """\
One connection; the client is the same few lines for both sides: it reads into one buffer, or sends from memory. nginx
serves the very file that the hub has stored. The upload is an LFS `PUT` that the hub checks by sha256 while it arrives
and makes durable (`fsync`) before it answers; nginx checks nothing and leaves the writing to the kernel, so one sha256
pass over what it stored is added to its time and CPU. The sender's own hashing is not in either."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    size_bytes = options.mib << 20
    with workplace(options.work) as work, running_hub(work) as hub, running_nginx(work, work) as nginx:
        uploads = _upload(hub, nginx, size_bytes, options.rounds)
        downloads = _download(hub, nginx, work, size_bytes, options.rounds)
    save("transfers", f"Plain transfers of {options.mib} MiB", [*downloads, *uploads], _NOTE)


def _upload(hub: Hub, nginx: Nginx, size_bytes: int, rounds: int) -> list[Figure]:
    connection = hub.connect()
    repo_id = connection.create_repo("large")
    ours, theirs, sums, extra_bytes = [], [], [], 0
    for number in range(rounds):
        body = _random(size_bytes, number)
        sha256 = hashlib.sha256(body).hexdigest()
        action = lfs_action(connection, repo_id, sha256, size_bytes)
        before = _rest(hub)
        with hub.meter() as meter:
            put(action["href"], body, action.get("header", {}))
        ours.append(meter.cost)
        extra_bytes = max(extra_bytes, memory_bytes(hub.pid, "VmHWM") - before)
        connection.commit_lfs(repo_id, "large.bin", sha256, size_bytes)
        with nginx.meter() as meter:
            put(f"{nginx.url}/put/large.bin", body, {})
        theirs.append(meter.cost)
        sums.append(sha256_pass(nginx.stored / "large.bin", sha256))
        progress(f"upload: {ours[-1]}, nginx {theirs[-1]}, sha256 {sums[-1]}")
    both = [_both(their, check) for their, check in zip(theirs, sums, strict=True)]
    beside, ratio = "nginx DAV `PUT`, then sha256", median_ratio(ours, both)
    return [
        Figure("upload (LFS `PUT`)", median(ours), beside, median(both), ratio, "of its throughput", 0.9),
        Figure("most memory on top while uploading", None, "", None, extra_bytes / 2**20, "MiB", 64, at_most=True),
    ]


def _download(hub: Hub, nginx: Nginx, work: Path, size_bytes: int, rounds: int) -> list[Figure]:
    path = f"{hub.url}/{OWNER}/large/resolve/main/large.bin"
    same = f"{nginx.url}/files/{_stored(work / 'hub', size_bytes)}"
    headers = {"Authorization": f"Bearer {hub.token}"}
    ours, theirs = [], []
    get(path, size_bytes, headers)
    get(same, size_bytes, {})
    before = _rest(hub)
    for _ in range(rounds):
        with hub.meter() as meter:
            get(path, size_bytes, headers)
        ours.append(meter.cost)
        with nginx.meter() as meter:
            get(same, size_bytes, {})
        theirs.append(meter.cost)
        progress(f"download: {ours[-1]}, nginx {theirs[-1]}")
    extra_bytes = memory_bytes(hub.pid, "VmHWM") - before
    beside, ratio = "nginx `sendfile`, same file", median_ratio(ours, theirs)
    return [
        Figure("download", median(ours), beside, median(theirs), ratio, "of its throughput", 0.9),
        Figure("most memory on top while downloading", None, "", None, extra_bytes / 2**20, "MiB", 64, at_most=True),
    ]


def _rest(hub: Hub) -> int:
    """The hub's memory now, from where its peak is counted."""
    forget_peak(hub.pid)
    return memory_bytes(hub.pid, "Rss")


def _stored(data: Path, size_bytes: int) -> Path:
    found = [path for path in data.rglob("*") if path.is_file() and path.stat().st_size == size_bytes]
    return max(found, key=lambda path: path.stat().st_mtime).relative_to(data.parent)


def _both(one: Cost, other: Cost) -> Cost:
    return Cost(one.cpu_seconds + other.cpu_seconds, one.wall_seconds + other.wall_seconds)


def sha256_pass(path: Path, expected: str) -> Cost:
    cpu, wall = time.thread_time(), time.perf_counter()
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise RuntimeError("nginx stored something else")
    return Cost(time.thread_time() - cpu, time.perf_counter() - wall)


def _random(size_bytes: int, number: int) -> bytes:
    import numpy

    return numpy.random.default_rng(number).bytes(size_bytes)


def lfs_action(connection: Connection, repo_id: str, sha256: str, size_bytes: int) -> dict[str, object]:
    wanted = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": sha256, "size": size_bytes}]}
    found = connection.send_json("POST", f"/{repo_id}.git/info/lfs/objects/batch", wanted)
    return found["objects"][0]["actions"]["upload"]


def put(url: str, body: bytes, headers: dict[str, str]) -> None:
    """Send ``body`` and wait for a 2xx answer."""
    with _connected(url) as line:
        line.sendall(_head("PUT", url, headers | {"Content-Length": str(len(body))}))
        for start in range(0, len(body), _STEP_BYTES):
            line.sendall(memoryview(body)[start : start + _STEP_BYTES])
        answer = line.recv(65536)
    if answer[9:10] != b"2":
        raise RuntimeError(f"PUT {url} was answered {answer!r}")


def get(url: str, size_bytes: int, headers: dict[str, str]) -> None:
    """Read the whole body of ``size_bytes`` into one buffer that is used again and again."""
    buffer = memoryview(bytearray(_STEP_BYTES))
    with _connected(url) as line:
        line.sendall(_head("GET", url, headers))
        head = b""
        while b"\r\n\r\n" not in head:
            head += line.recv(65536)
        head, _, early = head.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"GET {url} was answered {head!r}")
        missing = size_bytes - len(early)
        while missing:
            count = line.recv_into(buffer)
            if not count:
                raise RuntimeError(f"GET {url} ended {missing} bytes too early")
            missing -= count


def _connected(url: str) -> socket.socket:
    parts = urllib.parse.urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port))


def _head(method: str, url: str, headers: dict[str, str]) -> bytes:
    parts = urllib.parse.urlsplit(url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


if __name__ == "__main__":
    main()
