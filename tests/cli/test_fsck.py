"""fsck finds what is wrong, names it, and finds nothing else."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
import sqlalchemy as sa

from support import xet_forge
from support.keeping import loose_file, put_lfs, put_xet, silence
from support.servers import LiveHub
from support.world import World
from yungu.accounts import Actor
from yungu.api.http import Site
from yungu.app import fsck
from yungu.hub import Repo
from yungu.hub.models import refs, repos
from yungu.storage import content, xet
from yungu.storage.models import blobs
from yungu.storage.xet.models import xet_dedup, xet_edges


def damage(site: Site, *, fast: bool = False) -> list[str]:
    return [f"{found.subject}: {found.problem}" for found in fsck.check(site, fast=fast, tell=silence).damage]


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.fixture
def repo(world: World, lin: Actor) -> Repo:
    """A repo with ordinary files, LFS content and Xet content, on two branches."""
    repo = world.repo("lin/tea", by=lin)
    world.commit(repo, {"a.txt": b"hello", "deep/er/b.txt": b"there"}, by=lin)
    put_lfs(world, repo, {"raw.bin": b"raw content" * 1000}, by=lin)
    put_xet(world, repo, "xet.bin", [random.Random(1).randbytes(20_000), b"tea" * 9000], by=lin)
    world.commit(repo, {"c.txt": b"on a branch"}, by=lin, branch="other", create_branch=True)
    return repo


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


RAW = sha256_of(b"raw content" * 1000)


def test_a_hub_in_order_has_nothing_to_report(site: Site, repo: Repo) -> None:
    report = fsck.check(site, tell=silence)
    assert report.findings == []
    assert report.counts == {"blobs": 2, "xorbs": 1, "xet files": 1, "repos": 1}


def test_one_flipped_bit_in_a_raw_file_is_found(site: Site, repo: Repo) -> None:
    flip_a_byte(site.store.path(content.raw_key(RAW)))
    assert damage(site, fast=True) == []
    (found,) = damage(site)
    assert found.startswith(f"blob {RAW}") and "other bytes" in found


def test_a_truncated_raw_file_is_found_without_reading_it(site: Site, repo: Repo) -> None:
    path = site.store.path(content.raw_key(RAW))
    path.write_bytes(path.read_bytes()[:-1])
    (found,) = damage(site, fast=True)
    assert "has 10999 bytes instead of 11000" in found


def test_a_missing_raw_file_is_found(site: Site, repo: Repo) -> None:
    site.store.path(content.raw_key(RAW)).unlink()
    (found,) = damage(site, fast=True)
    assert RAW in found and "cannot be read" in found


def test_one_flipped_bit_in_a_xorb_is_found_there_and_in_its_file(site: Site, repo: Repo) -> None:
    (key,) = site.store.iter_keys("xorbs")
    flip_a_byte(site.store.path(key))
    assert {found.split()[0] for found in damage(site)} == {"xorb", "xet"}


def test_a_missing_xorb_is_found_without_reading(site: Site, repo: Repo) -> None:
    (key,) = site.store.iter_keys("xorbs")
    site.store.delete(key)
    assert [found.split()[0] for found in damage(site, fast=True)] == ["xorb"]


def test_a_xet_file_whose_terms_give_other_bytes_is_found(site: Site, world: World, lin: Actor) -> None:
    repo = world.repo("lin/tea", by=lin)
    put_xet(world, repo, "x.bin", [b"a" * 9000, b"b" * 9000], by=lin)
    with site.db.write() as session:
        table = xet.models.xet_files
        (hash_, terms) = session.execute(sa.select(table.c.hash, table.c.terms)).one()
        (term,) = xet.decode_terms(terms)
        swapped = [xet.Term(term.xorb_hash, 1, 2, 9000), xet.Term(term.xorb_hash, 0, 1, 9000)]
        session.execute(sa.update(table).values(terms=xet.encode_terms(swapped)))
    (found,) = damage(site)
    assert hash_ in found and "sha256" in found


def test_an_edge_that_would_let_a_sweep_take_a_xorb_in_use_is_found(site: Site, repo: Repo) -> None:
    with site.db.write() as session:
        session.execute(sa.delete(xet_edges))
    assert ["different xorbs" in found for found in damage(site, fast=True)] == [True]


def test_an_advertised_chunk_that_is_another_one_is_found(site: Site, repo: Repo) -> None:
    with site.db.write() as session:
        session.execute(sa.update(xet_dedup).values(chunk=1))
    assert ["advertised" in found for found in damage(site, fast=True)] == [True]


def test_content_without_any_backing_is_found(site: Site, repo: Repo) -> None:
    with site.db.write() as session:
        session.execute(sa.update(blobs).where(blobs.c.sha256 == RAW).values(has_raw=False))
    assert any("neither a raw file nor a Xet file" in found for found in damage(site, fast=True))


def test_a_pointer_to_content_that_is_not_here_is_found(site: Site, repo: Repo) -> None:
    with site.db.write() as session:
        content.forget_blobs(session, [RAW])
    found = damage(site, fast=True)
    assert any(line.startswith("model lin/tea") and RAW in line for line in found)
    assert any(line.startswith(f"blob {RAW}") and "relies on it" in line for line in found)


def test_a_pointer_that_only_an_old_commit_of_a_branch_holds_is_found_too(
    site: Site, world: World, repo: Repo, lin: Actor
) -> None:
    world.commit(repo, {"raw.bin": None}, by=lin)
    world.apply(repo, world_squash(repo), by=lin)
    with site.db.write() as session:
        content.forget_blobs(session, [RAW])
    assert any(line.startswith("model lin/tea") and RAW in line for line in damage(site, fast=True))


def world_squash(repo: Repo):  # type: ignore[no-untyped-def]
    from yungu import hub

    return hub.CommitPlan(branch="main", changes=[hub.Drop("a.txt")], title="one less")


def test_a_dangling_ref_is_found_by_name(site: Site, repo: Repo) -> None:
    with site.db.write() as session:
        other = (refs.c.repo_id == repo.id) & (refs.c.name == "refs/heads/other")
        session.execute(sa.update(refs).where(other).values(oid="1" * 40))
    (found,) = damage(site, fast=True)
    assert "object " + "1" * 40 + " is missing, where refs/heads/other points" in found


def test_a_missing_file_in_the_middle_of_a_history_is_found(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    oid = world.objects(repo).write_blob(b"hello")
    world.commit(repo, {"a.txt": b"something else"}, by=lin)
    loose_file(site, repo, oid).unlink()
    assert any(oid in found and "missing" in found for found in damage(site, fast=True))


def test_a_missing_commit_in_the_middle_of_a_history_is_found(site: Site, world: World, repo: Repo, lin: Actor) -> None:
    middle = world.resolve(repo)
    world.commit(repo, {"z.txt": b"later"}, by=lin)
    loose_file(site, repo, middle).unlink()
    assert any("history cannot be followed" in found for found in damage(site, fast=True))


def test_a_git_object_with_other_bytes_is_found(site: Site, world: World, repo: Repo) -> None:
    import zlib

    oid = world.objects(repo).write_blob(b"hello")
    path = loose_file(site, repo, oid)
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 5\0jello"))
    site.git.forget(repo.id)
    assert any(oid in found for found in damage(site))


def test_a_repo_without_its_git_directory_is_found(site: Site, repo: Repo) -> None:
    site.git.delete(repo.id)
    (found,) = damage(site, fast=True)
    assert "git directory" in found and "gone" in found


def test_a_head_beside_its_branch_is_found(site: Site, world: World, repo: Repo) -> None:
    with site.db.write() as session:
        session.execute(sa.update(repos).values(head=world.resolve(repo, "other")))
    (found,) = damage(site, fast=True)
    assert "head" in found


def test_bytes_and_directories_that_nobody_knows_are_told_but_are_no_damage(site: Site, repo: Repo) -> None:
    with site.store.stage() as staged:
        staged.write(b"nobody's")
        staged.publish(content.raw_key(staged.sha256))
    site.git.open(999)
    made = xet_forge.xorb([b"x" * 9000])
    with site.store.stage(sha256=False) as staged:
        staged.write(made.body)
        staged.publish(xet.xorb_key(made.hash))
    findings = fsck.check(site, tell=silence).findings
    assert [finding.is_damage for finding in findings] == [False] * 3


def test_a_broken_database_file_is_reported_as_such(site: Site, repo: Repo, tmp_path: Path) -> None:
    if not site.db.is_sqlite:
        pytest.skip("PostgreSQL checks its own pages")
    with site.db.write() as session:
        session.exec_driver_sql("PRAGMA foreign_keys")
    with site.db.engine.connect() as session:
        session.exec_driver_sql("ROLLBACK")
        session.exec_driver_sql("PRAGMA foreign_keys=OFF")
        session.exec_driver_sql("DELETE FROM owners")
        session.exec_driver_sql("BEGIN")
    assert all(found.startswith("database:") for found in damage(site)) and damage(site)


def test_a_live_hub_after_all_other_tests_of_this_process_is_in_order(live: LiveHub) -> None:
    assert damage(live.site) == []
