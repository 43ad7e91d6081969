"""``yungu scenario market``: a draft for both lists, worked out here and now, with or without a server."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from support.commands import Run
from support.lists import MODEL, TEA, Lists
from support.world import World
from yungu import accounts
from yungu.app.settings import load
from yungu.app.wiring import build_site
from yungu.scenarios import matching
from yungu.scenarios.matching import Rules


def test_the_command_works_it_out_and_publishes(yungu: Run, tmp_path: Path) -> None:
    data = str(tmp_path / "hub")
    site = build_site(load({}, data=data, embeddings="none"))
    lists = Lists(World(site))
    root = lists.world.user("root", is_admin=True)
    elsa = lists.holder("elsa", "expert")
    for by, content in ((lists.world.user("mei"), MODEL), (lists.world.user("lin"), TEA)):
        lists.publish(lists.post(by, content), by, expert=elsa, operator=root)
    done = yungu("scenario", "market", "--method", "greedy", "--publish", "--data", data)
    assert (done.code, done.out) == (0, "Run 1: 1 proposals, published.\n"), done.err
    job = lists.read(matching.find_market_job)
    assert job is not None and job.state == "succeeded"
    assert lists.read(accounts.get_user, "root").id == job.created_by
    assert asdict(Rules(method="greedy")) == job.spec["options"]
    refused = yungu("scenario", "market", "--as", "lin", "--data", data)
    assert refused.code == 1 and "operator" in refused.err
    site.db.close()
