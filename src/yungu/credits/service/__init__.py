"""Verbs of credits: they change rows and record facts. What is refused has written nothing."""

from yungu.credits.service.awards import grant_by_policy as grant_by_policy
from yungu.credits.service.claims import claim as claim, pay as pay
from yungu.credits.service.holds import (
    draw as draw,
    hold as hold,
    release as release,
    settle as settle,
    settle_open as settle_open,
    time_out as time_out,
)
from yungu.credits.service.ledger import book as book, open_account as open_account, reverse as reverse
from yungu.credits.service.vouchers import (
    add_cash as add_cash,
    claw_back as claw_back,
    collect as collect,
    fund_budget as fund_budget,
    grant as grant,
    warn as warn,
)
