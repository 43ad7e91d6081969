"""Names and paths: what may be one, and why not."""

from __future__ import annotations

import re

from yungu.hub.errors import PathInvalid, RefNameInvalid, RepoNameInvalid

MAX_PATH_BYTES = 4096
MAX_SEGMENT_BYTES = 255
MAX_DEPTH = 100

_REPO_NAME = re.compile(r"^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_OID = re.compile(r"^[0-9a-f]{40}$")
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|\.lock(/|$)|(^|/)\.")
_DOT_GIT = re.compile(r"^(?:\.git|git~1)[ .]*(?:$|:)", re.IGNORECASE)
_UNSEEN = re.compile(r"[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")  # what HFS+ leaves out of names, as git knows


def check_repo_name(name: str) -> None:
    """Raises RepoNameInvalid unless ``name`` is 1 to 96 of ``[A-Za-z0-9._-]``, with no '--' and no '..'."""
    if not _REPO_NAME.fullmatch(name):
        raise RepoNameInvalid(
            name, "it must have 1 to 96 letters, digits, '-', '_' or '.', and not start or end with '-' or '.'"
        )
    if "--" in name or ".." in name:
        raise RepoNameInvalid(name, "'--' and '..' are not allowed")
    if name.casefold().endswith((".git", ".ipynb")):
        raise RepoNameInvalid(name, "it must not end with '.git' or '.ipynb'")


def check_path(path: str) -> None:
    """Raises PathInvalid unless ``path`` can be a file in every git work tree.

    A backslash is an ordinary character to git, and clients on Unix do send it; only a path that *begins* by climbing
    out is refused on its account."""
    if not path:
        raise PathInvalid(path, "it is empty")
    if len(path.encode("utf-8", "surrogatepass")) > MAX_PATH_BYTES:
        raise PathInvalid(path[:40] + "…", f"it is longer than {MAX_PATH_BYTES} bytes")
    if _CONTROL.search(path):
        raise PathInvalid(path, "it holds control characters")
    if path.startswith("..\\"):
        raise PathInvalid(path, "it climbs out of the repo")
    segments = path.split("/")
    if len(segments) > MAX_DEPTH:
        raise PathInvalid(path[:40] + "…", f"it is more than {MAX_DEPTH} folders deep")
    for segment in segments:
        _check_segment(path, segment)


def check_ref_name(name: str) -> None:
    """Raises RefNameInvalid unless git would take the full name (git-check-ref-format)."""
    if not name.startswith("refs/") or len(name.encode()) > 250 or _BAD_REF.search(name) or name.count("/") < 2:
        raise RefNameInvalid(name)


def check_branch(name: str) -> str:
    """The full ref name of a branch, or of a ref given in full. Raises RefNameInvalid."""
    full = name if name.startswith("refs/") else f"refs/heads/{name}"
    if name == "HEAD" or name.startswith("-") or is_oid(name):
        raise RefNameInvalid(name)
    check_ref_name(full)
    return full


def other_name(branch: str) -> str | None:
    """What half of the world calls a default branch that the other half calls ``branch``; None for any other name."""
    return {"main": "master", "master": "main"}.get(branch)


def is_oid(text: str) -> bool:
    return _OID.fullmatch(text) is not None


def ref_candidates(revision: str) -> tuple[str, ...]:
    """The refs that a typed revision may mean, in order of preference: itself, a branch, a tag."""
    if revision.startswith("refs/"):
        return (revision,)
    return (f"refs/heads/{revision}", f"refs/tags/{revision}")


def _check_segment(path: str, segment: str) -> None:
    if segment == "":
        raise PathInvalid(path, "it has an empty segment")
    if segment in {".", ".."}:
        raise PathInvalid(path, "'.' and '..' are not allowed")
    if any(_DOT_GIT.match(part) for part in _UNSEEN.sub("", segment).split("\\")):
        raise PathInvalid(path, "'.git' is not allowed")
    if len(segment.encode("utf-8", "surrogatepass")) > MAX_SEGMENT_BYTES:
        raise PathInvalid(path[:40] + "…", f"a name in it is longer than {MAX_SEGMENT_BYTES} bytes")
