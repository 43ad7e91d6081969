"""The local store: bytes appear whole under their key, or not at all."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from yungu.storage.backends import ByteStore
from yungu.storage.direct import PAGE_BYTES, aligned_buffer
from yungu.storage.errors import BytesNotFound, KeyInvalid, PartsMissing, StorageFull
from yungu.storage.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "bytes")


def put(store: LocalStore, data: bytes, key: str) -> None:
    with store.stage() as staged:
        staged.write(data)
        staged.publish(key)


def staged_files(store: LocalStore) -> list[str]:
    return [name for name in os.listdir(store.root / "tmp") if name != "parts"]


def test_published_bytes_are_read_back_under_their_key(store: LocalStore) -> None:
    data = os.urandom(3_000_000)
    with store.stage() as staged:
        staged.write(data[:7])
        staged.write(memoryview(data)[7:])
        assert staged.size_bytes == len(data)
        assert staged.sha256 == hashlib.sha256(data).hexdigest()
        key = f"blobs/{staged.sha256[:2]}/{staged.sha256}"
        assert not store.exists(key)
        staged.publish(key)
    assert store.exists(key)
    assert store.size(key) == len(data)
    assert store.path(key).read_bytes() == data
    with store.open(key) as file:
        file.seek(1000)
        assert file.read(10) == data[1000:1010]
    assert staged_files(store) == []


def test_a_local_store_is_a_byte_store(store: LocalStore) -> None:
    byte_store: ByteStore = store
    assert byte_store.path("blobs/x") == store.root / "blobs/x"


def test_leaving_without_publishing_leaves_nothing(store: LocalStore) -> None:
    with pytest.raises(RuntimeError), store.stage() as staged:
        staged.write(b"half")
        raise RuntimeError("the client left")
    assert staged_files(store) == []
    assert list(store.iter_keys()) == []


def test_an_existing_key_wins_and_its_time_is_renewed(store: LocalStore) -> None:
    put(store, b"first", "xorbs/aa/bb/x")
    os.utime(store.path("xorbs/aa/bb/x"), (1000, 1000))
    put(store, b"second", "xorbs/aa/bb/x")
    assert store.path("xorbs/aa/bb/x").read_bytes() == b"first"
    assert store.path("xorbs/aa/bb/x").stat().st_mtime > 1000
    assert staged_files(store) == []


@pytest.mark.parametrize("steps", [[8, 8, 1.5], [8, 0.3, 8], [0.1, 8], [8]], ids=str)
def test_bytes_written_and_read_past_the_cache_are_the_same_bytes(store: LocalStore, steps: list[float]) -> None:
    """``steps``: lengths of blocks in pages; whole pages can go past the cache, the rest cannot."""
    blocks = [os.urandom(int(pages * PAGE_BYTES)) for pages in steps]
    buffer = aligned_buffer(8 * PAGE_BYTES)
    with store.stage(cached=False) as staged:
        for block in blocks:
            buffer[: len(block)] = block
            staged.write(buffer[: len(block)])
        staged.publish("xorbs/some")
    found = b""
    with store.open("xorbs/some", cached=False) as file:
        while count := file.readinto(buffer):  # type: ignore[attr-defined]
            found += buffer[:count]
    assert found == b"".join(blocks)


def test_bytes_staged_without_sha256_have_none(store: LocalStore) -> None:
    with store.stage(sha256=False) as staged:
        staged.write(b"x")
        with pytest.raises(ValueError, match="without sha256"):
            _ = staged.sha256
        staged.publish("plain/x")
    assert store.size("plain/x") == 1


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "..",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        ".git/x",
        "tmp/x",
        "tmp",
        "a/.b",
        "a\\b",
        "a\n",
        "a\x00",
    ],
)
def test_an_unsafe_key_is_refused_everywhere(store: LocalStore, key: str) -> None:
    with pytest.raises(KeyInvalid):
        store.path(key)
    with store.stage() as staged, pytest.raises(KeyInvalid):
        staged.publish(key)


def test_a_missing_key_is_told(store: LocalStore) -> None:
    assert not store.exists("blobs/none")
    with pytest.raises(BytesNotFound):
        store.size("blobs/none")
    with pytest.raises(BytesNotFound):
        store.open("blobs/none")
    store.delete("blobs/none")


def test_a_deleted_key_is_gone_but_open_readers_keep_their_bytes(store: LocalStore) -> None:
    put(store, b"bytes", "blobs/x")
    with store.open("blobs/x") as reader:
        store.delete("blobs/x")
        assert not store.exists("blobs/x")
        assert reader.read() == b"bytes"


def test_keys_are_listed_in_order_below_a_folder(store: LocalStore) -> None:
    for key in ("blobs/bb/2", "blobs/aa/1", "xorbs/cc/3"):
        put(store, b"x", key)
    with store.stage() as unfinished:
        unfinished.write(b"x")
        assert list(store.iter_keys()) == ["blobs/aa/1", "blobs/bb/2", "xorbs/cc/3"]
        assert list(store.iter_keys("blobs")) == ["blobs/aa/1", "blobs/bb/2"]
        assert list(store.iter_keys("none")) == []


def test_a_sweep_drops_only_what_nobody_touched_for_long(store: LocalStore) -> None:
    put(store, b"kept", "blobs/x")
    old, fresh = store.stage(), store.stage()
    store.parts.put_part("old-upload", 1, store.stage())
    store.parts.put_part("fresh-upload", 1, store.stage())
    os.utime(old.path, (1000, 1000))
    os.utime(store.root / "tmp/parts/old-upload", (1000, 1000))
    assert store.sweep_staging(3600) == 2
    assert staged_files(store) == [fresh.path.name]
    assert store.parts.list_parts("old-upload") == []
    assert len(store.parts.list_parts("fresh-upload")) == 1
    assert store.exists("blobs/x")
    fresh.discard()
    old.discard()


def test_free_bytes_are_those_of_the_disk(store: LocalStore) -> None:
    assert 0 < store.free_bytes() <= os.statvfs(store.root).f_blocks * os.statvfs(store.root).f_frsize


def put_part(store: LocalStore, upload_id: str, number: int, data: bytes) -> None:
    with store.stage(sha256=False) as staged:
        staged.write(data)
        store.parts.put_part(upload_id, number, staged)


def test_parts_in_any_order_are_put_together_in_the_order_named(store: LocalStore) -> None:
    first, second = os.urandom(1_500_000), os.urandom(10)
    put_part(store, "up1", 2, second)
    put_part(store, "up1", 1, b"a broken first try")
    put_part(store, "up1", 1, first)
    assert [(part.number, part.size_bytes) for part in store.parts.list_parts("up1")] == [(1, 1_500_000), (2, 10)]
    with store.parts.assemble("up1", [1, 2]) as staged:
        assert staged.sha256 == hashlib.sha256(first + second).hexdigest()
        staged.publish("blobs/whole")
    store.parts.discard_upload("up1")
    store.parts.discard_upload("up1")
    assert store.path("blobs/whole").read_bytes() == first + second
    assert store.parts.list_parts("up1") == []


def test_parts_survive_a_restart(store: LocalStore) -> None:
    put_part(store, "up1", 1, b"one")
    again = LocalStore(store.root)
    assert [part.number for part in again.parts.list_parts("up1")] == [1]


def test_an_upload_with_a_missing_part_is_not_put_together(store: LocalStore) -> None:
    put_part(store, "up1", 1, b"one")
    with pytest.raises(PartsMissing, match=r"\[2, 3\]"):
        store.parts.assemble("up1", [1, 3, 2])
    with pytest.raises(PartsMissing):
        store.parts.assemble("up1", [])
    assert staged_files(store) == []


@pytest.mark.parametrize("upload_id", ["", "..", "a/b", ".x", "a\n"])
def test_an_unsafe_upload_id_is_refused(store: LocalStore, upload_id: str) -> None:
    with pytest.raises(KeyInvalid):
        store.parts.list_parts(upload_id)


@pytest.mark.parametrize("cached", [True, False])
def test_a_full_disk_is_told_and_nothing_is_left_behind(tmp_path: Path, cached: bool) -> None:
    """The kernel's own limit on a file's size stands in for a disk that fills up in the middle of a write."""
    script = textwrap.dedent("""
        import os, resource, sys
        from pathlib import Path
        from yungu.storage.direct import aligned_buffer
        from yungu.storage.errors import StorageFull
        from yungu.storage.local import LocalStore
        store = LocalStore(Path(sys.argv[1]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
        with store.stage(cached=sys.argv[2] == "True") as staged:
            staged.write(aligned_buffer(1 << 21))
            try:
                staged.write(aligned_buffer(1 << 21))
            except StorageFull as error:
                print(os.listdir(store.root / "tmp"), error.message)
    """)
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path, str(cached)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("[] The store has no room")
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_really_full_disk_is_told_and_is_free_again_afterwards(small_disk: Path) -> None:
    store = LocalStore(small_disk)
    put(store, bytes(500_000), "blobs/kept")
    free = store.free_bytes()
    with pytest.raises(StorageFull), store.stage() as staged:
        while True:
            staged.write(bytes(300_000))
    assert store.free_bytes() == free
    assert list(store.iter_keys()) == ["blobs/kept"]
