"""Somebody who speaks the ModelScope dialect by hand, as either generation of its clients does."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx

Action = dict[str, Any]
SDK = {"user-agent": "modelscope_hub/0.5.1; python/3.11"}


@dataclass
class MsPerson:
    """A user of the hub at ``url``, or with neither name nor token a stranger."""

    url: str
    name: str = ""
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @cached_property
    def http(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.Client(base_url=self.url, headers=headers | self.headers, timeout=60, trust_env=False)

    def create(self, name: str, *, kind: str = "model", visibility: int = 1, **said: Any) -> str:
        """A new repo of this user; its id."""
        answer = self.ask_to_create(name, kind=kind, visibility=visibility, **said)
        assert answer.status_code == 200, answer.text
        return f"{self.name}/{name}"

    def ask_to_create(self, name: str, *, kind: str = "model", visibility: int = 1, **said: Any) -> httpx.Response:
        body = {"Name": name, "Visibility": visibility, "License": "Apache-2.0"} | said
        if kind == "model":
            return self.http.post("/api/v1/models", json={"Path": self.name} | body)
        form = {key: (None, str(value)) for key, value in ({"Owner": self.name} | body).items()}
        return self.http.post("/api/v1/datasets", files=form)

    def commit(
        self, repo: str, actions: Iterable[Action], *, rev: str = "master", kind: str = "model", title: str = "put"
    ) -> httpx.Response:
        body = {"commit_message": title, "actions": list(actions)}
        return self.http.post(f"/api/v1/repos/{kind}s/{repo}/commit/{rev}", json=body)

    def put(self, repo: str, files: Mapping[str, bytes], **options: Any) -> str:
        """Commit regular files; the commit's id."""
        answer = self.commit(repo, [normal(path, data) for path, data in files.items()], **options)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["Data"]["oid"])

    def plan(self, repo: str, data: bytes, *, kind: str = "model") -> tuple[str, str | None]:
        """The sha256 of content, and where to send it (None: the server has it, and does not name it)."""
        sha256 = hashlib.sha256(data).hexdigest()
        body = {"operation": "upload", "objects": [{"oid": sha256, "size": len(data)}]}
        answer = self.http.post(f"/api/v1/repos/{kind}s/{repo}/info/lfs/objects/batch", json=body)
        assert answer.status_code == 200, answer.text
        missing = answer.json()["Data"]["objects"]
        return sha256, missing[0]["actions"]["upload"]["href"] if missing else None

    def upload(self, repo: str, data: bytes, *, kind: str = "model") -> str:
        """Content without a commit; its sha256."""
        sha256, href = self.plan(repo, data, kind=kind)
        if href:
            answer = self.http.put(href, content=data)
            assert answer.status_code == 200, answer.text
            assert answer.json()["Code"] == 200
        return sha256

    def put_lfs(self, repo: str, path: str, data: bytes, *, kind: str = "model", **options: Any) -> str:
        sha256 = self.upload(repo, data, kind=kind)
        answer = self.commit(repo, [lfs(path, sha256, len(data))], kind=kind, **options)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["Data"]["oid"])

    def files(self, repo: str, *, kind: str = "model", **query: str) -> dict[str, dict[str, Any]]:
        """What a listing says, by path."""
        asked = {"Recursive": "True"} | query
        answer = self.http.get(f"/api/v1/{kind}s/{repo}/repo/files", params=asked)
        assert answer.status_code == 200, answer.text
        return {item["Path"]: item for item in answer.json()["Data"]["Files"]}

    def get(self, repo: str, path: str, *, kind: str = "model", rev: str = "master", **headers: str) -> httpx.Response:
        query = {"Revision": rev, "FilePath": path}
        return self.http.get(f"/api/v1/{kind}s/{repo}/repo", params=query, headers=headers)


def normal(path: str, data: bytes, action: str = "create") -> Action:
    content = base64.b64encode(data).decode()
    said = {"action": action, "path": path, "type": "normal", "size": len(data)}
    return said | {"sha256": "", "content": content, "encoding": "base64"}


def lfs(path: str, sha256: str, size: int) -> Action:
    said = {"action": "create", "path": path, "type": "lfs", "size": size}
    return said | {"sha256": sha256, "content": "", "encoding": ""}


def drop(path: str) -> Action:
    return {"action": "delete", "path": path, "type": "normal"}
