"""``yungu scenario``: roles, and lists that come and go as files."""

from __future__ import annotations

import json
from pathlib import Path

from support import sheet_forge as forge
from support.commands import Run


def test_roles_are_given_and_lists_come_in_and_go_out(yungu: Run, tmp_path: Path) -> None:
    yungu("user", "create", "wen")
    assert yungu("scenario", "grant", "wen", "operator").code == 0
    assert json.loads(yungu("scenario", "roles", "--json").out) == [{"user": "wen", "role": "operator"}]

    file = tmp_path / "清单.xlsx"
    file.write_bytes(
        forge.xlsx(
            [["名称", "单位", "痛点", "预算"], ["茶园", "农业局", "靠经验", "50万元"], ["湖", "水务局", "", "很多"]]
        )
    )
    looked = yungu("scenario", "import", "opportunity", str(file), "--owner", "wen")
    assert "cell-amount" in looked.out and "D3" in looked.out and "1 items would be imported" in looked.out
    written = json.loads(
        yungu("scenario", "import", "opportunity", str(file), "--owner", "wen", "--confirm", "--json").out
    )
    assert written["items"] == 1 and written["is_imported"]

    assert json.loads(yungu("scenario", "list", "opportunity", "--json").out) == [], "drafts are not public"
    target = tmp_path / "out.csv"
    assert yungu("scenario", "export", "opportunity", str(target), "--format", "csv").code == 0
    assert target.read_text("utf-8-sig").startswith("编号,")
    yungu("scenario", "revoke", "wen", "operator")
    assert json.loads(yungu("scenario", "roles", "--json").out) == []


def test_a_file_with_macros_is_refused_in_one_line(yungu: Run, tmp_path: Path) -> None:
    yungu("user", "create", "wen")
    file = tmp_path / "list.xlsx"
    file.write_bytes(forge.repacked(forge.xlsx([["名称", "单位"]]), xl__vbaProject_bin=b"x"))
    refused = yungu("scenario", "import", "opportunity", str(file), "--owner", "wen")
    assert refused.code != 0 and "macros" in refused.err
