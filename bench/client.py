"""The stock Hugging Face client, in a process of its own: ``python bench/client.py ACTION`` with its arguments as JSON
on standard input, and the wall seconds of each call (imports not counted) as JSON on standard output."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download, snapshot_download


def commit(api: HfApi, repo_id: str, commits: list[dict[str, str]]) -> list[float]:
    """One commit per entry, of its paths with their texts."""
    return [_timed(_commit_files, api, repo_id, files) for files in commits]


def upload(api: HfApi, repo_id: str, file: str, path: str) -> list[float]:
    return [_timed(api.upload_file, path_or_fileobj=file, path_in_repo=path, repo_id=repo_id)]


def download(api: HfApi, repo_id: str, path: str, folder: str) -> list[float]:
    at = {"endpoint": api.endpoint, "token": api.token}
    return [_timed(hf_hub_download, repo_id, path, local_dir=folder, **at)]


def snapshot(api: HfApi, repo_id: str, folder: str) -> list[float]:
    return [_timed(snapshot_download, repo_id, cache_dir=folder, endpoint=api.endpoint, token=api.token)]


def _commit_files(api: HfApi, repo_id: str, files: dict[str, str]) -> None:
    operations = [CommitOperationAdd(path, text.encode()) for path, text in files.items()]
    api.create_commit(repo_id, operations, commit_message="Add files")


def _timed(call: Callable[..., object], *arguments: object, **options: object) -> float:
    started = time.perf_counter()
    call(*arguments, **options)
    return time.perf_counter() - started


if __name__ == "__main__":
    arguments: dict[str, Any] = json.load(sys.stdin)
    actions = {"commit": commit, "upload": upload, "download": download, "snapshot": snapshot}
    hub = HfApi(endpoint=arguments.pop("url"), token=arguments.pop("token"))
    json.dump(actions[sys.argv[1]](hub, **arguments), sys.stdout)
