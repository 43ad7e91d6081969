"""The Hugging Face client as pip installs it, and its command, against a live hub: fresh folders, Xet on and off."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.hf import HfPerson
from support.servers import LiveHub

Run = Callable[..., str]
HF = Path(sys.executable).with_name("hf")


@pytest.fixture
def lin(live: LiveHub) -> HfPerson:
    name = live.user()
    return HfPerson(live.url, name, live.token(name))


@pytest.fixture(params=["xet", "lfs"])
def run(request: pytest.FixtureRequest, lin: HfPerson, tmp_path: Path) -> Run:
    """``run(command, ...)``: where nothing but HF_ENDPOINT and HF_TOKEN is set, caches cold; what it printed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environ |= {"HF_ENDPOINT": lin.url, "HF_TOKEN": lin.token, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    environ |= {"HF_HUB_DISABLE_UPDATE_CHECK": "1"} | ({"HF_HUB_DISABLE_XET": "1"} if request.param == "lfs" else {})

    def run(*command: str | Path, home: str = "home") -> str:
        given = environ | {"HF_HOME": str(tmp_path / home)}
        done = subprocess.run([str(part) for part in command], env=given, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def safetensors(values: bytes) -> bytes:
    """A file of one tensor of bytes. https://github.com/huggingface/safetensors#format"""
    head = json.dumps({"w": {"dtype": "U8", "shape": [len(values)], "data_offsets": [0, len(values)]}}).encode()
    return struct.pack("<Q", len(head)) + head + values


def make_folder(folder: Path) -> dict[str, bytes]:
    files = {
        "README.md": "---\nlicense: mit\n---\n# 龙井\n".encode(),
        "config.json": b"{}",
        "sub/数据 1.txt": b"text",
        "model.safetensors": safetensors(random.Random(str(folder)).randbytes(5_000_000)),
        "tokenizer.model": random.Random(2).randbytes(20_000),
    }
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return files


def read_folder(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return {path: data for path, data in found.items() if not path.startswith((".cache/", ".gitattributes"))}


def test_the_command_uploads_a_folder_and_downloads_it_elsewhere(
    run: Run, lin: HfPerson, live: LiveHub, tmp_path: Path
) -> None:
    files, repo = make_folder(tmp_path / "up"), f"{lin.name}/{live.fresh_name()}"
    assert lin.name in run(HF, "auth", "whoami")
    run(HF, "upload", repo, tmp_path / "up", ".", "--commit-message", "first flush")
    run(HF, "download", repo, "--local-dir", tmp_path / "down", home="another")
    assert read_folder(tmp_path / "down") == files
    assert lin.history(repo)[0] == "first flush"

    # a second time nothing goes up, and nothing changes
    run(HF, "upload", repo, tmp_path / "up", ".")
    assert len(lin.history(repo)) == 2


def test_the_command_makes_private_datasets(run: Run, lin: HfPerson, live: LiveHub, tmp_path: Path) -> None:
    repo = f"{lin.name}/{live.fresh_name()}"
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    run(HF, "upload", repo, tmp_path / "a.csv", "data/a.csv", "--repo-type", "dataset", "--private")
    assert HfPerson(live.url).http.get(f"/api/datasets/{repo}").status_code == 404
    run(HF, "download", repo, "data/a.csv", "--repo-type", "dataset", "--local-dir", tmp_path / "down")
    assert (tmp_path / "down/data/a.csv").read_text() == "a,b\n1,2\n"


SNAPSHOT = """
import sys
from huggingface_hub import HfApi, snapshot_download
repo, folder, cache = sys.argv[1:]
api = HfApi()
api.create_repo(repo)
api.upload_folder(repo_id=repo, folder_path=folder, ignore_patterns=["*.json"])
first = snapshot_download(repo, cache_dir=cache)
api.upload_folder(repo_id=repo, folder_path=folder, allow_patterns=["*.json"], delete_patterns=["tokenizer.model"])
second = snapshot_download(repo, cache_dir=cache)
print(first, second, sep="\\n")
"""


def test_snapshots_follow_the_repo(run: Run, lin: HfPerson, live: LiveHub, tmp_path: Path) -> None:
    files, repo = make_folder(tmp_path / "up"), f"{lin.name}/{live.fresh_name()}"
    told = run(sys.executable, "-c", SNAPSHOT, repo, tmp_path / "up", tmp_path / "cache")
    first, second = (Path(line) for line in told.splitlines()[-2:])
    assert read_folder(first) == {path: data for path, data in files.items() if path != "config.json"}
    assert read_folder(second) == {path: data for path, data in files.items() if path != "tokenizer.model"}
    assert second.name == lin.head(repo, "README.md").headers["x-repo-commit"]


RESUME = """
import sys
from huggingface_hub import hf_hub_download
from huggingface_hub.file_download import get_hf_file_metadata, hf_hub_url, http_get
url, start = hf_hub_url(sys.argv[1], "model.bin"), int(sys.argv[3])
with open(sys.argv[2], "r+b") as file:
    file.seek(start)
    http_get(url, file, resume_size=start, expected_size=get_hf_file_metadata(url).size)
"""


def test_an_interrupted_download_goes_on(run: Run, lin: HfPerson, live: LiveHub, tmp_path: Path) -> None:
    """Half of the file is there already, as an interrupted client leaves it; the client asks for the rest."""
    data, repo, path = random.Random(8).randbytes(4_000_000), lin.create(live.fresh_name()), tmp_path / "half"
    lin.put_lfs(repo, "model.bin", data)
    path.write_bytes(data[:2_000_000])
    run(sys.executable, "-c", RESUME, repo, path, "2000000")
    assert path.read_bytes() == data


FILE_SYSTEM = """
import sys
from huggingface_hub import HfFileSystem
fs, repo = HfFileSystem(), sys.argv[1]
with fs.open(f"{repo}/notes/龙井.txt", "w") as out:
    out.write("first flush")
with fs.open(f"{repo}/weights.bin", "wb") as out:
    out.write(bytes(range(256)) * 8000)
assert fs.ls(f"{repo}/notes", detail=False) == [f"{repo}/notes/龙井.txt"]
assert fs.read_text(f"{repo}/notes/龙井.txt") == "first flush"
with fs.open(f"{repo}/weights.bin") as file:
    file.seek(-300, 2)
    assert file.read() == (bytes(range(256)) * 8000)[-300:]
assert fs.info(f"{repo}/weights.bin")["size"] == 2048000
fs.cp_file(f"{repo}/notes/龙井.txt", f"{repo}/copy.txt")
fs.rm(f"{repo}/notes/龙井.txt")
assert sorted(fs.glob(f"{repo}/*.txt")) == [f"{repo}/copy.txt"]
assert not fs.exists(f"{repo}/notes/龙井.txt")
"""


def test_a_repo_is_a_file_system(run: Run, lin: HfPerson, live: LiveHub) -> None:
    repo = lin.create(live.fresh_name())
    run(sys.executable, "-c", FILE_SYSTEM, repo)
    assert lin.get(repo, "copy.txt").text == "first flush"


SAFETENSORS = """
import sys
from huggingface_hub import HfApi
api, repo = HfApi(), sys.argv[1]
api.upload_file(path_or_fileobj=sys.argv[2], path_in_repo="model.safetensors", repo_id=repo)
found = api.get_safetensors_metadata(repo)
assert found.parameter_count == {"U8": 5000000}, found
print(api.model_info(repo).safetensors.total)
"""


def test_the_hub_and_the_client_agree_on_the_weights(run: Run, lin: HfPerson, live: LiveHub, tmp_path: Path) -> None:
    make_folder(tmp_path)
    told = run(sys.executable, "-c", SAFETENSORS, lin.create(live.fresh_name()), tmp_path / "model.safetensors")
    assert told.split()[-1] == "5000000"
