"""Real git and git-lfs at a desk of their own, and a live hub to talk to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.servers import LiveHub
from yungu import hub
from yungu.hub import Kind, Repo, Visibility

CONFIG = """[user]
\tname = Lin
\temail = lin@example.org
[init]
\tdefaultBranch = main
[protocol]
\tversion = 2
[filter "lfs"]
\tclean = git-lfs clean -- %f
\tsmudge = git-lfs smudge -- %f
\tprocess = git-lfs filter-process
\trequired = true
[lfs "transfer"]
\tmaxretries = 1
[advice]
\tdetachedHead = false
"""


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str


class Desk:
    """A folder where somebody works with git, knowing nothing of the machine's own configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "gitconfig"
        self.config.write_text(CONFIG)

    def try_git(self, *arguments: str | Path, cwd: Path | None = None, stdin: bytes = b"", **env: str) -> Said:
        ours = {"HOME": str(self.folder), "GIT_CONFIG_GLOBAL": str(self.config), "GIT_CONFIG_NOSYSTEM": "1"}
        quiet = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "PATH": os.environ["PATH"], "GIT_ASKPASS": "true"}
        command = ["git", *map(str, arguments)]
        done = subprocess.run(command, cwd=cwd or self.folder, input=stdin, capture_output=True, env=ours | quiet | env)
        return Said(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))

    def git(self, *arguments: str | Path, cwd: Path | None = None, stdin: bytes = b"", **env: str) -> str:
        said = self.try_git(*arguments, cwd=cwd, stdin=stdin, **env)
        assert said.status == 0, f"git {arguments} failed:\n{said.out}{said.err}"
        return said.out.strip()

    def clone(self, url: str, name: str, *options: str) -> Clone:
        self.git("clone", "-q", *options, url, name)
        clone = Clone(self, self.folder / name)
        clone.git("lfs", "install", "--local")
        return clone


@dataclass(frozen=True)
class Clone:
    """A working tree."""

    desk: Desk
    path: Path

    def git(self, *arguments: str | Path, stdin: bytes = b"", **env: str) -> str:
        return self.desk.git(*arguments, cwd=self.path, stdin=stdin, **env)

    def try_git(self, *arguments: str | Path, stdin: bytes = b"", **env: str) -> Said:
        return self.desk.try_git(*arguments, cwd=self.path, stdin=stdin, **env)

    def commit(self, files: Mapping[str, bytes], title: str = "change") -> str:
        for name, data in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", title)
        return self.head()

    def head(self, revision: str = "HEAD") -> str:
        return self.git("rev-parse", revision)

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def push_body(self, updates: Sequence[tuple[str, str, str]], capabilities: str = "report-status") -> bytes:
        """What a client would POST: (old oid, new oid, ref) each, and a pack with all that is reachable."""
        lines = [f"{old} {new} {ref}".encode() for old, new, ref in updates]
        lines[0] += b"\0 " + capabilities.encode()
        body = b"".join(b"%04x%b" % (len(line) + 4, line) for line in lines) + b"0000"
        wanted = "".join(f"{new}\n" for _, new, _ in updates).encode()
        env = {"HOME": str(self.desk.folder), "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
        pack = ["git", "pack-objects", "-q", "--revs", "--stdout"]
        return body + subprocess.run(pack, cwd=self.path, input=wanted, capture_output=True, check=True, env=env).stdout


class Place:
    """A repo on a live hub with its owner."""

    def __init__(self, live: LiveHub, kind: Kind, visibility: Visibility) -> None:
        self.live = live
        self.owner = live.user()
        self.token = live.token(self.owner)
        name = f"{self.owner}/{live.fresh_name('tea')}"
        files = {"a.txt": b"hello\n"}
        self.repo: Repo = live.world.repo(
            name, by=live.actor(self.owner), kind=kind, visibility=visibility, files=files
        )

    @property
    def path(self) -> str:
        return f"/{self.repo.kind}s/{self.repo.repo_id}.git"

    def url(self, token: str | None = None, path: str | None = None) -> str:
        """Where git reaches the repo: as its owner, or with ``token`` ("" for nobody)."""
        value = self.token if token is None else token
        who = f"{self.owner}:{value}@" if value else ""
        return f"{self.live.url.replace('://', '://' + who)}{path or self.path}"

    def refs(self) -> dict[str, str]:
        return {ref.name: ref.oid for ref in self.live.world.read_in(hub.list_refs, self.repo)}

    def quarantines(self) -> list[Path]:
        return list(self.live.site.git.path(self.repo.id).glob("incoming/*"))
