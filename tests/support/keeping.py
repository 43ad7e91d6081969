"""Content of both kinds in repos, and where it lies."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from support import xet_forge
from support.world import World
from yungu import hub
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.hub import Repo
from yungu.hub.models import repo_blobs
from yungu.kernel import clock
from yungu.storage import xet
from yungu.storage.models import blobs
from yungu.storage.xet.models import xorbs


def silence(_what: str, _done: int, _total: int) -> None:
    """Tells nobody about progress."""


def put_lfs(world: World, repo: Repo, files: Mapping[str, bytes], *, by: Actor, branch: str = "main") -> None:
    """Upload raw content and commit it."""
    changes = [replace(world.upload(repo, data, by=by), path=path) for path, data in files.items()]
    world.apply(repo, hub.CommitPlan(branch=branch, changes=changes, title="large files"), by=by)


def upload_xet(world: World, repo: Repo, datas: Sequence[bytes], *, by: Actor) -> xet_forge.MadeFile:
    """Take in a xorb of these chunks, and a file that is the whole of it, as if a client had sent them."""
    made = xet_forge.xorb(datas)
    send_xorb(world, made, by=by)
    file = xet_forge.file(made)
    checked = xet.check_shard(world.site.db, xet.parse_shard(xet_forge.shard(file)))
    proven = xet.prove_files(world.site.db, world.site.store, checked)
    assert by.id is not None
    with world.site.db.write() as session:
        xet.record_files(session, proven, repo_id=repo.id, user_id=by.id)
        assert file.sha256 is not None
        hub.link_upload(session, repo, file.sha256, by.id)
    return file


def send_xorb(world: World, made: xet_forge.MadeXorb, *, by: Actor) -> None:
    verifier = xet.XorbVerifier()
    assert by.id is not None
    with world.site.store.stage(sha256=False) as staged:
        staged.write(made.body[: verifier.write(made.body)])
        index = verifier.finish(made.hash)
        staged.publish(xet.xorb_key(made.hash))
    with world.site.db.write() as session:
        xet.record_xorb(session, world.site.store, made.hash, index, user_id=by.id)


def put_xet(world: World, repo: Repo, path: str, datas: Sequence[bytes], *, by: Actor) -> xet_forge.MadeFile:
    """Upload Xet content and commit it."""
    file = upload_xet(world, repo, datas, by=by)
    assert file.sha256 is not None
    change = hub.LfsPut(path, file.sha256, len(file.data))
    world.apply(repo, hub.CommitPlan(branch="main", changes=[change], title="a xet file"), by=by)
    return file


def loose_file(site: Site, repo: Repo, oid: str) -> Path:
    return site.git.path(repo.id) / "objects" / oid[:2] / oid[2:]


def grow_old(site: Site, *, days: float = 60) -> None:
    """Let everything on the hub have happened so many days ago."""
    past = clock.now() - timedelta(days=days)
    with site.db.write() as session:
        session.execute(sa.update(blobs).values(touched_at=past))
        session.execute(sa.update(xorbs).values(touched_at=past))
        session.execute(sa.update(repo_blobs).values(added_at=past))
    for root in (site.store.root, site.git.root):
        for path in [*root.rglob("*"), root]:
            os.utime(path, (past.timestamp(), past.timestamp()))


def stored(site: Site) -> set[str]:
    """The names of all bytes in the store."""
    return {key.rpartition("/")[2] for prefix in ("blobs", "xorbs") for key in site.store.iter_keys(prefix)}
