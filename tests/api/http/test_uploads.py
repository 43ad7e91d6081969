"""Uploads: every byte once, by the socket or by the stream, and a clear refusal of what is wrong."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import served


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def head(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"PUT {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def read_answer(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower-case) and body of one answer with a Content-Length; nothing beyond it."""
    raw = b""
    while not raw.endswith(b"\r\n\r\n"):
        byte = client.recv(1)
        assert byte, f"the server hung up after {raw!r}"
        raw += byte
    lines = raw.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
    body = b""
    while len(body) < int(headers.get("content-length", 0)):
        body += client.recv(int(headers["content-length"]) - len(body))
    return int(lines[0].split()[1]), headers, body


@pytest.mark.parametrize("size", [0, 1, 70_000, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 24_000_001])
def test_a_body_of_any_size_arrives_byte_for_byte(live: Any, big: bytes, size: int) -> None:
    answer = httpx.put(f"{live.url}/upload", content=big[:size]).json()
    assert answer["sha256"] == sha256(big[:size])
    assert answer["count"] == answer["size"] == size
    assert answer["taken"] == (live.own_protocol and size >= 1 << 20)


def test_a_chunked_body_arrives_byte_for_byte(live: Any, big: bytes) -> None:
    def blocks() -> Iterator[bytes]:
        for start in range(0, len(big), 300_007):
            yield big[start : start + 300_007]

    answer = httpx.put(f"{live.url}/upload", content=blocks()).json()
    assert (answer["sha256"], answer["taken"]) == (sha256(big), False)


def test_long_bodies_follow_each_other_on_one_connection(live: Any, big: bytes) -> None:
    with live.connect() as client:
        for size in (3_000_000, 1_048_576, 10, 5_000_000):
            client.sendall(head("/upload", f"Content-Length: {size}") + big[:size])
            status, headers, body = read_answer(client)
            assert (status, json.loads(body)["sha256"]) == (200, sha256(big[:size]))
            assert "connection" not in headers
        client.sendall(b"GET /file/small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read_answer(client)[2] == big[:1000]


def test_a_request_behind_a_long_body_is_answered_too(live: Any, big: bytes) -> None:
    with live.connect() as client:
        body = big[:2_000_000]
        client.sendall(
            head("/upload", f"Content-Length: {len(body)}") + body + b"GET /file/small HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        assert json.loads(read_answer(client)[2])["sha256"] == sha256(body)
        assert read_answer(client)[2] == big[:1000]


def test_a_body_in_many_small_pieces_arrives_byte_for_byte(live: Any, big: bytes) -> None:
    body = big[:1_500_000]
    with live.connect() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(head("/upload", f"Content-Length: {len(body)}"))
        for start in range(0, len(body), 1461):
            client.sendall(body[start : start + 1461])
        assert json.loads(read_answer(client)[2])["sha256"] == sha256(body)


@pytest.mark.parametrize("size", [1000, 3_000_000])
def test_a_client_that_asks_first_is_told_to_go_on(live: Any, big: bytes, size: int) -> None:
    with live.connect() as client:
        client.sendall(head("/upload", f"Content-Length: {size}", "Expect: 100-continue"))
        assert read_answer(client)[0] == 100
        client.sendall(big[:size])
        status, _, body = read_answer(client)
        assert (status, json.loads(body)["sha256"]) == (200, sha256(big[:size]))


def test_a_client_that_asks_first_may_be_refused_without_sending(own: Any) -> None:
    with own.connect() as client:
        client.sendall(head("/refused", "Content-Length: 3000000", "Expect: 100-continue"))
        status, headers, _ = read_answer(client)
        assert (status, headers["connection"]) == (403, "close")
        assert client.recv(1) == b""


@pytest.mark.parametrize("sent", [0, 500_000, 2_999_999])
def test_a_truncated_body_is_told_and_leaves_nothing(live: Any, big: bytes, sent: int) -> None:
    live.app.truncated.clear()
    with live.connect() as client:
        client.sendall(head("/upload", "Content-Length: 3000000") + big[:sent])
        client.shutdown(socket.SHUT_WR)
        assert live.app.truncated.wait(10)
    assert httpx.put(f"{live.url}/upload", content=big).json()["sha256"] == sha256(big)
    assert os.listdir(live.folder / "store/tmp") == []


def test_a_client_that_is_cut_off_is_noticed(live: Any, big: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    live.app.truncated.clear()
    with live.connect() as client:
        client.sendall(head("/upload", "Content-Length: 3000000") + big[:2_000_000])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert live.app.truncated.wait(10)
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_a_client_that_sends_nothing_for_too_long_is_told(impatient: Any, big: bytes) -> None:
    with impatient.connect() as client:
        client.sendall(head("/upload", "Content-Length: 3000000") + big[:1_000_000])
        status, headers, body = read_answer(client)
        assert (status, headers["connection"]) == (400, "close")
        assert b"sent nothing for 0.2 seconds" in body


def test_a_body_that_is_not_as_long_as_agreed_is_refused(live: Any, big: bytes) -> None:
    assert httpx.put(f"{live.url}/exactly/3000000", content=big[:3_000_000]).status_code == 200
    for size in (2_999_999, 3_000_001, 10):
        answer = httpx.put(f"{live.url}/exactly/3000000", content=big[:size])
        assert answer.status_code == (413 if size > 3_000_000 else 400)
    assert httpx.put(f"{live.url}/exactly/100", content=iter([b"x" * 101])).status_code == 413
    assert httpx.put(f"{live.url}/exactly/100", content=iter([b"x" * 99])).status_code == 400


def test_a_body_longer_than_any_limit_is_refused_before_it_is_read(live: Any) -> None:
    with live.connect() as client:
        client.sendall(head("/upload", "Content-Length: 999999999999"))
        assert read_answer(client)[0] == 413


def test_a_sink_without_room_answers_even_a_client_that_sends_everything_first(live: Any, big: bytes) -> None:
    with live.connect() as client:
        client.sendall(head("/full", f"Content-Length: {len(big)}") + big)
        assert read_answer(client)[0] == 507
    assert httpx.put(f"{live.url}/upload", content=big).json()["sha256"] == sha256(big)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_answers_the_client_and_keeps_nothing(small_disk: Path, big: bytes) -> None:
    with served.Serving(small_disk) as live:
        refused = httpx.put(f"{live.url}/upload", content=big)
        assert refused.status_code == 507
        assert "no room" in refused.text
        assert os.listdir(small_disk / "store/tmp") == []
        assert httpx.put(f"{live.url}/upload", content=big[:2_000_000]).status_code == 200


def test_a_length_that_is_no_number_is_refused(live: Any) -> None:
    with live.connect() as client:
        client.sendall(head("/upload", "Content-Length: 12x"))
        assert read_answer(client)[0] == 400
