"""Both generations of the ModelScope client against a live yungu, and all dialects across: ``make matrix-ms``.

Each release lives in a virtual environment of its own under ``build/clients``. The older generation knows https on port
443 only: the hub is served with ``--tls`` behind a relay on that port of a loopback address, and clients are given
exactly the settings that ``yungu serve`` prints; the newer one is tried by plain http too. Nothing else of the network
can be reached. Without the right to bind port 443 what needs https is left out, and said so.

1. The commands of docs/how-to/modelscope.md as they stand there.
2. ``modelscope_scenario.py`` by each release.
3. Downloads and uploads whose client is killed in the middle: the relay holds the transfer at a byte, and counts what
   the next client sends again.
4. One repo pushed by each of hf (Xet on and off), both ModelScope clients and git, and pulled by all others."""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from matrix import CACHE, HERE, ROOT, Release, environment, show

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.relay import Relay, Way, running_relay
from support.servers import SpawnedServer, run_yungu, start_server

CLASSIC = Release("modelscope-1.37.1", ("modelscope[datasets]==1.37.1",))
NEWEST = Release("modelscope-1.40.2", ("modelscope[datasets]==1.40.2", "modelscope-hub==0.5.1"))
HF = Release("2.4.0", ("huggingface_hub==2.4.0",))
PARTS = ("recipe", "scenario", "resume", "crossing")
PAGE = ROOT / "docs/how-to/modelscope.md"
HOST = "127.0.0.43"  # a loopback address of its own, so that port 443 of 127.0.0.1 stays free
SHORT_SECONDS, LONG_SECONDS = 120, 900

Row = dict[str, str]


@dataclass
class Hub:
    """A served hub as clients reach it: through the relay, with the settings that it prints."""

    server: SpawnedServer
    relay: Relay
    exports: str
    folder: Path
    tokens: dict[str, str]

    @property
    def url(self) -> str:
        return self.environ("none")["MODELSCOPE_ENDPOINT"]

    @property
    def scheme(self) -> str:
        return self.url.partition(":")[0]

    def environ(self, home: str, **more: str) -> dict[str, str]:
        """What a client finds in its environment: the printed settings, and a network with nothing but the hub."""
        folder = self.folder / "homes" / home
        folder.mkdir(parents=True, exist_ok=True)
        told = subprocess.run(
            ["bash", "-ec", f"{self.exports}\nenv -0"], cwd=self.folder, env={"PATH": os.environ["PATH"]},
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        given = dict(line.split("=", 1) for line in told.split("\0") if line)
        given |= {"HOME": str(folder), "HF_HOME": str(folder / "hf"), "MODELSCOPE_LOG_LEVEL": "40", "LC_ALL": "C.UTF-8"}
        given |= {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": HOST}
        given |= {"INTRA_CLOUD_ACCELERATION": "false", "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false"}
        given |= {"GIT_TERMINAL_PROMPT": "0", "HF_HUB_DISABLE_UPDATE_CHECK": "1", "PYTHONWARNINGS": "ignore"}
        given |= {"OTHER_TOKEN": self.tokens["mei"]}
        _configure_git(folder, self)
        return given | more

    def http(self) -> httpx.Client:
        verify = str(self.folder / "authority.pem") if (self.folder / "authority.pem").exists() else True
        headers = {"authorization": f"Bearer {self.tokens['lin']}"}
        return httpx.Client(base_url=self.url, verify=verify, headers=headers, timeout=60, trust_env=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="*", choices=PARTS, help="parts")
    parts = parser.parse_args().only or PARTS
    pythons = {release: environment(release) for release in (CLASSIC, NEWEST, HF)}
    rows: list[Row] = []
    with ExitStack() as stack:
        plain = stack.enter_context(served(is_tls=False))
        secure = stack.enter_context(served(is_tls=True)) if _may_bind(443) else None
        if secure is None:
            print("Port 443 may not be bound: nothing is tried by https, and 1.37.1 not at all.")
        for row in trials(parts, pythons, plain, secure):
            print(f"{row['client']}, {row['by']}, {row['what']}: {row['passed']}", flush=True)
            rows.append(row)
    show(rows)
    return 0 if all(row["verdict"] == "ok" for row in rows) else 1


def trials(parts: Sequence[str], pythons: Mapping[Release, Path], plain: Hub, secure: Hub | None) -> Iterator[Row]:
    pairs = [(NEWEST, hub) for hub in (plain, secure) if hub] + ([(CLASSIC, secure)] if secure else [])
    for release, hub in pairs:
        if "recipe" in parts:
            yield recipe(release, pythons[release], hub)
        if "scenario" in parts:
            yield scenario(release, pythons[release], hub)
        if "resume" in parts:
            yield from resumes(release, pythons[release], hub)
    if "crossing" in parts:
        yield from crossing(secure or plain, pythons, with_classic=secure is not None)


@contextmanager
def served(*, is_tls: bool) -> Iterator[Hub]:
    """A fresh hub with lin and mei on it."""
    with tempfile.TemporaryDirectory(prefix="yungu-ms-matrix-") as name, ExitStack() as stack:
        folder, port = Path(name), 443 if is_tls else _free_port()
        data, url = folder / "data", f"https://{HOST}" if is_tls else f"http://{HOST}:{port}"
        tokens = {}
        for user in ("lin", "mei"):
            run_yungu("user", "create", user, "--data", str(data))
            tokens[user] = run_yungu("token", "create", user, "--scope", "admin", "--data", str(data)).split()[-1]
        (folder / "yungu.toml").write_text(f'base_url = "{url}"\n')
        server = start_server(data, log=folder / "log", options=["--tls"] if is_tls else [])
        stack.callback(server.stop)
        if is_tls:
            (folder / "authority.pem").write_bytes((data / "tls/authority.pem").read_bytes())
        target = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        relay = stack.enter_context(running_relay((HOST, port), target))
        yield Hub(server, relay, _printed(server.log, tokens["lin"]), folder, tokens)


def _printed(log: Path, token: str) -> str:
    """The lines to be typed by a user, with the token where the dots are."""
    lines = [line.strip() for line in log.read_text().splitlines() if line.startswith("    export ")]
    return "\n".join(lines).replace("TOKEN=...", f"TOKEN={shlex.quote(token)}")


def _configure_git(home: Path, hub: Hub) -> None:
    """Git as people have it: a name, and git-lfs installed. By plain http the newer client has to be led there."""
    lines = ["[user]", "name = Lin", "email = lin@example.org", '[filter "lfs"]', "process = git-lfs filter-process"]
    lines += ["clean = git-lfs clean -- %f", "smudge = git-lfs smudge -- %f", "required = true"]
    if "=http://" in hub.exports:
        lines += ['[url "http://"]', "insteadOf = https://"]
    (home / ".gitconfig").write_text("\n".join(lines) + "\n")


# --- one release, everything


def scenario(release: Release, python: Path, hub: Hub) -> Row:
    prefix = release.name.replace(".", "-")
    command = [python, HERE / "modelscope_scenario.py", "lin", prefix, hub.url]
    with (CACHE / f"{prefix}-{hub.scheme}.log").open("w") as log:
        done = subprocess.run(
            list(map(str, command)), env=hub.environ(prefix), stdout=subprocess.PIPE, stderr=log, text=True,
            timeout=LONG_SECONDS, cwd=hub.folder,
        )  # fmt: skip
    if done.returncode or not done.stdout:
        return _row(release, hub, "scenario", 0, 1, f"see {log.name}")
    steps = {
        step: text for step, text in json.loads(done.stdout.splitlines()[-1])["steps"].items() if isinstance(text, str)
    }
    failed = [f"{step}: {text}" for step, text in steps.items() if text != "ok"]
    return _row(release, hub, "scenario", len(steps) - len(failed), len(steps), "; ".join(failed))


# --- the page, as somebody new to it types it


def recipe(release: Release, python: Path, hub: Hub) -> Row:
    """The commands and the Python of the page's first section, with this hub's address, a token, and fresh names."""
    name = release.name.replace(".", "-")
    first = PAGE.read_text().partition("\n## ")[0]
    blocks = [textwrap.dedent(block) for block in re.findall(r"(?:^ {4}\S.*\n)+", first, re.MULTILINE)]
    blocks = [block.replace("https://hub.example.org", hub.url) for block in blocks]
    blocks = [block.replace("hub.example.org", hub.url.partition("://")[2]) for block in blocks]
    blocks = [block.replace("yg_...", hub.tokens["lin"]).replace("lin/", f"lin/{name}-page-") for block in blocks]
    script = [f"python -c {shlex.quote(block)}" if block.startswith("from ") else block for block in blocks]
    folder = _written(
        hub.folder / f"{name}-page", {"folder/model.safetensors": os.urandom(3_000_000), "train.csv": b"a,b\n1,2\n"}
    )
    environ = hub.environ(f"{name}-page")
    environ = {key: value for key, value in environ.items() if not key.startswith(("MODELSCOPE_", "HF_"))}
    environ["PATH"] = f"{python.parent}:{environ['PATH']}"
    done = subprocess.run(
        ["bash", "-exc", "\n".join(script)], cwd=folder, env=environ, capture_output=True, text=True,
        timeout=SHORT_SECONDS,
    )  # fmt: skip
    failed = [done.stderr[-1000:]] if done.returncode else []
    if not failed and not filecmp.cmp(folder / "folder/model.safetensors", folder / "tea/model.safetensors", False):
        failed = ["other bytes"]
    return _row(release, hub, "docs/how-to/modelscope.md", len(blocks) * (not failed), len(blocks), "; ".join(failed))


# --- killed clients

LARGE_BYTES, PIECE_BYTES, PIECES = 40_000_000, 3_000_000, 12
SLACK_BYTES = 6_000_000  # what had passed the relay, but was still in buffers of the killed client


def resumes(release: Release, python: Path, hub: Hub) -> Iterator[Row]:
    prefix = f"lin/{release.name.replace('.', '-')}"
    yield resumed_download(release, python, hub, f"{prefix}-down")
    yield resumed_upload(release, python, hub, f"{prefix}-up")


def resumed_download(release: Release, python: Path, hub: Hub, repo: str) -> Row:
    data = random.Random(repo).randbytes(LARGE_BYTES)
    _put(hub, repo, {"model.safetensors": data})
    down = hub.folder / repo.replace("/", "-")
    move = [python, HERE / "moves.py", "pull", "modelscope", repo, down]
    half = LARGE_BYTES // 2
    _killed(hub, move, "down", after_bytes=half)
    again = _counted(hub, move, "down")
    is_same = (down / "model.safetensors").read_bytes() == data
    failed = [] if is_same else ["other bytes"]
    if again > LARGE_BYTES - half + SLACK_BYTES:
        failed.append("began anew")
    return _row(release, hub, f"download killed at {half:,}: {again:,} more", 2 - len(failed), 2, "; ".join(failed))


def resumed_upload(release: Release, python: Path, hub: Hub, repo: str) -> Row:
    """A PUT begins anew, but no object that had arrived is sent again: two transfers at a time may be lost."""
    files = {f"{n}.safetensors": random.Random(f"{repo}{n}").randbytes(PIECE_BYTES) for n in range(PIECES)}
    up = _written(hub.folder / repo.replace("/", "-"), files)
    _put(hub, repo, {})
    move = [python, HERE / "moves.py", "push", "modelscope", repo, up]
    sent = PIECE_BYTES * 9
    _killed(hub, move, "up", after_bytes=sent)
    again = _counted(hub, move, "up")
    with hub.http() as http:
        is_same = all(
            http.get(f"/models/{repo}/resolve/master/{path}", follow_redirects=True).content == data
            for path, data in files.items()
        )
    failed = [] if is_same else ["other bytes"]
    if again > PIECE_BYTES * PIECES - sent + 2 * PIECE_BYTES + SLACK_BYTES:
        failed.append("sent known objects again")
    return _row(release, hub, f"upload killed at {sent:,}: {again:,} more", 2 - len(failed), 2, "; ".join(failed))


def _killed(hub: Hub, command: Sequence[Any], way: Way, *, after_bytes: int) -> None:
    """Run the client until so many bytes have passed, then end it as a power cut would."""
    with hub.relay.held(way, after_bytes=after_bytes) as reached:
        client = subprocess.Popen(
            list(map(str, command)), env=hub.environ("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if not reached.wait(SHORT_SECONDS):
            client.kill()
            raise RuntimeError(f"{command} did not come as far as {after_bytes} bytes")
        client.send_signal(signal.SIGKILL)
        client.wait()


def _counted(hub: Hub, command: Sequence[Any], way: Way) -> int:
    """Run the client to its end; the bytes that passed."""
    before = hub.relay.passed[way]
    _run(hub, command, "killed")
    return hub.relay.passed[way] - before


def _put(hub: Hub, repo: str, files: Mapping[str, bytes]) -> None:
    with hub.http() as http:
        name = repo.partition("/")[2]
        body = {"Path": "lin", "Name": name, "Visibility": 1}
        http.post("/api/v1/models", json=body).raise_for_status()
    if files:
        folder = _written(hub.folder / f"{name}-source", files)
        _run(hub, [sys.executable, HERE / "moves.py", "push", "hf", repo, folder], "source")


def _run(hub: Hub, command: Sequence[Any], home: str, **more: str) -> None:
    done = subprocess.run(
        list(map(str, command)), env=hub.environ(home, **more), capture_output=True, text=True, timeout=SHORT_SECONDS
    )
    if done.returncode:
        raise RuntimeError(f"{command}: {(done.stderr or done.stdout)[-1500:]}")


# --- all dialects across

CARD = """---
license: mit
language:
- zh
- en
tags:
- green
- 龙井
pipeline_tag: text-generation
library_name: peft
---
# 茶
"""


@dataclass(frozen=True)
class Traveller:
    """One of the clients that push and pull."""

    name: str
    dialect: str
    python: Path
    environ: tuple[tuple[str, str], ...] = ()


def crossing(hub: Hub, pythons: Mapping[Release, Path], *, with_classic: bool) -> Iterator[Row]:
    travellers = [
        Traveller("hf 2.4.0, Xet", "hf", pythons[HF]),
        Traveller("hf 2.4.0, no Xet", "hf", pythons[HF], (("HF_HUB_DISABLE_XET", "1"),)),
        Traveller("modelscope 1.40.2", "modelscope", pythons[NEWEST]),
        *([Traveller("modelscope 1.37.1", "modelscope", pythons[CLASSIC])] if with_classic else []),
        Traveller("git + git-lfs", "git", Path(sys.executable)),
    ]
    for number, pusher in enumerate(travellers):
        yield crossed(hub, pusher, [one for one in travellers if one is not pusher], f"lin/cross-{number}")


def crossed(hub: Hub, pusher: Traveller, pullers: Sequence[Traveller], repo: str) -> Row:
    """The pusher's row: every byte by every puller, and what all dialects say of the repo."""
    files = luggage(repo)
    _put(hub, repo, {})
    source = _written(hub.folder / "crossing" / repo.partition("/")[2], files)
    _move(hub, "push", pusher, repo, source)
    failed: list[str] = []
    for number, puller in enumerate(pullers):
        target = Path(f"{source}-{number}")
        _move(hub, "pull", puller, repo, target)
        wrong = [path for path, data in files.items() if (target / path).read_bytes() != data]
        failed += [f"{puller.name} has other bytes in {path}" for path in wrong]
    with hub.http() as http:
        told = agreement(http, repo, files)
    failed += [f"{what}: {text}" for what, text in told.items() if text]
    count = len(files) * len(pullers) + len(told)
    row = {"client": pusher.name, "by": hub.scheme, "what": f"pushed, pulled by {len(pullers)} others"}
    return row | _verdict(count - len(failed), count, "; ".join(failed))


def luggage(repo: str) -> dict[str, bytes]:
    def noise(name: str, size: int) -> bytes:
        return random.Random(f"{repo} {name}").randbytes(size)

    return {
        "README.md": CARD.encode(),
        "plain.txt": b"hello\r\nthere",
        "empty": b"",
        "sub/dir/汉字 1.txt": "茶".encode(),
        "config.json": b'{"model_type": "bert"}',
        "tokenizer.json": noise("tokenizer", 30_000).hex().encode(),
        "model.safetensors": noise("model", 9_000_000),
        "odd name [1].weird": noise("odd", 2_000_000),
    }


def _written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def agreement(http: httpx.Client, repo: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """What the dialects say of history, sums and card, where they differ: name to text, "" for the same."""

    def data(path: str) -> Any:
        return http.get(path).raise_for_status().json()

    ours = data(f"/api/v1/models/{repo}/commits")["Data"]["Commit"]
    theirs = data(f"/api/models/{repo}/commits/main")
    old, new = data(f"/api/v1/models/{repo}")["Data"], data(f"/openapi/v1/models/{repo}")["data"]
    hf = data(f"/api/models/{repo}")
    listed = {node["Path"]: node for node in data(f"/api/v1/models/{repo}/repo/files?Recursive=True")["Data"]["Files"]}
    tree = {node["path"]: node for node in data(f"/api/models/{repo}/tree/main?recursive=true")}
    pairs: dict[str, tuple[Any, Any]] = {
        "commit ids": ([one["Id"] for one in ours], [one["id"] for one in theirs]),
        "titles": ([one["Title"] for one in ours], [one["title"] for one in theirs]),
        "authors": ([one["AuthorName"] for one in ours], [one["authors"][0]["user"] for one in theirs]),
        "paths": (set(listed), set(tree)),
        "sizes": ({p: listed[p]["Size"] for p in files}, {p: tree[p]["size"] for p in files}),
        "kept as LFS": ({p for p in files if listed[p]["IsLFS"]}, {p for p in files if "lfs" in tree[p]}),
        "licence": ({old["License"], new["license"]}, {hf["cardData"]["license"]}),
        "languages": (hf["cardData"]["language"], ["zh", "en"]),
        "tags": (set(hf["tags"]), set(old["Tags"])),
        "task": ([one["name"] for one in old["Tasks"]] + new["tasks"], [hf["pipeline_tag"]] * 2),
        "library": ({old["ModelFramework"], new["library"]}, {hf["library_name"]}),
        "head": (old["Revision"], hf["sha"]),
    }
    return {what: "" if one == other else f"{one!r} and {other!r}"[:300] for what, (one, other) in pairs.items()}


def _move(hub: Hub, way: str, traveller: Traveller, repo: str, folder: Path) -> None:
    address = hub.url.replace("://", f"://lin:{hub.tokens['lin']}@")
    command = [traveller.python, HERE / "moves.py", way, traveller.dialect, repo, folder, address]
    _run(hub, command, f"{traveller.name}-{way}-{repo.partition('/')[2]}", **dict(traveller.environ))


def _row(release: Release, hub: Hub, what: str, passed: int, count: int, failed: str) -> Row:
    return {"client": release.name.replace("-", " "), "by": hub.scheme, "what": what} | _verdict(passed, count, failed)


def _verdict(passed: int, count: int, failed: str) -> Row:
    return {"passed": f"{passed}/{count}", "verdict": failed or "ok"}


def _may_bind(port: int) -> bool:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
