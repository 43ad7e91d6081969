"""Hostile files and queries: each is refused or cut clearly, by a real process that can do nothing else."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tables.conftest import Desk
from yungu.tables import QueryInvalid, QueryRefused, TableUnreadable, TooLong, TooMuchMemory, locked

SECRET = "the-secret-of-the-server"


@pytest.fixture
def tea(desk: Desk) -> Path:
    return desk.parquet("SELECT range AS i, 'leaf' AS name FROM range(1000)")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/proc/self/environ')",
        "SELECT * FROM read_blob('/proc/self/mem')",
        "SELECT * FROM glob('/**')",
        "SELECT * FROM read_parquet('given://1.parquet')",
        "SELECT * FROM read_csv('http://127.0.0.1:1/')",
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
        "SELECT * FROM data UNION ALL SELECT 1, content FROM read_text('/etc/hostname')",
        "ATTACH '/tmp/x.db' AS x",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "COPY data TO 'given://0.parquet'",
        "EXPORT DATABASE '/tmp/x'",
        "IMPORT DATABASE '/tmp/x'",
        "PRAGMA database_list",
        "SET memory_limit = '100GB'",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE x AS SELECT 1",
        "CREATE SECRET (TYPE s3)",
        "INSERT INTO data VALUES (1)",
        "DROP VIEW data",
        "CALL pragma_version()",
        "CHECKPOINT",
        "SELECT 1; DROP VIEW data",
        "PREPARE x AS SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "-- nothing",
    ],
)
def test_a_query_reaches_nothing_but_the_data(desk: Desk, tea: Path, sql: str) -> None:
    with pytest.raises(QueryRefused):
        desk.query(sql, tea)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nope FROM data", "nope"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, ""),
        ("SELECT '" + "x" * 20_000 + "'", "longer than"),
        ("SELECT * FROM query('DROP VIEW data')", "SELECT"),
        ("SELECT getenv('HOME')", "getenv"),
        ("SELECT * FROM desk", "desk"),
    ],
)
def test_a_query_that_makes_no_sense_is_explained(desk: Desk, tea: Path, sql: str, reason: str) -> None:
    with pytest.raises(QueryInvalid) as told:
        desk.query(sql, tea)

    assert reason in told.value.reason
    assert "/" + "src" not in told.value.reason and "Traceback" not in told.value.reason


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list(range) FROM range(1000000000)",
        "SELECT repeat('x', 4000000000)",
        "SELECT string_agg(name || i, ',') FROM data, range(10000000)",
        "SELECT * FROM range(100000000) AS a(x) ORDER BY hash(x)",
        "SELECT DISTINCT hash(x) FROM range(1000000000) AS a(x)",
    ],
)
def test_a_query_that_eats_memory_is_stopped(desk: Desk, tea: Path, sql: str) -> None:
    with pytest.raises(TooMuchMemory):
        desk.query(sql, tea)


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT count(*) FROM t",
        "SELECT sum(hash(a.i + b.i + c.i)) FROM data a, data b, data c, data d",
    ],
)
def test_a_query_without_end_is_stopped(make_desk: Callable[..., Desk], sql: str) -> None:
    desk = make_desk(seconds=2)
    tea = desk.parquet("SELECT range AS i FROM range(1000)")

    with pytest.raises(TooLong):
        desk.query(sql, tea)


def test_an_endless_answer_is_cut(desk: Desk, tea: Path) -> None:
    result = desk.query("SELECT a.i, repeat('x', 100000) AS x FROM data a, data b, data c", tea)

    assert len(result.rows.rows) == 100 and result.rows.has_more
    assert len(result.rows.rows[0][1]) == result.rows.cut_at + 1


def test_a_process_knows_nothing_of_the_server(desk: Desk, tea: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNGU_SECRET", SECRET)
    opened = []
    with desk.engine.open(desk.table(tea).files) as reading:
        [child] = [pid for pid in _children() if "locked.py" in _words(pid)]
        reading.run("SELECT 1")
        status = Path(f"/proc/{child}/status").read_text()
        opened = sorted(os.readlink(path) for path in Path(f"/proc/{child}/fd").iterdir())
        environ = Path(f"/proc/{child}/environ").read_bytes()
        limits = Path(f"/proc/{child}/limits").read_text()

    assert SECRET.encode() not in environ
    assert {place for place in opened if place.startswith("/")} <= {"/dev/null", str(tea)}
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
    assert next(line for line in limits.splitlines() if "Max open files" in line).split()[3:5] == ["0", "0"]
    assert not Path(f"/proc/{child}").exists()


_TRIES = """
import importlib.util, os, socket, sys, threading
spec = importlib.util.spec_from_file_location("locked", sys.argv[1])
locked = importlib.util.module_from_spec(spec)
spec.loader.exec_module(locked)
locked.confinement.control(38, 1)
locked.lock(256 << 20, 10)
def tried(what):
    try:
        what()
    except (OSError, RuntimeError, ValueError):
        return
    print("possible:", what.__name__)
def opens(): os.open("/etc/passwd", os.O_RDONLY)
def reads_folder(): os.listdir("/")
def connects(): socket.socket()
def makes_pipe(): os.pipe()
def forks(): os.fork()
def executes(): os.execv("/bin/true", ["true"])
def kills(): os.kill(os.getppid(), 0)
def unlinks(): os.unlink("/tmp/nothing")
def looks(): os.stat("/etc/passwd")
def starts_thread(): threading.Thread(target=print).start()
def raises_limit():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10))
tries = opens, reads_folder, connects, makes_pipe, forks, executes, kills, unlinks, looks, starts_thread, raises_limit
for what in tries:
    tried(what)
print("done", flush=True)
os._exit(0)
"""


def test_the_kernel_refuses_what_duckdb_might_forget(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-I", "-c", _TRIES, locked.__file__], capture_output=True, text=True)

    assert done.stdout == "done\n", done.stderr


def test_a_line_of_a_gigabyte_is_refused(desk: Desk) -> None:
    for name, start, size_bytes in (("a.jsonl", b'{"a": "', 1 << 30), ("a.csv", b'a,b\n1,"', 100 << 20)):
        path = desk.write(name, start)
        os.truncate(path, size_bytes)
        with pytest.raises((TableUnreadable, TooLong, TooMuchMemory)):
            desk.rows(path)


def test_a_hundred_thousand_columns_are_cut_or_refused(desk: Desk) -> None:
    names = ",".join(f"c{n}" for n in range(100_000))
    with pytest.raises((TableUnreadable, TooMuchMemory, TooLong)):
        desk.rows(desk.write("a.csv", f"{names}\n{names}\n".encode()))

    rows = desk.rows(desk.parquet("SELECT " + ", ".join(f"{n} AS c{n}" for n in range(1000))))
    assert len(rows.columns) == 200 and rows.has_more_columns


def test_packed_bombs_are_stopped(desk: Desk) -> None:
    zeros = gzip.compress(b"a\n" + b"0" * (60 << 20), 1)
    with pytest.raises((TableUnreadable, TooMuchMemory, TooLong)):
        desk.rows(desk.write("a.csv.gz", zeros))

    lines = gzip.compress(b'{"a": 1}\n' * (1 << 20), 1)
    assert len(desk.rows(desk.write("a.jsonl.gz", lines)).rows) == 100


def test_a_small_parquet_file_of_gigabytes_is_cut(desk: Desk) -> None:
    bomb = desk.parquet("SELECT repeat('x', 1000000) AS a FROM range(2000)")
    assert bomb.stat().st_size < 1 << 20

    assert len(desk.rows(bomb, count=20).rows[0][0]) <= 2001
    with pytest.raises(TooMuchMemory):
        desk.query("SELECT list(a) FROM data", bomb)


def test_parquet_that_lies_is_refused(desk: Desk, tea: Path) -> None:
    good = tea.read_bytes()
    lies = [good[:-20], b"PAR1" + bytes(5000) + b"PAR1", good[:-8] + b"\xff\xff\xff\x7fPAR1", b"PAR1PAR1", b""]
    for number, data in enumerate(lies):
        with pytest.raises(TableUnreadable):
            desk.rows(desk.write(f"lie-{number}.parquet", data))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
def test_damaged_parquet_never_ends_in_a_crash_that_is_not_told(desk: Desk, tea: Path, share: float) -> None:
    damaged = bytearray(tea.read_bytes())
    at = int(len(damaged) * share)
    damaged[at : at + 4] = b"\xff\xff\xff\x7f"

    try:
        rows = desk.rows(desk.write("damaged.parquet", bytes(damaged)))
    except (TableUnreadable, TooMuchMemory):
        return
    assert len(rows.rows) <= 100


@pytest.mark.parametrize(
    "text",
    [
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        "[" * 100_000,
        '{"a": 1e999999}',
        '{"\\u0000": "\\ud800"}',
        "\0" * 1000,
        "{",
    ],
)
def test_strange_json_is_read_or_refused(desk: Desk, text: str) -> None:
    try:
        rows = desk.rows(desk.write("a.jsonl", text.encode()))
    except (TableUnreadable, TooMuchMemory):
        return
    assert len(rows.rows) <= 1


def _children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def _words(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()
