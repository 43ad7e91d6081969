"""Xet by the stock client: what random data costs the server, and how few bytes a changed file sends."""

from __future__ import annotations

import argparse
import hashlib
import json
import socket
import statistics
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy

from harness import Cost, Figure, Hub, median, progress, run_client, running_hub, save, workplace
from nginx import Nginx, running_nginx
from transfers import put, sha256_pass

_GB = 10**9
_STEP_BYTES = 1 << 18
# the shapes of a decoder with 896 wide layers, in bf16, as in many small models
_WIDTH, _KEYS, _INNER, _LAYERS = 896, 128, 4864, 10
_NOTE = """\
`HfApi.upload_file` and `hf_hub_download` with their caches empty, each in a process of its own. CPU is per GB (10^9
bytes) of the server alone; the client spends more than that and sets the pace. nginx writes through the page cache,
new pages of which can cost more CPU than all else where a host has taken the free memory of a virtual machine back;
the hub writes xorbs past it. "New bytes" are the xorbs that the server had to store; "on the wire" is everything that
the client sent for the upload, requests and headers included. Warm is the client that sent the first version, cold one
with empty caches. The fine-tune is a decoder of ten layers in bf16 of which only the norms changed, sent by a cold
client to the repo of the model that it came from."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=1000, help="size of the random file, in 10^6 bytes")
    parser.add_argument("--insert-mb", type=int, default=200, help="size of the file that gets an insert")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    with workplace(options.work) as work, running_hub(work) as hub, running_nginx(work, work) as nginx:
        bench = Bench(hub, work)
        figures = [
            *bench.random_data(nginx, options.mb * 10**6, options.rounds),
            *bench.inserts(options.insert_mb * 10**6),
            *bench.fine_tune(),
        ]
    save("xet", "Xet", figures, _NOTE)


@dataclass(frozen=True, slots=True)
class Sent:
    """What one upload took. ``new_bytes``: of xorbs; ``wire_bytes``: all that the client sent."""

    cost: Cost
    new_bytes: int
    wire_bytes: int


@dataclass(slots=True)
class Bench:
    hub: Hub
    work: Path

    def random_data(self, nginx: Nginx, size_bytes: int, rounds: int) -> list[Figure]:
        repo_id = self.hub.connect().create_repo("random")
        ups, downs, puts = [], [], []
        for number in range(rounds):
            content = numpy.random.default_rng(number).bytes(size_bytes)
            source = self._file("random.bin", content)
            ups.append(self.upload(repo_id, source, f"r{number}.bin", f"up-{number}").cost)
            downs.append(self.download(repo_id, source, f"r{number}.bin", f"down-{number}"))
            puts.append(_plain_put(nginx, content))
            progress(f"random: up {ups[-1]}, down {downs[-1]}, nginx PUT and sha256 {puts[-1]}")
        up, down, plain = (median(costs).per(size_bytes / _GB) for costs in (ups, downs, puts))
        beside = "nginx DAV `PUT`, then sha256"
        ratio = statistics.median(one.cpu_seconds / other.cpu_seconds for one, other in zip(ups, puts, strict=True))
        return [
            Figure("upload of random data, per GB", up, beside, plain, up.cpu_seconds, "CPU-s", 1.8, at_most=True),
            Figure("the same", up, beside, plain, ratio, "times its CPU"),
            Figure("download of it, per GB", down, "", None, down.cpu_seconds, "CPU-s", 0.7, at_most=True),
        ]

    def inserts(self, size_bytes: int) -> list[Figure]:
        repo_id = self.hub.connect().create_repo("inserted")
        first = numpy.random.default_rng(77).bytes(size_bytes)
        self.upload(repo_id, self._file("first.bin", first), "file.bin", "insert-home")
        figures = []
        for name, at, home in (("warm", size_bytes // 2, "insert-home"), ("cold", size_bytes // 3, "other-home")):
            changed = first[:at] + numpy.random.default_rng(at).bytes(1000) + first[at:]
            sent = self.upload(repo_id, self._file("changed.bin", changed), f"{name}.bin", home)
            progress(f"insert {name}: {sent}")
            what = f"1 KB into {size_bytes // 10**6} MB, {name}"
            figures += _shares(what, sent, len(changed), 0.001)
        return figures

    def fine_tune(self) -> list[Figure]:
        repo_id = self.hub.connect().create_repo("tuned")
        size_bytes = _write_model(self.work / "model.safetensors", norms_seed=1)
        self.upload(repo_id, self.work / "model.safetensors", "model.safetensors", "model-home")
        _write_model(self.work / "model.safetensors", norms_seed=2)
        sent = self.upload(repo_id, self.work / "model.safetensors", "model.safetensors", "tuner-home")
        progress(f"fine-tune: {sent}")
        return _shares(f"only norms changed in {size_bytes // 10**6} MB", sent, size_bytes, 0.01)

    def upload(self, repo_id: str, source: Path, path: str, home: str) -> Sent:
        before = self._stored_bytes()
        with counting_proxy(self.hub.url) as proxy, self.hub.meter() as meter:
            at = {"url": proxy.url, "token": self.hub.token, "repo_id": repo_id}
            walls = run_client(self.work / home, "upload", **at, file=str(source), path=path)
        cost = replace(meter.cost, wall_seconds=walls[0])
        return Sent(cost, self._stored_bytes() - before, proxy.sent_bytes)

    def download(self, repo_id: str, source: Path, path: str, folder: str) -> Cost:
        with self.hub.meter() as meter:
            at = {"url": self.hub.url, "token": self.hub.token, "repo_id": repo_id}
            walls = run_client(self.work / folder / "home", "download", **at, path=path, folder=str(self.work / folder))
        got = self.work / folder / path
        if _sha256(got) != _sha256(source):
            raise RuntimeError("the download differs")
        got.unlink()
        return replace(meter.cost, wall_seconds=walls[0])

    def _file(self, name: str, content: bytes) -> Path:
        path = self.work / name
        path.write_bytes(content)
        return path

    def _stored_bytes(self) -> int:
        """Bytes of all xorbs in the data folder."""
        return sum(path.stat().st_size for path in (self.hub.data / "xorbs").rglob("*") if path.is_file())


def _shares(what: str, sent: Sent, size_bytes: int, most: float) -> list[Figure]:
    stored, wire = sent.new_bytes / size_bytes, sent.wire_bytes / size_bytes
    return [
        Figure(f"{what}: new bytes", sent.cost, "", None, stored, "%", most, at_most=True),
        Figure(f"{what}: on the wire", None, "", None, wire, "%", most, at_most=True),
    ]


def _plain_put(nginx: Nginx, content: bytes) -> Cost:
    sha256 = hashlib.sha256(content).hexdigest()
    with nginx.meter() as meter:
        put(f"{nginx.url}/put/random.bin", content, {})
    check = sha256_pass(nginx.stored / "random.bin", sha256)
    return Cost(meter.cost.cpu_seconds + check.cpu_seconds, meter.cost.wall_seconds + check.wall_seconds)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_model(path: Path, *, norms_seed: int) -> int:
    """A safetensors file of normally distributed bf16 weights; its size in bytes. Norms come from ``norms_seed``."""
    shapes = dict(sorted(_shapes()))
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for number, (name, shape) in enumerate(shapes.items()):
            seed = [number, norms_seed] if "norm" in name else [number]
            file.write(_bf16(numpy.random.default_rng(seed).normal(0, 0.02, shape)))
    return path.stat().st_size


def _shapes() -> Iterator[tuple[str, list[int]]]:
    yield "model.norm.weight", [_WIDTH]
    for layer in range(_LAYERS):
        prefix = f"model.layers.{layer}"
        for name, rows, width in (
            ("mlp.down_proj", _WIDTH, _INNER),
            ("mlp.gate_proj", _INNER, _WIDTH),
            ("mlp.up_proj", _INNER, _WIDTH),
            ("self_attn.k_proj", _KEYS, _WIDTH),
            ("self_attn.o_proj", _WIDTH, _WIDTH),
            ("self_attn.q_proj", _WIDTH, _WIDTH),
            ("self_attn.v_proj", _KEYS, _WIDTH),
        ):
            yield f"{prefix}.{name}.weight", [rows, width]
        yield f"{prefix}.input_layernorm.weight", [_WIDTH]
        yield f"{prefix}.post_attention_layernorm.weight", [_WIDTH]


def _bf16(values: numpy.ndarray) -> bytes:
    return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()


class Proxy:
    """Passes connections on to the hub and counts what clients send."""

    def __init__(self, target: str) -> None:
        parts = urllib.parse.urlsplit(target)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent_bytes = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            hub = socket.create_connection(self._target)
            for source, sink, counts in ((client, hub, True), (hub, client, False)):
                threading.Thread(target=self._pass_on, args=(source, sink, counts), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        buffer = memoryview(bytearray(_STEP_BYTES))
        try:
            while count := source.recv_into(buffer):
                sink.sendall(buffer[:count])
                if counts:
                    with self._lock:
                        self.sent_bytes += count
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()


@contextmanager
def counting_proxy(target: str) -> Iterator[Proxy]:
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()


if __name__ == "__main__":
    main()
