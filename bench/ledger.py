"""How many requests a second can be held and settled, each in two committed transactions, on both databases."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import sqlalchemy as sa

from harness import ROOT, Cost, Figure, median, progress, save, workplace
from yungu import credits, migrations
from yungu.app.settings import load
from yungu.credits.models import accounts
from yungu.kernel import clock
from yungu.kernel.db import Database

_NOTE = """\
One request is a hold and its settling: two transactions, each committed, with vouchers, caps, facts and balances. All
in one process, without HTTP. Beside it stand two commits of nothing but one row each, on the same database: what the
database allows at all. SQLite syncs every commit to disk; PostgreSQL here does not (`fsync=off`, on a cluster of its
own; `--url` names a real one). Spenders have two vouchers each; SQLite has one writer all the same. CPU is that of this
process, without PostgreSQL's."""
_USE = credits.Use("infer", "lin/tea")
_POT = 10**15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--url", help="of an empty PostgreSQL database, instead of one of its own")
    parser.add_argument("--work", help="where to put the temporary folder")
    options = parser.parse_args()
    with workplace(options.work) as work:
        figures = _measure("SQLite", f"sqlite:///{work / 'ledger.db'}", options)
        figures += _on_postgres(options)
    save("ledger", "Credits: the ledger", figures, _NOTE)


def _on_postgres(options: argparse.Namespace) -> list[Figure]:
    if options.url:
        return _measure("PostgreSQL", options.url, options)
    sys.path.insert(0, str(ROOT / "tests"))
    from support import postgres

    if postgres.why_absent():
        progress(str(postgres.why_absent()))
        return []
    with postgres.running_cluster() as cluster:
        return _measure("PostgreSQL", cluster.url(cluster.create()), options)


def _measure(name: str, url: str, options: argparse.Namespace) -> list[Figure]:
    database = Database(load({}, database_url=url).sqlalchemy_url)
    migrations.upgrade(database)
    spenders = _fill(database)
    figures = []
    for many in (1, 8):
        ours, theirs = [], []
        for _ in range(options.rounds):
            ours.append(_run(lambda number: _request(database, spenders[number]), many, options.seconds))
            theirs.append(_run(lambda _number: _touch(database), many, options.seconds))
        cost = median(ours)
        what = f"{name}: hold and settle, {'one spender' if many == 1 else f'{many} spenders'}"
        figures.append(Figure(what, cost, "two commits of one row", median(theirs), 1 / cost.wall_seconds, "/s"))
        progress(f"{what}: {1 / cost.wall_seconds:.0f}/s, beside {1 / median(theirs).wall_seconds:.0f}/s")
    with database.snapshot() as session:
        audit = credits.replay(session)
    progress(f"{name}: {audit.transfers} transfers, sound: {audit.is_sound}")
    database.close()
    return figures


def _fill(database: Database) -> list[int]:
    """Eight spenders with two vouchers each; a ninth account is only ever touched."""
    with database.write() as session:
        credits.fund_budget(session, "pot", 100 * _POT, key="pot", by=None)
        credits.open_account(session, "cash", "touched", owner_id=99)
        for owner in range(1, 9):
            for number in range(2):
                key = f"v{owner}-{number}"
                credits.grant(session, owner, _POT, budget="pot", key=key, by=None)
    return list(range(1, 9))


_numbers = count()


def _request(database: Database, spender: int) -> None:
    until = clock.now() + timedelta(minutes=5)
    with database.write() as session:
        held = credits.hold(session, spender, 1000, _USE, f"r{next(_numbers)}", until)
    with database.write() as session:
        credits.settle(session, held.id, 321, {"completion_tokens": 21})


def _touch(database: Database) -> None:
    for _ in range(2):
        with database.write() as session:
            one_more = accounts.c.debits_pending * 0
            session.execute(sa.update(accounts).where(accounts.c.code == "touched").values(debits_pending=one_more))


def _run(work: Callable[[int], None], threads: int, seconds: float) -> Cost:
    """What one piece of work costs when so many threads do it for so long."""
    done = [0] * threads
    over = threading.Event()

    def go(number: int) -> None:
        while not over.is_set():
            work(number)
            done[number] += 1

    cpu, wall = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(go, number) for number in range(threads)]
        time.sleep(seconds)
        over.set()
        for one in running:
            one.result()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall).per(max(1, sum(done)))


if __name__ == "__main__":
    main()
