"""Indicators and measurements in both languages: read, written, compared and found by either."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.lists import MODEL, TEA, Lists
from yungu.accounts import Actor
from yungu.scenarios import Indicator, Measurement, exports
from yungu.scenarios.backends.sheets import open_sheets, packed
from yungu.scenarios.matching import texts
from yungu.scenarios.rules import cells, contents, coverage, sheets

ASKED = Indicator("预测误差", "<=", 2, "天", "与三个茶园比对", "prediction error", "against three gardens")
SHOWN = Measurement("预测误差", 1.6, "天", ["lin/tea"], "prediction error")


def test_each_language_falls_back_to_the_other() -> None:
    assert [contents.metric_in(ASKED, tongue) for tongue in ("zh", "en")] == ["预测误差", "prediction error"]
    assert contents.method_in(ASKED, "en") == "against three gardens"
    chinese, english = Indicator("误差", "<=", 2, method="比对"), Indicator("", "<=", 2, metric_en="error")
    assert (contents.metric_in(chinese, "en"), contents.method_in(chinese, "en")) == ("误差", "比对")
    assert contents.metric_in(english, "zh") == "error"


def test_files_carry_both(lists: Lists, lin: Actor) -> None:
    need, offer = lists.post(lin, TEA, indicators=[ASKED]), lists.post(lin, MODEL, measurements=[SHOWN])
    for item in (need, offer):
        for data in (exports.to_xlsx(item.side, [item]), exports.to_csv(item.side, [item])):
            found = packed(open_sheets(data))
            back: Any = sheets.read(item.side, found, sheets.guess_mapping(item.side, found), {}).records[0].content
            if item is need:
                assert list(back.indicators) == [ASKED]
            else:
                assert [replace(one, evidence=["lin/tea"]) for one in back.measurements] == [SHOWN]
    plain = cells.indicators("错误率 / 小时 <= 3 %，人工复核 / 抽检")
    assert [(one.metric, one.metric_en, one.method_en) for one in plain] == [("错误率 / 小时", "", "")]


def test_they_are_compared_and_found_by_either_language() -> None:
    foreign, shown = Indicator("torque ripple", "<=", 2, "%"), Measurement("扭矩波动", 1.6, "%", [], "torque ripple")
    assert [one.state for one in coverage.compare([foreign], [shown])] == ["met"]
    both = replace(foreign, metric="转矩脉动", metric_en="torque ripple")
    assert [one.state for one in coverage.compare([both], [shown])] == ["met"]
    assert [one.state for one in coverage.compare([foreign], [replace(shown, metric_en="")])] == ["unknown"]
    words = texts.terms_of(replace(TEA, indicators=[ASKED]))
    assert words.keys() >= {"prediction", "预测", "against"}
