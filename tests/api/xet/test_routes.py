"""The store's addresses, driven by hand: what each answers, and to whom."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import lz4.frame
import pytest

from support import xet_forge as forge
from yungu.api.http.signing import sign
from yungu.api.xet.tokens import XetClaims
from yungu.kernel import clock
from yungu.storage.xet.hashing import keyed_hash, to_hex

BASE = "/xet/1"
RNG = random.Random(9)
ONE = forge.xorb([RNG.randbytes(9000 + n) for n in range(30)])
TWO = forge.xorb([b"silk" * 3000, RNG.randbytes(10_000)], [forge.LZ4])
FILE = forge.file((ONE, 2, 20), TWO, (ONE, 20, 25))
BAD_BYTE = ONE.body[:5000] + bytes([ONE.body[5000] ^ 1]) + ONE.body[5001:]
VICTIM = hashlib.sha256(b"somebody else's weights").hexdigest()


def send_xorb(cas: Any, made: forge.MadeXorb, body: bytes | None = None, person: Any = None) -> httpx.Response:
    headers = cas.xet_headers(person or cas.lin)
    return cas.http.post(f"{BASE}/v1/xorbs/default/{made.hash}", content=body or made.body, headers=headers)


def send_shard(cas: Any, *files: forge.MadeFile, person: Any = None, version: str = "/v1") -> httpx.Response:
    headers = cas.xet_headers(person or cas.lin)
    return cas.http.post(f"{BASE}{version}/shards", content=forge.shard(*files), headers=headers)


def send_file(cas: Any, person: Any = None) -> None:
    for made in (ONE, TWO):
        assert send_xorb(cas, made, person=person).status_code == 200
    assert send_shard(cas, FILE, person=person).json() == {"result": 1}


def read_back(cas: Any, plan: dict[str, Any], fetches: dict[str, list[tuple[str, range, range]]]) -> bytes:
    """Put a reconstruction together as a client does. A fetch: (url, chunks, bytes)."""
    parts = []
    for term in plan["terms"]:
        url, chunks, span = next(
            fetch
            for fetch in fetches[term["hash"]]
            if fetch[1].start <= term["range"]["start"] and term["range"]["end"] <= fetch[1].stop
        )
        reply = cas.http.get(url, headers={"range": f"bytes={span.start}-{span.stop - 1}"})
        assert (reply.status_code, len(reply.content)) == (206, len(span))
        datas = decode(reply.content)
        raw = b"".join(datas[term["range"]["start"] - chunks.start : term["range"]["end"] - chunks.start])
        assert len(raw) == term["unpacked_length"]
        parts.append(raw)
    return b"".join(parts)[plan["offset_into_first_range"] :]


def decode(body: bytes) -> list[bytes]:
    datas = []
    while body:
        stored, scheme = int.from_bytes(body[1:4], "little"), body[4]
        payload, body = body[8 : 8 + stored], body[8 + stored :]
        datas.append(payload if scheme == 0 else lz4.frame.decompress(payload))
    return datas


def reconstruct(cas: Any, version: str, wanted: range | None = None) -> bytes:
    headers = cas.xet_headers(cas.lin)
    if wanted:
        headers["range"] = f"bytes={wanted.start}-{wanted.stop - 1}"
    plan = cas.http.get(f"{BASE}{version}/reconstructions/{FILE.hash}", headers=headers).json()
    fetches: dict[str, list[tuple[str, range, range]]] = {}
    if version == "/v2":
        for name, entries in plan["xorbs"].items():
            fetches[name] = [
                (entry["url"], span(one["chunks"]), span(one["bytes"], 1))
                for entry in entries
                for one in entry["ranges"]
            ]
    else:
        for name, entries in plan["fetch_info"].items():
            fetches[name] = [(one["url"], span(one["range"]), span(one["url_range"], 1)) for one in entries]
    data = read_back(cas, plan, fetches)
    return data[: len(wanted)] if wanted else data


def span(value: dict[str, int], beyond: int = 0) -> range:
    return range(value["start"], value["end"] + beyond)


@pytest.mark.parametrize("version", ["/v1", "/v2", ""])
def test_a_reconstruction_gives_back_the_file_and_its_ranges(cas: Any, version: str) -> None:
    send_file(cas)
    assert reconstruct(cas, version) == FILE.data
    for wanted in (range(1), range(10_000, 150_000), range(len(FILE.data) - 5, len(FILE.data))):
        assert reconstruct(cas, version, wanted) == FILE.data[wanted.start : wanted.stop]


@pytest.mark.parametrize("version", ["/v1", "/v2", ""])
def test_a_range_past_the_end_is_not_satisfiable(cas: Any, version: str) -> None:
    send_file(cas)
    headers = cas.xet_headers(cas.lin) | {"range": f"bytes={len(FILE.data)}-"}
    assert cas.http.get(f"{BASE}{version}/reconstructions/{FILE.hash}", headers=headers).status_code == 416


def test_several_files_can_be_asked_for_at_once(cas: Any) -> None:
    send_file(cas)
    query = {"file_id": [FILE.hash]}
    reply = cas.http.get(f"{BASE}/v1/reconstructions", params=query, headers=cas.xet_headers(cas.lin)).json()
    assert sum(term["unpacked_length"] for term in reply["files"][FILE.hash]) == len(FILE.data)
    assert set(reply["fetch_info"]) == {ONE.hash, TWO.hash}


def test_a_signed_address_gives_its_own_range_and_no_other(cas: Any) -> None:
    send_file(cas)
    plan = cas.http.get(f"{BASE}/v2/reconstructions/{FILE.hash}", headers=cas.xet_headers(cas.lin)).json()
    entry = plan["xorbs"][ONE.hash][0]
    start, end = entry["ranges"][0]["bytes"]["start"], entry["ranges"][0]["bytes"]["end"]
    asked = {
        f"bytes={start}-{end}": 206,
        f"bytes={start + 9}-{end - 9}": 206,
        f"bytes={start - 1}-{end}": 403,
        f"bytes={start}-{end + 1}": 403,
        f"bytes={start}-": 403,
        "bytes=-10": 403,
        f"bytes={start}-{start + 1},{start}-{end}": 403,
    }
    assert {text: cas.http.get(entry["url"], headers={"range": text}).status_code for text in asked} == asked
    assert cas.http.get(entry["url"]).status_code == 403
    changed = entry["url"].replace("/data/", "/data/x")
    assert cas.http.get(changed, headers={"range": "bytes=0-1"}).status_code == 403


def test_a_signed_address_ends(cas: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    send_file(cas)
    plan = cas.http.get(f"{BASE}/v2/reconstructions/{FILE.hash}", headers=cas.xet_headers(cas.lin)).json()
    entry = plan["xorbs"][TWO.hash][0]
    asked = entry["ranges"][0]["bytes"]
    later = clock.now() + timedelta(hours=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    headers = {"range": f"bytes={asked['start']}-{asked['end']}"}
    assert cas.http.get(entry["url"], headers=headers).status_code == 403


@pytest.mark.parametrize(
    "body",
    [BAD_BYTE, ONE.body[:-1], ONE.body + b"tail", TWO.body, b"", bytes(70 << 20)],
    ids=["byte", "cut", "tail", "other", "none", "huge"],
)
def test_a_dishonest_xorb_is_refused_and_nothing_is_kept(cas: Any, body: bytes) -> None:
    reply = cas.http.post(f"{BASE}/v1/xorbs/default/{ONE.hash}", content=body, headers=cas.xet_headers(cas.lin))
    assert reply.status_code in (400, 413)
    assert len(reply.json()["error"]) > 10
    assert cas.count_rows()["xorbs"] == 0
    assert list(cas.site.store.iter_keys()) == []


def test_a_known_xorb_is_taken_again_without_harm(cas: Any) -> None:
    assert send_xorb(cas, ONE).json() == {"was_inserted": True}
    assert send_xorb(cas, ONE, ONE.body + forge.v1_footer(ONE)).json()["was_inserted"] is False
    assert cas.count_rows()["xorbs"] == 1


LIES = {
    "another file's sha256": FILE.but(sha256=VICTIM),
    "a xorb that is not there": forge.file(forge.xorb([b"never sent"])),
    "another file hash": FILE.but(hash=forge.file(ONE).hash),
    "no verification": FILE.but(has_verification=False),
    "4 billion terms": FILE.but(claimed_terms=2**32 - 1),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
@pytest.mark.parametrize("version", ["/v1", "/v2"])
def test_a_lying_shard_is_refused_and_nothing_is_recorded(cas: Any, lie: forge.MadeFile, version: str) -> None:
    for made in (ONE, TWO):
        send_xorb(cas, made)
    reply = send_shard(cas, lie, version=version)
    told = json.loads(reply.text.splitlines()[-1])
    if reply.status_code == 200:
        assert (told["type"], told["retryable"]) == ("error", False)
    else:
        assert reply.status_code == 400
        assert told["error"]
    rows = cas.count_rows()
    assert (rows["xet_files"], rows["blobs"], rows["repo_blobs"], rows["xet_file_claims"]) == (0, 0, 0, 0)


def test_version_2_answers_in_frames_that_end_with_a_result(cas: Any) -> None:
    for made in (ONE, TWO):
        send_xorb(cas, made)
    reply = send_shard(cas, FILE, version="/v2")
    kinds = [json.loads(line)["type"] for line in reply.text.splitlines()]
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert kinds[-1] == "result"
    assert cas.count_rows()["xet_files"] == 1
    assert send_shard(cas, FILE).json() == {"result": 0}


def grant(cas: Any, made: forge.MadeXorb, person: Any = None) -> httpx.Response:
    asked = {"length": len(made.body), "checksum": {"algo": "crc64nvme", "value": "1"}}
    headers = cas.xet_headers(person or cas.lin)
    return cas.http.post(f"{BASE}/v1/xorb-grants/default/{made.hash}", json=asked, headers=headers)


def commit_grant(cas: Any, made: forge.MadeXorb, number: str, person: Any = None) -> httpx.Response:
    url = f"{BASE}/v1/xorb-commits/default/{made.hash}/grant/{number}"
    return cas.http.post(url, headers=cas.xet_headers(person or cas.lin))


def test_a_granted_xorb_is_sent_without_a_token_and_committed(cas: Any) -> None:
    given = grant(cas, ONE)
    assert given.status_code == 201
    assert commit_grant(cas, ONE, given.json()["id"]).status_code == 404
    sent = cas.http.request(given.json()["method"], given.json()["url"], content=ONE.body)
    assert sent.status_code == 200
    assert commit_grant(cas, ONE, given.json()["id"]).status_code == 200
    assert grant(cas, ONE).status_code == 200


def test_a_grant_takes_only_the_xorb_that_it_is_for(cas: Any) -> None:
    given = grant(cas, ONE).json()
    for body in (BAD_BYTE, ONE.body[:-3], ONE.body + b"x", TWO.body):
        assert cas.http.put(given["url"], content=body).status_code in (400, 413)
    forged = given["url"].replace("/grants/", "/grants/e")
    assert cas.http.put(forged, content=ONE.body).status_code == 403
    assert commit_grant(cas, TWO, given["id"]).status_code == 404
    assert cas.count_rows()["xorbs"] == 0


def test_a_grant_does_not_tell_that_somebody_else_has_the_xorb(cas: Any) -> None:
    send_file(cas, cas.lin)
    cas.commit(cas.lin, FILE.sha256)
    given = grant(cas, ONE, cas.mei)
    assert given.status_code == 201
    assert commit_grant(cas, ONE, given.json()["id"], cas.mei).status_code == 404
    assert send_xorb(cas, ONE, person=cas.mei).json() == {"was_inserted": True}
    assert grant(cas, ONE, cas.mei).status_code == 200


def chunk_reply(cas: Any, person: Any, made: forge.MadeXorb, number: int) -> int:
    name = to_hex(made.leaves[number][0])
    return cas.http.get(f"{BASE}/v1/chunks/default/{name}", headers=cas.xet_headers(person)).status_code


def test_a_chunk_is_only_told_to_whom_may_read_a_file_with_it(cas: Any) -> None:
    send_file(cas, cas.lin)
    cas.commit(cas.lin, FILE.sha256)
    assert chunk_reply(cas, cas.lin, ONE, 2) == 200
    assert chunk_reply(cas, cas.mei, ONE, 2) == 404
    with cas.site.db.write() as session:
        session.exec_driver_sql("UPDATE repos SET visibility = 'public' WHERE name = 'tea'")
    assert chunk_reply(cas, cas.mei, ONE, 2) == 200


def test_chunks_outside_the_readable_file_are_hidden_even_in_a_shared_xorb(cas: Any) -> None:
    send_file(cas, cas.lin)
    cas.commit(cas.lin, FILE.sha256)
    with cas.site.db.write() as session:
        session.exec_driver_sql("UPDATE repos SET visibility = 'public' WHERE name = 'tea'")
    name = to_hex(ONE.leaves[2][0])
    reply = cas.http.get(f"{BASE}/v1/chunks/default/{name}", headers=cas.xet_headers(cas.mei)).content
    key = reply[-200 + 72 : -200 + 104]
    shown = [keyed_hash(key, raw) in reply for raw, _ in ONE.leaves]
    assert shown == [2 <= number < 25 for number in range(30)]


def test_the_hint_is_given_once_per_upload(cas: Any) -> None:
    send_file(cas)
    headers = cas.xet_headers(cas.lin) | {"x-xet-session-id": uuid4().hex}
    unknown = f"{BASE}/v1/chunks/default/{'0' * 63}1"
    assert [cas.http.get(unknown, headers=headers).status_code for _ in range(3)] == [200, 404, 404]


def test_an_uploader_may_read_back_before_the_commit_and_a_reader_only_after(cas: Any) -> None:
    send_file(cas)
    url = f"{BASE}/v2/reconstructions/{FILE.hash}"
    assert cas.http.get(url, headers=cas.xet_headers(cas.lin, "write")).status_code == 200
    assert cas.http.get(url, headers=cas.xet_headers(cas.lin, "read")).status_code == 404
    cas.commit(cas.lin, FILE.sha256)
    assert cas.http.get(url, headers=cas.xet_headers(cas.lin, "read")).status_code == 200
    assert cas.http.get(url, headers=cas.xet_headers(cas.mei, "write")).status_code == 404


def test_knowing_all_chunks_of_a_file_gives_the_right_to_use_it(cas: Any) -> None:
    """Who has the bytes may have them again: the shard proves that without sending a xorb."""
    send_file(cas, cas.lin)
    cas.commit(cas.lin, FILE.sha256)
    assert send_shard(cas, FILE, person=cas.mei).json() == {"result": 0}
    cas.commit(cas.mei, FILE.sha256)
    url = f"{BASE}/v2/reconstructions/{FILE.hash}"
    assert cas.http.get(url, headers=cas.xet_headers(cas.mei, "read")).status_code == 200


WRITING = [
    ("GET", f"/v1/chunks/default/{ONE.hash}"),
    ("POST", f"/v1/xorbs/default/{ONE.hash}"),
    ("POST", f"/v1/xorb-grants/default/{ONE.hash}"),
    ("POST", "/v1/shards"),
    ("POST", "/v2/shards"),
]


@pytest.mark.parametrize(("method", "path"), [*WRITING, ("GET", f"/v2/reconstructions/{FILE.hash}")])
def test_without_a_good_token_nothing_is_answered(cas: Any, method: str, path: str) -> None:
    claims = XetClaims(cas.lin.repo.id, 1, None, "write")
    forged = sign(b"another secret", "xet token", claims, lifetime_seconds=99)
    old = sign(cas.site.secret, "xet token", claims, lifetime_seconds=-1)
    other = sign(cas.site.secret, "xet grant", claims, lifetime_seconds=99)
    for value in (
        None,
        "Bearer",
        "Basic x",
        "Bearer nonsense.x",
        *(f"Bearer {t}" for t in (forged, old, other, cas.lin.token)),
    ):
        headers = {"authorization": value} if value else {}
        assert cas.http.request(method, BASE + path, headers=headers).status_code == 401


@pytest.mark.parametrize(("method", "path"), WRITING)
def test_a_reading_token_does_not_write(cas: Any, method: str, path: str) -> None:
    headers = cas.xet_headers(cas.lin, "read")
    assert cas.http.request(method, BASE + path, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "path", ["/v1/xorbs/default/{}", "/xorbs/default/{}", "/xorb/default/{}", "/v1/xorb/default/{}"]
)
def test_xorbs_have_the_addresses_of_all_clients(cas: Any, path: str) -> None:
    url = BASE + path.format(ONE.hash)
    assert cas.http.post(url, content=ONE.body, headers=cas.xet_headers(cas.lin)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/shards", "/shards", "/shard/default/{}", "/v1/shard/default/{}", "/v2/shards"])
def test_shards_have_the_addresses_of_all_clients(cas: Any, path: str) -> None:
    for made in (ONE, TWO):
        send_xorb(cas, made)
    url = BASE + path.format("0" * 64)
    assert cas.http.post(url, content=forge.shard(FILE), headers=cas.xet_headers(cas.lin)).status_code == 200
    for nouns in ("/reconstruction", "/reconstructions", "/v1/reconstructions", "/v2/reconstructions"):
        reply = cas.http.get(f"{BASE}{nouns}/{FILE.hash}", headers=cas.xet_headers(cas.lin))
        assert reply.status_code == 200


@pytest.mark.parametrize("name", ["0" * 63, "Z" * 64, "..%2F..%2Fetc", "0" * 64 + "0"])
def test_a_name_that_is_no_hash_is_refused(cas: Any, name: str) -> None:
    headers = cas.xet_headers(cas.lin)
    for method, path in (("POST", "xorbs/default"), ("GET", "chunks/default"), ("GET", "reconstructions")):
        reply = cas.http.request(method, f"{BASE}/v1/{path}/{name}", headers=headers)
        assert reply.status_code in (400, 404)


def test_telemetry_is_taken_and_forgotten(cas: Any) -> None:
    assert cas.http.post("/v1/telemetry", json={"any": "thing"}).status_code == 204


def test_tokens_follow_the_rights_on_the_repo(cas: Any) -> None:
    def status(person: Any, scope: str, repo: Any, query: str = "") -> int:
        return cas.http.get(cas.token_url(person, scope, repo) + query, headers=person.headers).status_code

    tea = cas.lin.repo
    assert [status(cas.lin, scope, tea) for scope in ("read", "write")] == [200, 200]
    assert [status(cas.mei, scope, tea) for scope in ("read", "write")] == [404, 404]
    with cas.site.db.write() as session:
        session.exec_driver_sql("UPDATE repos SET visibility = 'public' WHERE name = 'tea'")
    assert [status(cas.mei, scope, tea) for scope in ("read", "write")] == [200, 403]
    assert status(cas.mei, "write", tea, "?create_pr=1") == 200
    anonymous = [cas.http.get(cas.token_url(cas.mei, scope, tea)).status_code for scope in ("read", "write")]
    assert anonymous == [200, 401]


def test_a_token_tells_the_same_in_body_and_headers(cas: Any) -> None:
    url = f"/api/models/{cas.lin.repo.repo_id}/xet-write-token/None?create_pr=1"
    reply = cas.http.get(url, headers=cas.lin.headers)
    body = reply.json()
    assert body["casUrl"] == f"{cas.url}{BASE}" == reply.headers["x-xet-cas-url"]
    assert body["accessToken"] == reply.headers["x-xet-access-token"]
    assert str(body["exp"]) == reply.headers["x-xet-token-expiration"]
