"""Who is there, whom they follow, and what they have done."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from support.servers import LiveHub
from support.visitor import Visitor
from yungu import accounts
from yungu.api.web.charts import draw_calendar, draw_chart

Visit = Callable[..., Visitor]


@pytest.fixture
def mei_name(live: LiveHub) -> str:
    return live.user(live.fresh_name("mei"))


def follow(visitor: Visitor, name: str, on: str = "1") -> None:
    assert visitor.submit(f"/{name}", f"/users/{name}/follow", on=on).headers["location"] == f"/{name}"


# --- following


def test_somebody_is_followed_and_no_longer(live: LiveHub, visit: Visit, lin_name: str, mei_name: str) -> None:
    lin = visit(lin_name)

    follow(lin, mei_name)
    follow(lin, mei_name)
    assert "<b>1</b> follower<" in lin.read(f"/{mei_name}") and "Following</button>" in lin.read(f"/{mei_name}")
    assert f'href="/{lin_name}"' in visit().read(f"/{mei_name}?tab=followers")
    assert f'href="/{mei_name}"' in visit().read(f"/{lin_name}?tab=following")

    follow(lin, mei_name, on="0")
    assert "<b>0</b> followers<" in lin.read(f"/{mei_name}")


def test_nobody_follows_themselves(visit: Visit, lin_name: str) -> None:
    lin = visit(lin_name)

    assert f"/users/{lin_name}/follow" not in lin.read(f"/{lin_name}")
    assert lin.submit("/settings/profile", f"/users/{lin_name}/follow", on="1").status_code == 400


def test_home_tells_what_those_do_whom_one_follows(live: LiveHub, visit: Visit, lin_name: str, mei_name: str) -> None:
    lin, mei = visit(lin_name), live.actor(mei_name)
    town = live.world.organization(live.fresh_name("town"), admin=live.actor(live.user()), write=[mei])
    assert "Follow people and organizations" in lin.read("/")

    follow(lin, mei_name)
    assert "All quiet" in lin.read("/")
    live.world.repo(f"{mei_name}/open", by=mei)
    live.world.repo(f"{mei_name}/hidden", by=mei, visibility="private")
    follow(lin, town.name)
    live.world.repo(f"{town.name}/shared", by=live.actor(mei_name))

    page = lin.read("/")
    assert f"{mei_name}/open</a>" in page and f"{town.name}/shared</a>" in page
    assert f"{mei_name}/hidden" not in page


def test_home_shows_ones_own_repos_even_private_ones(live: LiveHub, visit: Visit, lin_name: str) -> None:
    live.world.repo(f"{lin_name}/mine", by=live.actor(lin_name), visibility="private")

    assert f'href="/{lin_name}/mine"' in visit(lin_name).read("/")
    assert f"{lin_name}/mine" not in visit().read("/")


def test_home_tells_strangers_how_to_connect(live: LiveHub, visit: Visit) -> None:
    page = visit().read("/")

    host = live.url.removeprefix("http://")
    for line in (f"HF_ENDPOINT={live.url}", f"MODELSCOPE_DOMAIN={host}", f"git clone {live.url}/OWNER/NAME"):
        assert line in page


# --- what a page of somebody tells


def test_a_profile_says_what_its_owner_wrote(visit: Visit, lin_name: str) -> None:
    said = {"full_name": "Lin", "bio": "Grows <tea>.", "links": "https://example.org/tea\nhttp://b.example"}

    assert visit(lin_name).submit("/settings/profile", **said).status_code == 303

    page = visit().read(f"/{lin_name}")
    assert "Grows &lt;tea&gt;." in page
    assert re.search(r'<a href="https://example.org/tea" rel="nofollow ugc[^"]*">example.org/tea</a>', page)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("links", "javascript:alert(1)", "is not a web address"),
        ("links", "https://a.example " * 6, "At most five"),
        ("links", 'https://a.example/"onclick="x', "is not a web address"),
        ("bio", "x" * 501, "too long"),
    ],
)
def test_what_cannot_stand_there_is_told_at_its_field(
    visit: Visit, lin_name: str, field: str, value: str, said: str
) -> None:
    response = visit(lin_name).submit("/settings/profile", **({"full_name": "Kept & Co"} | {field: value}))

    at_field = re.search(rf'id="e-{field}">([^<]*)<', response.text)
    assert response.status_code == 400 and at_field is not None and said in at_field[1]
    assert 'value="Kept &amp; Co"' in response.text


def test_an_organization_says_what_its_administrators_wrote(
    live: LiveHub, visit: Visit, lin_name: str, mei_name: str
) -> None:
    town = live.world.organization(live.fresh_name("town"), admin=live.actor(lin_name), write=[live.actor(mei_name)])
    settings = f"/organizations/{town.name}/settings"

    assert visit(lin_name).submit(settings, full_name="Town", bio="All of us.", links="").status_code == 303
    page = visit().read(f"/{town.name}?tab=members")
    assert "All of us." in page and "Administrator" in page and mei_name in page
    visit(mei_name).read(settings, 403)
    forced = visit(mei_name).submit("/settings/profile", settings, full_name="Mine")
    assert forced.status_code == 403


def test_a_year_is_counted_as_far_as_the_reader_may_know(
    live: LiveHub, visit: Visit, lin_name: str, mei_name: str
) -> None:
    lin = live.actor(lin_name)
    repo = live.world.repo(f"{lin_name}/open", by=lin)
    live.world.commit(repo, {"a": b"1"}, by=lin)
    live.world.repo(f"{lin_name}/hidden", by=lin, visibility="private")

    def count(visitor: Visitor) -> int:
        found = re.search(r"Activities in the last year <b>(\d+)</b>", visitor.read(f"/{lin_name}?tab=activity"))
        assert found is not None
        return int(found[1])

    assert 0 < count(visit()) == count(visit(mei_name)) < count(visit(lin_name))
    assert f"{lin_name}/hidden" not in visit().read(f"/{lin_name}?tab=activity")


def test_lists_of_people_go_on(live: LiveHub, visit: Visit, lin_name: str) -> None:
    with live.site.db.write() as session:
        lin = accounts.get_user(session, lin_name)
        for number in range(51):
            fan = accounts.create_user(session, f"{lin_name}-fan{number}")
            accounts.follow_owner(session, fan, lin)

    first = visit().read(f"/{lin_name}?tab=followers")
    more = re.search(r'rel="next" href="([^"]+)"', first)
    assert more is not None and f"{lin_name}-fan50<" in first
    second = visit().read(more[1].replace("&amp;", "&"))
    assert f"{lin_name}-fan0<" in second and f"{lin_name}-fan50<" not in second


# --- themes


def test_the_colours_are_chosen_without_scripts(visit: Visit) -> None:
    visitor = visit()
    assert 'media="(prefers-color-scheme: dark)"' in visitor.read("/models")

    done = visitor.submit("/models", "/theme", theme="dark", next="/models?sort=likes")

    assert done.headers["location"] == "/models?sort=likes"
    assert 'content="dark"' in visitor.read("/models") and 'media="all"' in visitor.read("/models")
    assert visitor.submit("/models", "/theme", theme="pink", next="//evil.example").headers["location"] == "/"
    assert 'content="dark"' in visitor.read("/models")


# --- charts


def test_a_chart_reaches_from_its_first_to_its_last_day() -> None:
    start = date(2026, 1, 1)
    chart = draw_chart([(start + timedelta(days=number), number) for number in range(10)])

    assert chart.steps == [20, 15, 10, 5, 0] and chart.total == 45 and chart.peak == (date(2026, 1, 10), 9)
    assert chart.dates[0] == start and chart.dates[-1] == date(2026, 1, 10)
    assert chart.bars[9].height == 9 / 20 * 160 and chart.bars[0].height == 0
    assert draw_chart([(start, 0)]).steps == [4, 3, 2, 1, 0]


def test_a_calendar_holds_a_year_of_whole_weeks() -> None:
    last = date(2026, 11, 22)  # a Sunday
    calendar = draw_calendar({last: 8, last - timedelta(days=1): 2, date(2020, 1, 1): 99}, last)

    assert len(calendar.weeks) == 53 and [len(week) for week in calendar.weeks] == [7] * 53
    assert calendar.total == 10
    assert [cell.level for cell in calendar.weeks[-1][-2:]] == [1, 4]
    assert sum(count for _, count in calendar.by_month) == 10
