"""Somebody who speaks the hf dialect: by hand, where the bytes on the wire matter, or with the real client."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from huggingface_hub import HfApi

NDJSON = {"content-type": "application/x-ndjson"}
LFS_JSON = {"accept": "application/vnd.git-lfs+json", "content-type": "application/vnd.git-lfs+json"}
Line = dict[str, Any]


@dataclass
class HfPerson:
    """A user of the hub at ``url``, or with neither name nor token a stranger."""

    url: str
    name: str = ""
    token: str = ""

    @cached_property
    def http(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        limits = httpx.Limits(max_connections=50, max_keepalive_connections=50)
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False, limits=limits)

    @cached_property
    def api(self) -> HfApi:
        """The real client."""
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.url, token=self.token or False)

    def create(self, name: str, *, kind: str = "model", private: bool = False) -> str:
        """A new repo of this user; its id."""
        answer = self.http.post("/api/repos/create", json={"name": name, "type": kind, "private": private})
        assert answer.status_code == 200, answer.text
        return f"{self.name}/{name}"

    def send(
        self, repo: str, lines: Iterable[Line | bytes], *, rev: str = "main", kind: str = "model", **query: str
    ) -> httpx.Response:
        """A commit made of these lines, whatever they are."""
        path = f"/api/{kind}s/{repo}/commit/{quote(rev, safe='')}"
        return self.http.post(path, content=encoded(lines), headers=NDJSON, params=query)

    def put(
        self, repo: str, files: Mapping[str, bytes], *, rev: str = "main", kind: str = "model", title: str = "put"
    ) -> str:
        """Commit regular files; the new commit's id."""
        lines = [header(title), *(file(path, data) for path, data in files.items())]
        answer = self.send(repo, lines, rev=rev, kind=kind)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["commitOid"])

    def lfs_batch(
        self, repo: str, sha256: str, size: int, *, operation: str = "upload", kind: str = "model", **more: Any
    ) -> dict[str, Any]:
        """What the batch endpoint says of one object."""
        place = repo if kind == "model" else f"{kind}s/{repo}"
        body = {"operation": operation, "objects": [{"oid": sha256, "size": size}], "hash_algo": "sha256"}
        answer = self.http.post(f"/{place}.git/info/lfs/objects/batch", json=body | more, headers=LFS_JSON)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["objects"][0])

    def upload_lfs(self, repo: str, data: bytes, *, kind: str = "model") -> str:
        """Upload content by LFS, without naming it in a commit; its sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        found = self.lfs_batch(repo, sha256, len(data), kind=kind)
        if "actions" in found:
            action = found["actions"]["upload"]
            answer = httpx.put(action["href"], content=data, headers=action.get("header", {}), timeout=60)
            assert answer.status_code in (200, 201), answer.text
        return sha256

    def put_lfs(self, repo: str, path: str, data: bytes, *, rev: str = "main", kind: str = "model") -> str:
        """Upload content by LFS and commit it; the commit's id."""
        sha256 = self.upload_lfs(repo, data, kind=kind)
        answer = self.send(repo, [header("put"), lfs_file(path, sha256, len(data))], rev=rev, kind=kind)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["commitOid"])

    def get(self, repo: str, path: str, *, rev: str = "main", **headers: str) -> httpx.Response:
        """A file, by the address that the client uses."""
        return self.http.get(
            resolve_path(repo, path, rev), headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    def head(self, repo: str, path: str, *, rev: str = "main") -> httpx.Response:
        return self.http.head(resolve_path(repo, path, rev), headers={"accept-encoding": "identity"})

    def paths(self, repo: str, rev: str = "main") -> list[str]:
        """All files of a revision but ``.gitattributes``."""
        pages = self.pages(f"/api/models/{repo}/tree/{quote(rev, safe='')}?recursive=true")
        return [
            node["path"]
            for page in pages
            for node in page
            if node["type"] == "file" and node["path"] != ".gitattributes"
        ]

    def pages(self, path: str) -> Iterator[list[dict[str, Any]]]:
        """Every page of a list, following the Link headers as they are."""
        at: str | None = path
        while at:
            answer = self.http.get(at)
            assert answer.status_code == 200, answer.text
            yield answer.json()
            at = answer.links.get("next", {}).get("url")

    def history(self, repo: str, rev: str = "main") -> list[str]:
        """The titles of the first page of commits, newest first."""
        answer = self.http.get(f"/api/models/{repo}/commits/{quote(rev, safe='')}")
        assert answer.status_code == 200, answer.text
        return [commit["title"] for commit in answer.json()]


def resolve_path(repo: str, path: str, rev: str = "main") -> str:
    return f"/{repo}/resolve/{quote(rev, safe='')}/{quote(path)}"


def header(title: str, **more: Any) -> Line:
    return {"key": "header", "value": {"summary": title, "description": ""} | more}


def file(path: str, data: bytes) -> Line:
    value = {"path": path, "content": base64.b64encode(data).decode(), "encoding": "base64"}
    return {"key": "file", "value": value}


def lfs_file(path: str, sha256: str, size: int) -> Line:
    return {"key": "lfsFile", "value": {"path": path, "oid": sha256, "algo": "sha256", "size": size}}


def deleted(path: str, *, folder: bool = False) -> Line:
    return {"key": "deletedFolder" if folder else "deletedFile", "value": {"path": path}}


def encoded(lines: Iterable[Line | bytes]) -> bytes:
    return b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines)
