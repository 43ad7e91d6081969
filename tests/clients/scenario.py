"""What every client release must be able to do, told as one JSON object. For any Python and any huggingface_hub.

Reads ``HF_ENDPOINT``, ``HF_TOKEN`` and ``HF_HUB_DISABLE_XET``; argument: what repo names begin with."""

import json
import os
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import huggingface_hub
from huggingface_hub import HfApi, hf_hub_download, snapshot_download

LARGE_BYTES = 20_000_000


def main(prefix):
    api = HfApi()
    user = api.whoami()["name"]
    steps = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("public", "private"):
            work(api, f"{user}/{prefix}-{kind}", kind == "private", folder / kind, steps)
    print(json.dumps({"version": huggingface_hub.__version__, "hf_xet": hf_xet_version(), "steps": steps}))


def work(api, repo, private, folder, steps):
    files = {"README.md": "# 龙井\n".encode(), "sub/配置 1.json": b"{}", "model.safetensors": os.urandom(LARGE_BYTES)}
    files["empty.bin"] = b""
    for path, data in files.items():
        (folder / "up" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "up" / path).write_bytes(data)

    def step(title, action):
        began = time.perf_counter()
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes into the table
            steps.setdefault(title, f"{type(error).__name__}: {error}"[:300])
        else:
            steps.setdefault(title, "ok")
        steps[f"{title} seconds"] = round(steps.get(f"{title} seconds", 0) + time.perf_counter() - began, 2)

    step("create", lambda: api.create_repo(repo, private=private))
    step("private", lambda: check(api.repo_info(repo).private == private, "visibility"))
    step("upload folder", lambda: api.upload_folder(repo_id=repo, folder_path=folder / "up"))
    step(
        "upload file",
        lambda: api.upload_file(repo_id=repo, path_or_fileobj=os.urandom(1_000_000), path_in_repo="b.bin"),
    )
    step("list", lambda: check(set(api.list_repo_files(repo)) == {*files, "b.bin", ".gitattributes"}, "names"))
    step("hidden", lambda: check(hidden(repo) == private, "who sees it"))
    step("download", lambda: same(hf_hub_download(repo, "model.safetensors", cache_dir=folder / "one"), files))
    step("snapshot", lambda: same_all(snapshot_download(repo, cache_dir=folder / "all"), files))
    step("look at headers", lambda: steps.update(xet=is_xet(repo)))
    step("delete file", lambda: api.delete_file("b.bin", repo_id=repo))
    step("deleted", lambda: check("b.bin" not in api.list_repo_files(repo), "still there"))
    step("delete repo", lambda: api.delete_repo(repo))
    step("gone", lambda: check(not api.repo_exists(repo), "still there"))


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def hidden(repo):
    return not HfApi(token=False).repo_exists(repo)


def same(path, files):
    check(Path(path).read_bytes() == files["model.safetensors"], "bytes")


def same_all(folder, files):
    check(all((Path(folder) / path).read_bytes() == data for path, data in files.items()), "bytes")


def is_xet(repo):
    """Whether the hub holds the large file as xorbs; older clients do not tell."""
    url = f"{os.environ['HF_ENDPOINT']}/{repo}/resolve/main/model.safetensors"
    asked = urllib.request.Request(url, method="HEAD", headers={"Authorization": f"Bearer {os.environ['HF_TOKEN']}"})
    with urllib.request.urlopen(asked) as answer:
        return "X-Xet-Hash" in answer.headers


def hf_xet_version():
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("hf-xet")
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main(sys.argv[1])
