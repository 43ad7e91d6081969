"""What both generations of the ModelScope client must be able to do, told as one JSON object. For any Python.

Everything that the client needs is in its environment, as docs/how-to/modelscope.md sets it; ``OTHER_TOKEN`` is that of
somebody with no rights. Arguments: the user, what repo names begin with, and the address of the hub."""

import base64
import importlib.metadata
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from modelscope.hub.api import HubApi
from modelscope.hub.file_download import model_file_download
from modelscope.hub.repository import DatasetRepository, Repository
from modelscope.hub.snapshot_download import dataset_snapshot_download, snapshot_download
from modelscope.msdatasets import MsDataset

BIN = Path(sys.executable).parent
VERSION = importlib.metadata.version("modelscope")
IS_CLASSIC = tuple(map(int, VERSION.split(".")[:2])) < (1, 38)
LARGE_BYTES = 6_000_000
FAR_SECONDS = 4_102_444_800  # the older client leaves out tags that are younger than its own release
ROWS = [{"name": "龙井", "grams": 3}, {"name": "大红袍", "grams": 5}]
OUR_FILES = (".ms_upload_cache", ".msc", ".mv", ".mdl", ".gitattributes", "configuration.json")


class Client:
    """One client at work in ``folder``, and what became of each step."""

    def __init__(self, user, prefix, url, folder):
        self.user, self.url, self.folder, self.steps = user, url, folder, {}
        self.token = os.environ["MODELSCOPE_API_TOKEN"]
        self.private, self.public, self.unasked = (f"{user}/{prefix}-{name}" for name in ("in", "out", "unasked"))
        self.pushed, self.leaves = f"{user}/{prefix}-pushed", f"{user}/{prefix}-leaves"
        self.api = HubApi()
        self.files = {"README.md": "# 龙井\n".encode(), "sub/配置 1.json": b"{}", "empty.bin": b""}
        self.files["model.safetensors"] = random.Random(prefix).randbytes(LARGE_BYTES)
        self.up = write(folder / "up", self.files)

    def step(self, title, action):
        began = time.perf_counter()
        try:
            action()
        except Exception as error:  # noqa: BLE001 - whatever it is, it goes into the table
            self.steps[title] = f"{type(error).__name__}: {error}"[-400:]
        else:
            self.steps[title] = "ok"
        print(f"{time.perf_counter() - began:8.2f} s  {title}: {self.steps[title]}", file=sys.stderr)

    def run(self, *command, **environ):
        """A command of the client's; what it said."""
        done = subprocess.run(
            [BIN / command[0], *map(str, command[1:])], env=os.environ | environ, capture_output=True, text=True
        )
        check(done.returncode == 0, f"{command[:2]}: {(done.stderr or done.stdout)[-400:]}")
        return done.stdout + done.stderr

    def ask(self, path, token=None, body=None, **headers):
        """Status and body of a call made by hand. ``token`` "" is nobody's."""
        token = self.token if token is None else token
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers)) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def repo(self, repo, kind="model"):
        status, body = self.ask(f"/api/v1/{kind}s/{repo}")
        check(status == 200, f"{repo}: {status} {body!r}")
        return json.loads(body)["Data"]

    def content(self, repo, path, rev="master"):
        return self.ask(f"/models/{repo}/resolve/{rev}/{path}")


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def equal(found, wanted):
    check(found == wanted, f"{found!r}, not {wanted!r}")


def refused(action, *words):
    """The action fails, and the error says one of the words."""
    try:
        found = action()
    except Exception as error:  # noqa: BLE001 - the clients have many kinds
        text = f"{type(error).__name__} {error}"
        check(any(word in text for word in words), f"refused otherwise: {text}")
    else:
        raise AssertionError(f"not refused: {found!r}"[:300])


def write(folder, files):
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def same(folder, files):
    """Every byte, and nothing more but what the client keeps for itself."""
    folder = Path(folder)
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    ours = {path for path in found if not path.startswith((*OUR_FILES, "._____temp", ".git/", ".cache"))}
    equal(sorted(ours), sorted(files))
    check(all(found[path].read_bytes() == data for path, data in files.items()), f"bytes in {folder}")


# --- the steps, by what a person wants


def sign_in(client):
    def log_in():
        client.run("modelscope", "login", "--token", client.token)
        check((Path.home() / ".modelscope/credentials/git_token").read_text().strip(), "a git token is kept")

    client.step("login, by command", log_in)
    client.step("login, by HubApi", lambda: client.api.login(client.token))
    client.step("login with a bad token", lambda: refused(lambda: HubApi().login("ms-bad"), "400", "oken"))


def create(client):
    kind = ["--repo_type", "model"]
    client.step(
        "create private", lambda: client.run("modelscope", "create", client.private, *kind, "--visibility", "private")
    )
    client.step("is private", lambda: equal(client.repo(client.private)["Visibility"], 1))
    more = ["--visibility", "public", "--chinese_name", "龙井"]
    client.step("create public", lambda: client.run("ms", "create", client.public, *kind, *more))
    client.step("is public", lambda: equal(client.repo(client.public)["Visibility"], 5))
    client.step("exists", lambda: check(client.api.repo_exists(client.private), "not there"))
    client.step("upload unasked", lambda: client.run("modelscope", "upload", client.unasked, client.up))
    client.step("is kept private", lambda: equal(client.repo(client.unasked)["Visibility"], 1))

    def told():
        body = {"Path": client.user, "Name": f"{client.unasked.partition('/')[2]}-2", "Visibility": 5}
        _, answer = client.ask("/api/v1/models", body=body, **{"User-Agent": "modelscope_hub/0.5.1"})
        check("private" in json.loads(answer)["Message"], answer)

    client.step("is told so", told)


def upload(client):
    large = client.up / "model.safetensors"
    client.step("upload folder, by command", lambda: client.run("modelscope", "upload", client.private, client.up))
    client.step("upload file, by command", lambda: client.run("ms", "upload", client.public, large, "a/b.safetensors"))
    client.step(
        "upload_file",
        lambda: client.api.upload_file(path_or_fileobj=b"hello", path_in_repo="notes/a.txt", repo_id=client.public),
    )
    client.step("is there", lambda: equal(client.content(client.public, "notes/a.txt"), (200, b"hello")))
    client.step(
        "upload_folder to a new branch",
        lambda: client.api.upload_folder(
            repo_id=client.public, folder_path=str(client.up), revision="feature/x", ignore_patterns=["*.json"]
        ),
    )
    client.step("branch is there", lambda: equal(client.content(client.public, "empty.bin", "feature%2Fx"), (200, b"")))
    client.step("branch is not master", lambda: equal(client.content(client.public, "empty.bin")[0], 404))


def push(client):
    files = {"configuration.json": b'{"framework": "pytorch"}', "model.safetensors": client.files["model.safetensors"]}
    folder = write(client.folder / "pushed", files)
    client.step("push_model", lambda: client.api.push_model(client.pushed, str(folder), visibility=1, license="mit"))
    client.step(
        "pushed bytes",
        lambda: equal(client.content(client.pushed, "model.safetensors"), (200, files["model.safetensors"])),
    )

    def by_git():
        made = Repository(str(client.folder / "clone"), clone_from=client.private)
        same(client.folder / "clone", client.files)
        write(client.folder / "clone", {"new.txt": b"by git", "new.safetensors": b"\x00" * 100_000})
        made.push("put by Repository")
        equal(client.content(client.private, "new.txt"), (200, b"by git"))
        equal(client.content(client.private, "new.safetensors"), (200, b"\x00" * 100_000))
        made.tag_and_push("git-tag", "made by git")
        equal(client.content(client.private, "new.txt", "git-tag"), (200, b"by git"))

    client.step("Repository", by_git)


def download(client):
    files = client.files | {"new.txt": b"by git", "new.safetensors": b"\x00" * 100_000}
    client.step("snapshot_download", lambda: same(snapshot_download(client.private), files))
    client.step("snapshot again", lambda: same(snapshot_download(client.private), files))
    target = client.folder / "part"
    client.step(
        "snapshot of a part",
        lambda: same(
            snapshot_download(client.private, local_dir=str(target), allow_patterns=["sub/*"]),
            {"sub/配置 1.json": b"{}"},
        ),
    )
    down = client.folder / "down"
    client.step(
        "download, by command",
        lambda: (client.run("ms", "download", client.private, "--local_dir", down), same(down, files)),
    )

    def one_file():
        path = model_file_download(client.private, "model.safetensors")
        equal(Path(path).read_bytes(), client.files["model.safetensors"])

    client.step("model_file_download", one_file)
    if not IS_CLASSIC:  # which fails in itself when a file is smaller than one part of 160 MiB
        parallel = {"MODELSCOPE_PARALLEL_DOWNLOAD_THRESHOLD_MB": "1", "MODELSCOPE_DOWNLOAD_PARALLELS": "4"}
        parts = client.folder / "parts"
        client.step(
            "download in ranges",
            lambda: (
                client.run("ms", "download", client.private, "model.safetensors", "--local_dir", parts, **parallel),
                equal((parts / "model.safetensors").read_bytes(), client.files["model.safetensors"]),
            ),
        )


def revisions(client):
    api, repo = client.api, client.public
    client.step("tag", lambda: api.create_model_tag(repo, "v1.0"))
    client.step(
        "change after the tag",
        lambda: api.upload_file(path_or_fileobj=b"changed", path_in_repo="notes/a.txt", repo_id=repo),
    )
    client.step("tag again", lambda: refused(lambda: api.create_model_tag(repo, "v1.0"), "exist", "409", "400"))
    client.step(
        "branches and tags",
        lambda: equal(
            [sorted(names) for names in api.get_model_branches_and_tags(repo)], [["feature/x", "master"], ["v1.0"]]
        ),
    )

    def at(revision, wanted):
        path = model_file_download(repo, "notes/a.txt", revision=revision, local_dir=str(client.folder / revision))
        equal(Path(path).read_bytes(), wanted)

    client.step("download a tag", lambda: at("v1.0", b"hello"))
    client.step("download the branch", lambda: at("master", b"changed"))
    client.step("download a new branch", lambda: snapshot_download(repo, revision="feature/x"))
    client.step("a missing revision", lambda: refused(lambda: snapshot_download(repo, revision="v9"), "v9", "404"))
    if IS_CLASSIC:
        client.step("list_model_revisions", lambda: equal(api.list_model_revisions(repo, FAR_SECONDS), ["v1.0"]))
        client.step(
            "file_exists", lambda: equal([api.file_exists(repo, p) for p in ("notes/a.txt", "n")], [True, False])
        )
        client.step("list_repo_commits", lambda: check(api.list_repo_commits(repo, repo_type="model").commits, "none"))
        client.step("set_repo_visibility", lambda: api.set_repo_visibility(repo, "model", "private"))
        client.step("is private now", lambda: equal(client.repo(repo)["Visibility"], 1))
        client.step("repo_info", lambda: equal(api.repo_info(repo).name, repo.partition("/")[2]))


def datasets(client):
    import pandas

    folder, frame = client.folder / "leaves", pandas.DataFrame(ROWS)
    (folder / "data").mkdir(parents=True)
    frame.to_csv(folder / "data/train.csv", index=False)
    frame.to_json(folder / "train.jsonl", orient="records", lines=True, force_ascii=False)
    frame.to_parquet(folder / "data/train.parquet")
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    kind = ["--repo_type", "dataset"]
    more = ["--visibility", "public", "--chinese_name", "茶叶"]
    client.step("create dataset", lambda: client.run("modelscope", "create", client.leaves, *kind, *more))
    client.step(
        "upload dataset", lambda: client.run("modelscope", "upload", client.leaves, folder, "--repo-type", "dataset")
    )
    client.step(
        "dataset_snapshot_download",
        lambda: same(
            dataset_snapshot_download(
                client.leaves, ignore_patterns=["README.md"], local_dir=str(client.folder / "ds")
            ),
            files,
        ),
    )
    for path in files:
        load_each(client, path)
    down = client.folder / "ds-command"
    client.step(
        "download dataset, by command",
        lambda: (
            client.run("modelscope", "download", "--dataset", client.leaves, "--local_dir", down),
            check((down / "train.jsonl").read_bytes() == files["train.jsonl"], "bytes"),
        ),
    )

    def by_git():
        made = DatasetRepository(str(client.folder / "ds-clone"), dataset_id=client.leaves)
        made.clone()
        write(client.folder / "ds-clone", {"more.txt": b"by git"})
        made.push("put by DatasetRepository")
        equal(client.ask(f"/datasets/{client.leaves}/resolve/master/more.txt"), (200, b"by git"))

    client.step("DatasetRepository", by_git)
    own = f"{client.leaves}-own"
    client.step("create private dataset", lambda: client.run("ms", "create", own, *kind, "--visibility", "private"))
    client.step(
        "upload_file to it",
        lambda: client.api.upload_file(
            path_or_fileobj=str(folder / "data/train.csv"),
            path_in_repo="data/train.csv",
            repo_id=own,
            repo_type="dataset",
        ),
    )
    client.step("MsDataset.load, private", lambda: equal([*map(dict, MsDataset.load(own, split="train"))], ROWS))


STREAM = """
import json, sys
from modelscope import MsDataset
repo, path = sys.argv[1:]
print(json.dumps([dict(row) for row in MsDataset.load(repo, data_files=path, split="train", use_streaming=True)]))
"""


def load_each(client, path):
    def rows():
        return [dict(row) for row in MsDataset.load(client.leaves, data_files=path, split="train")]

    def streamed():
        """In a process of its own: a second stream in one process ends in a RecursionError of the older client's."""
        told = client.run("python", "-c", STREAM, client.leaves, path)
        equal(next(json.loads(line) for line in told.splitlines() if line.startswith("[{")), ROWS)

    client.step(f"MsDataset.load {Path(path).suffix}", lambda: equal(rows(), ROWS))
    if client.url.startswith("https:"):  # where a stream comes from is https in both generations
        client.step(f"MsDataset stream {Path(path).suffix}", streamed)


def hide(client):
    other = os.environ["OTHER_TOKEN"]
    path = f"/api/v1/models/{client.private}"
    ends = ("", "/repo/files", "/repo?FilePath=README.md", "/revisions", "/commits")
    client.step(
        "private is 404",
        lambda: equal({client.ask(path + end, token)[0] for end in ends for token in (other, "")}, {404}),
    )
    client.step(
        "hidden from others' clients",
        lambda: (
            check(not HubApi(token=other).repo_exists(client.private), "it is seen")
            if not IS_CLASSIC
            else check(not HubApi().repo_exists(client.private, token=other), "it is seen")
        ),
    )
    missing = ("404", "not exist", "NotExist", "not found")
    client.step(
        "no snapshot for others",
        lambda: refused(
            lambda: snapshot_download(client.private, token=other, cache_dir=str(client.folder / "other")), *missing
        ),
    )
    basic = base64.b64encode(b"oauth2:ms-bad").decode()
    carriers = [
        {"Authorization": "Bearer ms-bad"}, {"Authorization": f"Basic {basic}"},
        {"Cookie": "m_session_id=ms-bad"}, {"Cookie": "modelscope_session=ms-bad"},
    ]  # fmt: skip
    client.step(
        "a bad token is 401",
        lambda: equal([client.ask(f"/api/v1/models/{client.public}", "", **one)[0] for one in carriers], [401] * 4),
    )
    client.step(
        "a bad token's client is told",
        lambda: refused(
            lambda: snapshot_download(client.public, token="ms-bad", cache_dir=str(client.folder / "bad")),
            "401",
            "uth",
            "oken",
        ),
    )


def remove(client):
    client.step("delete_files", lambda: client.api.delete_files(client.private, "model", ["sub/*"]))
    client.step(
        "file is gone", lambda: equal(client.content(client.private, "sub/%E9%85%8D%E7%BD%AE%201.json")[0], 404)
    )
    repos = {client.private: "model", client.public: "model", client.leaves: "dataset"}
    for repo, kind in repos.items():
        title = f"delete {kind} {repo.rpartition('-')[2]}"
        client.step(title, lambda repo=repo, kind=kind: client.api.delete_repo(repo, repo_type=kind))
    client.step("repos are gone", lambda: check(not client.api.repo_exists(client.private), "still there"))


def main(user, prefix, url):
    with tempfile.TemporaryDirectory() as name:
        client = Client(user, prefix, url, Path(name))
        for part in (sign_in, create, upload, push, download, revisions, datasets, hide, remove):
            part(client)
    print(json.dumps({"version": VERSION, "steps": client.steps}))


if __name__ == "__main__":
    main(*sys.argv[1:])
