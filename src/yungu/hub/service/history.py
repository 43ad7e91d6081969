"""Taking content out of a repo for good: every commit that held it is written anew without it."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from yungu.accounts.models import Actor
from yungu.hub import queries
from yungu.hub.models import Repo, TreeFile, repo_blobs
from yungu.hub.service.refs import move_ref
from yungu.kernel.db import Session
from yungu.storage.git import Commit, GitObjects, GitStore


def drop_content(session: Session, git: GitStore, repo: Repo, sha256s: Collection[str], actor: Actor) -> None:
    """Remove LFS content from all branches and tags of a repo, rewriting their history, and unbind it from the repo.

    An annotated tag whose commit had to be written anew becomes a plain one."""
    objects = git.open(repo.id)
    unwanted, rewritten = set(sha256s), dict[str, str]()
    for ref in queries.list_refs(session, repo):
        commit = objects.commit(ref.oid).oid
        fresh = _rewrite(objects, commit, unwanted, rewritten)
        if fresh != commit:
            move_ref(session, git, repo, ref.name, expect=ref.oid, to=fresh, actor_id=actor.id)
    bound = (repo_blobs.c.repo_id == repo.id) & repo_blobs.c.sha256.in_(unwanted)
    session.execute(sa.delete(repo_blobs).where(bound))


def _rewrite(objects: GitObjects, head: str, unwanted: set[str], rewritten: dict[str, str]) -> str:
    """The commit that stands for ``head`` afterwards; ``rewritten`` maps old to new and is filled parents first."""
    for commit in _parents_first(objects, head, rewritten):
        parents = [rewritten.get(parent, parent) for parent in commit.parents]
        drops = [file.path for file in queries.list_files(objects, commit.oid) if _holds(file, unwanted)]
        if not drops and parents == list(commit.parents):
            rewritten[commit.oid] = commit.oid
            continue
        tree = objects.edit_tree(commit.tree, {}, drops)
        rewritten[commit.oid] = objects.write_commit(tree, parents, commit.message, commit.author, commit.at)
    return rewritten[head]


def _parents_first(objects: GitObjects, head: str, known: Collection[str]) -> list[Commit]:
    """The history of ``head`` without what is known, each commit after all its parents (dates do not matter)."""
    order: list[Commit] = []
    done, stack = set(known), [(objects.commit(head), False)]
    while stack:
        commit, is_ready = stack.pop()
        if is_ready:
            order.append(commit)
        elif commit.oid not in done:
            done.add(commit.oid)
            stack.append((commit, True))
            stack.extend((objects.commit(parent), False) for parent in commit.parents if parent not in done)
    return order


def _holds(file: TreeFile, unwanted: set[str]) -> bool:
    return file.pointer is not None and file.pointer.sha256 in unwanted
