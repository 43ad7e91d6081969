"""git and git-lfs beside nginx with git-http-backend: push and clone, of many commits and of large files."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy

from harness import (
    OWNER,
    Cost,
    Figure,
    Hub,
    WallOnly,
    median,
    median_ratio,
    progress,
    running_hub,
    save,
    start,
    workplace,
)
from nginx import Nginx, running_nginx

_FILES = 500
_LFS_FILES = 4
_CGI = """\
location /git/ {{
  fastcgi_pass unix:{socket};
  fastcgi_request_buffering off;
  fastcgi_buffering off;
  fastcgi_read_timeout 600;
  fastcgi_param SCRIPT_FILENAME {backend};
  fastcgi_param GIT_PROJECT_ROOT {repos};
  fastcgi_param GIT_HTTP_EXPORT_ALL "";
  fastcgi_param GIT_PROTOCOL $http_git_protocol;
  fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
  {request}
}}
location ~ ^/git/.*/info/lfs/objects/batch$ {{
  fastcgi_pass unix:{socket};
  fastcgi_param SCRIPT_FILENAME {batch};
  fastcgi_param LFS_STORED {stored};
  fastcgi_param LFS_URL http://$http_host;
  {request}
}}
"""
_PATH_INFO = 'set $git_path ""; if ($uri ~ ^/git(/.*)$) { set $git_path $1; }\n'
_REQUEST = """\
fastcgi_param PATH_INFO $git_path;
  fastcgi_param REMOTE_USER bench;
  fastcgi_param REMOTE_ADDR $remote_addr;
  fastcgi_param REQUEST_METHOD $request_method;
  fastcgi_param QUERY_STRING $query_string;
  fastcgi_param CONTENT_TYPE $content_type;
  fastcgi_param CONTENT_LENGTH $content_length;"""
_NOTE = """\
`git push` of a whole history into a new repo, and `git clone` with its checkout; wall is git's own. Beside it stand
nginx, fcgiwrap and `git http-backend`, with an LFS batch answer that only names nginx addresses: nothing is
authenticated there, no content is checked and nothing is made durable, while the hub checks each of the pushed objects,
their paths and the sha256 of all content, and records the push in one transaction. With `receive.fsckObjects` the peer
looks at each object too, as careful hosts have it, but not at paths, sizes and pointers. The CPU of CGI programs cannot
be read from outside. Before each command the disk has taken what is still to be written, and before the clones of a
round the peer's is cloned once more, untimed: whoever comes first pays for memory that a virtual machine has given back
to its host, 2 to 4 seconds for 1 GB of content. The result is its time over ours, the median of the rounds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=2000)
    parser.add_argument("--lfs-mb", type=int, default=200, help="LFS content, in 10^6 bytes")
    parser.add_argument("--full", action="store_true", help="10,000 commits and 1 GB of LFS content")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    commits, lfs_mb = (10_000, 1000) if options.full else (options.commits, options.lfs_mb)
    with workplace(options.work) as work, running_hub(work) as hub, backend(work) as peer:
        bench = Bench(hub, peer, work)
        history = _history(bench, commits)
        figures = [
            *bench.figures(f"{commits:,} commits", [history] * options.rounds, with_careful=True),
            *bench.figures(f"{lfs_mb} MB of LFS", (_large(bench, lfs_mb * 10**6, n) for n in range(options.rounds))),
        ]
    save("git_traffic", "git and git-lfs", figures, _NOTE)


@dataclass(slots=True)
class Backend:
    """nginx, fcgiwrap and a folder of bare repos."""

    nginx: Nginx
    fcgiwrap: subprocess.Popen[bytes]
    repos: Path


@contextmanager
def backend(work: Path) -> Iterator[Backend]:
    program = shutil.which("fcgiwrap", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise SystemExit("fcgiwrap is missing; its Debian package has the same name")
    repos, socket = work / "bare", work / "fcgi.sock"
    repos.mkdir()
    wrap = start([program, "-c", "4", "-f", "-s", f"unix:{socket}"], work / "fcgiwrap.log", process_group=0)
    git = subprocess.run(["git", "--exec-path"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    more = _CGI.format(
        socket=socket,
        backend=f"{git}/git-http-backend",
        repos=repos,
        batch=Path(__file__).with_name("lfs_batch.cgi"),
        stored=work / "nginx" / "put",
        request=_REQUEST,
    )
    try:
        with running_nginx(
            work, work, 'set $git_path ""; if ($uri ~ ^/git(/.*)$) { set $git_path $1; }\n' + more
        ) as nginx:
            yield Backend(nginx, wrap, repos)
    finally:
        os.killpg(wrap.pid, signal.SIGTERM)  # its children would outlive it
        wrap.wait()


@dataclass(slots=True)
class Rounds:
    ours: list[Cost] = field(default_factory=list)
    theirs: list[Cost] = field(default_factory=list)

    def figure(self, what: str, beside: str = "nginx + `git http-backend`") -> Figure:
        theirs = WallOnly(median(self.theirs).wall_seconds)
        return Figure(
            what, median(self.ours), beside, theirs, median_ratio(self.ours, self.theirs), "of its speed", 1.0
        )


class Bench:
    """Pushes and clones local repos to and from both servers, in turns."""

    def __init__(self, hub: Hub, peer: Backend, work: Path) -> None:
        self.hub = hub
        self.peer = peer
        self.work = work
        self._count = 0
        home = work / "githome"
        home.mkdir()
        self._environ = os.environ | {"HOME": str(home), "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1"}
        self.git("config", "--global", "user.name", "Lin")
        self.git("config", "--global", "user.email", "lin@example.org")
        self.git("config", "--global", "init.defaultBranch", "main")
        self.git("lfs", "install", "--skip-repo")

    def git(self, *arguments: str | Path, cwd: Path | None = None, **options: object) -> None:
        log = (self.work / "git.log").open("ab")
        with log:
            done = subprocess.run(["git", *arguments], cwd=cwd, env=self._environ, stdout=log, stderr=log, **options)
        if done.returncode:
            raise RuntimeError(f"git {arguments} failed:\n{(self.work / 'git.log').read_text()[-2000:]}")

    def figures(self, what: str, repos: Iterator[Path] | list[Path], *, with_careful: bool = False) -> list[Figure]:
        """``with_careful``: push also to a peer that looks at each object, as careful hosts have it."""
        pushes, clones, careful = Rounds(), Rounds(), Rounds()
        for repo in repos:
            ours, theirs = self._new_remotes()
            pushes.ours.append(self._timed("push", "-q", "--force", ours, "main", cwd=repo))
            pushes.theirs.append(self._timed("push", "-q", "--force", theirs, "main", cwd=repo))
            if with_careful:
                careful.ours.append(pushes.ours[-1])
                careful.theirs.append(self._timed("push", "-q", self._careful_remote(), "main", cwd=repo))
            self._clone(theirs, repo)  # the first to fill so much memory pays the machine for it
            clones.ours.append(self._clone(ours.replace(f"{OWNER}:{self.hub.token}@", ""), repo))
            clones.theirs.append(self._clone(theirs, repo))
            progress(f"{what}: push {pushes.ours[-1]} {pushes.theirs[-1]}")
            progress(f"{what}: clone {clones.ours[-1]} {clones.theirs[-1]}")
        figures = [pushes.figure(f"push of {what}"), clones.figure(f"clone of {what}")]
        if with_careful:
            peer = "nginx + `git http-backend` with `receive.fsckObjects`"
            figures.insert(1, careful.figure(f"push of {what}, beside a careful peer", peer))
        return figures

    def _new_remotes(self) -> tuple[str, str]:
        self._count += 1
        name = f"repo-{self._count}"
        self.hub.connect().create_repo(name)
        at = self.hub.url.removeprefix("http://")
        return f"http://{OWNER}:{self.hub.token}@{at}/{OWNER}/{name}.git", self._peer_remote(name)

    def _careful_remote(self) -> str:
        name = f"careful-{self._count}"
        url = self._peer_remote(name)
        self.git("config", "receive.fsckObjects", "true", cwd=self.peer.repos / f"{name}.git")
        return url

    def _peer_remote(self, name: str) -> str:
        bare = self.peer.repos / f"{name}.git"
        self.git("init", "-q", "--bare", bare)
        self.git("config", "http.receivepack", "true", cwd=bare)
        return f"{self.peer.nginx.url}/git/{name}.git"

    def _clone(self, url: str, source: Path) -> Cost:
        target = self.work / "cloned"
        cost = self._timed("clone", "-q", url, target)
        for path in source.glob("*.bin"):
            if (target / path.name).stat().st_size != path.stat().st_size:
                raise RuntimeError(f"{path.name} was not cloned whole from {url}")
        shutil.rmtree(target)
        return cost

    def _timed(self, *arguments: str | Path, cwd: Path | None = None) -> Cost:
        """CPU: the hub's, also when it has nothing to do with the command. What is still to be written is first."""
        os.sync()
        with self.hub.meter() as meter:
            self.git(*arguments, cwd=cwd)
        return meter.cost


def _history(bench: Bench, commits: int) -> Path:
    """A repo of so many commits, each of which changes one of five hundred files in twenty folders."""
    repo = bench.work / "history"
    bench.git("init", "-q", repo)
    stream = "".join(_commit(number) for number in range(commits))
    bench.git("fast-import", "--quiet", cwd=repo, input=stream.encode())
    bench.git("repack", "-adq", cwd=repo)
    return repo


def _commit(number: int) -> str:
    file = number % _FILES
    text = "".join(f"line {line} of commit {number if line == number % 40 else file}\n" for line in range(40))
    return (
        f"commit refs/heads/main\ncommitter Lin <lin@example.org> {1_700_000_000 + number} +0800\n"
        f"data <<.\nCommit {number}\n.\nM 100644 inline folder-{file % 20}/file-{file}.txt\ndata {len(text)}\n{text}\n"
    )


def _large(bench: Bench, size_bytes: int, number: int) -> Path:
    """A repo of one commit with random LFS files of ``size_bytes`` in all."""
    repo = bench.work / f"large-{number}"
    bench.git("init", "-q", repo)
    bench.git("lfs", "track", "*.bin", cwd=repo)
    random = numpy.random.default_rng(number)
    for file in range(_LFS_FILES):
        (repo / f"weights-{file}.bin").write_bytes(random.bytes(size_bytes // _LFS_FILES))
    bench.git("add", "-A", cwd=repo)
    bench.git("commit", "-qm", "Add weights", cwd=repo)
    return repo


if __name__ == "__main__":
    main()
