"""Fill a stopped hub with models, in one transaction: ``python bench/fill.py DATA COUNT OWNER``."""

from __future__ import annotations

import sys

from yungu import accounts, hub
from yungu.cli.console import open_site

_CARD = """---
license: apache-2.0
language: [en, zh]
pipeline_tag: text-generation
library_name: transformers
tags: [bench, number-{number}]
base_model: acme/base-{base}
---
# Model {number}
"""


def fill(data: str, count: int, owner: str) -> None:
    with open_site(data) as site, site.db.write() as session:
        actor = accounts.Actor(user=accounts.get_user(session, owner))
        for number in range(count):
            card = _CARD.format(number=number, base=number % 50).encode()
            files = {"README.md": card, "config.json": b"{}"}
            hub.create_repo(session, site.git, "model", f"{owner}/model-{number:05}", actor, files=files)


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]), sys.argv[3])
