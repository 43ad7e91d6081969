"""One push or one pull of a whole repo by the client that is installed here: ``moves.py push hf lin/tea folder``.

Dialects: hf, modelscope, git. The folder's files are pushed as one commit; pulled files lie in the folder. Git asks for
the address too. Any Python."""

import subprocess
import sys
from pathlib import Path

TITLE = "push all of it"


def push_hf(repo, folder, *_):
    from huggingface_hub import HfApi

    HfApi().upload_folder(repo_id=repo, folder_path=folder, commit_message=TITLE)


def pull_hf(repo, folder, *_):
    from huggingface_hub import snapshot_download

    snapshot_download(repo, local_dir=folder)


def push_modelscope(repo, folder, *_):
    from modelscope.hub.api import HubApi

    HubApi().upload_folder(repo_id=repo, folder_path=folder, commit_message=TITLE, max_workers=2)


def pull_modelscope(repo, folder, *_):
    from modelscope import snapshot_download

    snapshot_download(repo, local_dir=folder)


def push_git(repo, folder, address):
    clone = f"{folder}.git-work"
    git("clone", "-q", f"{address}/{repo}.git", clone)
    for path in Path(folder).rglob("*"):
        if path.is_file():
            target = Path(clone) / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    git("-C", clone, "lfs", "track", "--filename", "odd name [1].weird")
    git("-C", clone, "add", "-A")
    git("-C", clone, "commit", "-q", "-m", TITLE)
    git("-C", clone, "push", "-q", "origin", "HEAD")


def pull_git(repo, folder, address):
    git("clone", "-q", f"{address}/models/{repo}.git", folder)


def git(*arguments):
    subprocess.run(["git", *arguments], check=True)


if __name__ == "__main__":
    way, dialect, *rest = sys.argv[1:]
    globals()[f"{way}_{dialect}"](*rest)
