"""Downloads: every byte, any range, whatever the client does."""

from __future__ import annotations

import hashlib
import http.client
import logging
import random
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import served

from yungu.api.http.files import Answer, content_disposition, plan_answer
from yungu.app.protocol import ByteProtocol, choose_protocol

KINDS = ["file", "rebuilt"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["big", "small", "empty"])
def test_a_whole_file_arrives_byte_for_byte(live: Any, big: bytes, kind: str, name: str) -> None:
    answer = httpx.get(f"{live.url}/{kind}/{name}")
    assert answer.status_code == 200
    assert answer.content == {"big": big, "small": big[:1000], "empty": b""}[name]
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == '"e1"'
    assert answer.headers["x-repo-commit"] == "abc"
    assert "content-encoding" not in answer.headers
    assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize("kind", KINDS)
def test_any_range_arrives_byte_for_byte_on_one_kept_connection(live: Any, big: bytes, kind: str) -> None:
    chance = random.Random(7)
    cuts = [sorted(chance.sample(range(len(big)), 2)) for _ in range(12)]
    cuts += [[0, 0], [0, 65535], [0, 65536], [len(big) - 1, len(big) - 1], [1, len(big) - 1], [5, len(big) + 99]]
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    connection.connect()
    kept = connection.sock
    for first, last in cuts:
        connection.request("GET", f"/{kind}/big", headers={"Range": f"bytes={first}-{last}"})
        answer = connection.getresponse()
        body = answer.read()
        end = min(last, len(big) - 1)
        assert answer.status == 206
        assert answer.headers["content-range"] == f"bytes {first}-{end}/{len(big)}"
        assert hashlib.sha256(body).digest() == hashlib.sha256(big[first : end + 1]).digest()
        assert connection.sock is kept
    connection.close()


def test_head_tells_the_length_and_sends_nothing(live: Any, big: bytes) -> None:
    with httpx.Client() as client:
        for kind in KINDS:
            answer = client.head(f"{live.url}/{kind}/big", headers={"Range": "bytes=0-9"})
            assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(big)))
            assert answer.content == b""
        assert client.get(f"{live.url}/file/small").content == big[:1000]


def test_a_range_beyond_the_end_is_refused_and_the_connection_goes_on(live: Any, big: bytes) -> None:
    with httpx.Client() as client:
        answer = client.get(f"{live.url}/file/big", headers={"Range": f"bytes={len(big)}-"})
        assert answer.status_code == 416
        assert answer.headers["content-range"] == f"bytes */{len(big)}"
        assert answer.headers["content-length"] == "0"
        assert client.get(f"{live.url}/file/small").content == big[:1000]


def test_a_file_that_the_client_has_is_not_sent_again(live: Any, big: bytes) -> None:
    with httpx.Client() as client:
        answer = client.get(f"{live.url}/file/big", headers={"If-None-Match": 'W/"x", "e1"'})
        assert (answer.status_code, answer.content) == (304, b"")
        assert client.get(f"{live.url}/file/small", headers={"If-None-Match": '"x"'}).content == big[:1000]


def test_a_client_that_leaves_in_the_middle_harms_nobody(
    live: Any, big: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    for kind in KINDS * 5:
        with live.connect() as leaver:
            leaver.sendall(f"GET /{kind}/big HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            leaver.recv(1000)
            leaver.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert httpx.get(f"{live.url}/file/big").content == big
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_what_is_asked_without_waiting_is_answered_in_order(live: Any, big: bytes) -> None:
    paths = ["/file/small", "/said/tea", "/rebuilt/small", "/file/empty", "/file/small"]
    asked = "".join(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n" for path in paths)
    with live.connect() as client:
        client.sendall(f"HEAD /file/small HTTP/1.1\r\nHost: h\r\n\r\n{asked}".encode())
        client.sendall(b"GET /file/small HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        heads = read_all(client).split(b"HTTP/1.1 200 OK\r\n")[1:]
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in heads]
    assert bodies == [b"", big[:1000], b"said", big[:1000], b"", big[:1000], big[:1000]]
    assert all(answer.count(b"\r\ndate: ") + answer.startswith(b"date: ") == 1 for answer in heads)


def test_a_small_answer_is_one_piece(own: Any, big: bytes) -> None:
    with own.connect() as client:
        client.sendall(b"GET /file/small HTTP/1.1\r\nHost: h\r\n\r\n")
        assert client.recv(65536).partition(b"\r\n\r\n")[2] == big[:1000]


@pytest.mark.parametrize("text", ["a%0D%0Aset-cookie:%20b", "a%0Ab", "a%0Db", "a%00b", "a%7Fb"])
def test_what_would_be_another_header_is_never_sent(live: Any, text: str) -> None:
    with live.connect() as client:
        client.sendall(f"GET /said/{text} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        assert b"x-said" not in read_all(client)


def read_all(client: socket.socket) -> bytes:
    blocks = []
    while block := client.recv(1 << 20):
        blocks.append(block)
    return b"".join(blocks)


def test_clients_that_do_not_read_keep_nobody_from_reading(live: Any, big: bytes) -> None:
    request = b"GET /file/big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    slow = [live.connect() for _ in range(80)]
    for client in slow:
        client.sendall(request)
    for client in slow:
        assert client.recv(1, socket.MSG_PEEK)
    assert httpx.get(f"{live.url}/file/big").content == big
    assert read_all(slow[0]).endswith(big)
    for client in slow:
        client.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_reads_nothing_for_too_long_is_hung_up_on(impatient: Any, kind: str) -> None:
    impatient.app.hung_up.clear()
    with impatient.connect() as client:
        client.sendall(f"GET /{kind}/big HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert impatient.app.hung_up.wait(10)
        with pytest.raises(ConnectionResetError):
            read_all(client)


def test_the_same_bytes_come_through_tls_where_the_kernel_cannot_send_them(
    folder: Path, big: bytes, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made += ["-keyout", str(key), "-out", str(certificate), "-days", "1", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(made, check=True, capture_output=True)
    trust = ssl.create_default_context(cafile=str(certificate))
    with served.Serving(folder, ssl_keyfile=key, ssl_certfile=certificate) as live:
        url = f"https://127.0.0.1:{live.port}"
        assert httpx.get(f"{url}/file/big", verify=trust).content == big
        part = httpx.get(f"{url}/file/big", verify=trust, headers={"Range": "bytes=100-2000000"})
        assert part.content == big[100:2000001]
        sent = httpx.put(f"{url}/upload", content=big, verify=trust).json()
        assert (sent["sha256"], sent["taken"]) == (hashlib.sha256(big).hexdigest(), False)


def test_the_own_protocol_fits_the_server_that_is_installed() -> None:
    assert choose_protocol() is ByteProtocol


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({}, Answer(200, 0, 100)),
        ({"range": "bytes=0-0"}, Answer(206, 0, 1)),
        ({"range": "Bytes=10-"}, Answer(206, 10, 90)),
        ({"range": "bytes=-10"}, Answer(206, 90, 10)),
        ({"range": "bytes=-1000"}, Answer(206, 0, 100)),
        ({"range": "bytes=-0"}, Answer(416)),
        ({"range": "bytes=100-"}, Answer(416)),
        ({"range": "bytes=99-1000"}, Answer(206, 99, 1)),
        ({"range": "bytes=5-3"}, Answer(200, 0, 100)),
        ({"range": "bytes=-"}, Answer(200, 0, 100)),
        ({"range": "bytes=0-1,5-6"}, Answer(200, 0, 100)),
        ({"range": "bytes=" + "9" * 5000 + "-"}, Answer(200, 0, 100)),
        ({"range": "lines=0-1"}, Answer(200, 0, 100)),
        ({"range": "bytes=0-1", "if-range": '"e1"'}, Answer(206, 0, 2)),
        ({"range": "bytes=0-1", "if-range": '"e2"'}, Answer(200, 0, 100)),
        ({"range": "bytes=0-1", "if-range": 'W/"e1"'}, Answer(200, 0, 100)),
        ({"range": "bytes=0-1", "if-range": "Sat, 01 Jan 2000 00:00:00 GMT"}, Answer(200, 0, 100)),
        ({"range": "bytes=0-1", "if-none-match": "*"}, Answer(304)),
        ({"if-none-match": 'W/"e1"'}, Answer(304)),
        ({"if-none-match": '"e2"'}, Answer(200, 0, 100)),
    ],
)
def test_conditions_and_ranges_are_decided_as_the_standard_says(given: dict[str, str], answer: Answer) -> None:
    assert plan_answer(given, "GET", 100, "e1") == answer


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("model.bin", "attachment; filename*=UTF-8''model.bin; filename=\"model.bin\";"),
        ("a/b/模型 1.bin", "attachment; filename*=UTF-8''%E6%A8%A1%E5%9E%8B%201.bin; filename=\"__ 1.bin\";"),
        ('x"; evil="1\r\n', "attachment; filename*=UTF-8''x%22%3B%20evil%3D%221%0D%0A; filename=\"x__ evil=_1__\";"),
        ("\ud800", "attachment; filename*=UTF-8''%3F; filename=\"_\";"),
    ],
)
def test_any_file_name_makes_a_safe_header(name: str, header: str) -> None:
    assert content_disposition(name) == header
