"""The pages of matching, by address."""

from __future__ import annotations

from yungu.api.http import Routes
from yungu.api.web.views import market, matches, repos


def add(routes: Routes) -> None:
    of_item = ("/-/opportunities/{code}/matches", "/-/capabilities/{code}/matches")
    routes.get(*of_item)(matches.get_matches)
    routes.post(*of_item, writes=False)(matches.post_matches)
    routes.get("/-/matches/{number}")(matches.get_match)
    routes.post("/-/matches/{number}")(matches.post_match)
    routes.post("/-/matches/{number}/contacts")(matches.post_contact)
    muting = tuple(f"{place}/mute" for place in of_item)
    routes.post(*muting)(matches.post_mute)
    routes.get("/-/matches/{number}/contacts", *muting)(repos.get_parent)
    routes.get("/-/market")(market.get_market)
    routes.post("/-/market")(market.post_market)
    routes.get("/-/market/runs/{number}")(market.get_run)
    routes.post("/-/market/runs/{number}")(market.post_run)
    routes.get("/-/market/runs/{number}/replay")(market.get_replay)
    routes.post("/-/market/days")(market.post_day)
    routes.get("/-/market/days")(repos.get_parent)
    routes.get("/-/market/days/{number}")(market.get_day)
