"""May this capability serve this opportunity at all? Asked before anything is compared, answered in three values.

``fail`` excludes, ``unknown`` stays in and says what should be asked, and nothing that is merely missing ever fails.
Each requirement is decided from a few facts of a capability, so that a whole market is decided once per distinct pair
of requirement and facts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Literal, cast

from yungu.scenarios.models import CapabilityContent, ConstraintKind, Form, OpportunityContent

Verdict = Literal["pass", "fail", "unknown"]
RequirementKind = ConstraintKind | Literal["deadline", "validity", "capacity", "budget"]
Facts = tuple[Hashable, ...]
Answer = tuple[Verdict, str]
"""A verdict and what the capability says that it rests on."""

NATIONWIDE = frozenset({"全国", "中国", "china", "nationwide", "national"})
_NONE = frozenset({"无", "没有", "none", "no", "n/a", "未取得", "不适用"})
_PENDING = (
    "申请中",
    "办理中",
    "在办",
    "正在",
    "受理",
    "pending",
    "in progress",
    "applied",
    "applying",
    "planned",
    "拟",
)
_DENIED = ("未取得", "未备案", "未通过", "没有", "尚无", "not held", "without", "no ")
_NOISE = re.compile(r"[\s\-_/·,.:;()\[\]（）【】《》“”\"'、，。]+")

CREDENTIALS: Mapping[str, Sequence[str]] = {
    "generative-ai-filing": (
        "生成式人工智能服务备案", "生成式人工智能备案", "生成式ai备案", "大模型备案", "网信办备案", "生成式服务备案",
        "generative ai filing", "generative ai service filing", "llm filing", "large model filing",
    ),
    "algorithm-filing": (
        "互联网信息服务算法备案", "深度合成服务算法备案", "深度合成算法备案", "算法备案", "网信算备",
        "algorithm filing", "deep synthesis filing",
    ),
    "icp-filing": ("icp备案", "网站备案", "icp filing"),
    "icp-licence": ("icp证", "icp许可证", "增值电信业务经营许可证", "icp licence", "icp license"),
    "mlps-4": ("等保四级", "四级等保", "网络安全等级保护四级", "等级保护第四级", "mlps level 4", "mlps 4"),
    "mlps-3": (
        "等保三级", "三级等保", "等保3级", "三级等级保护", "网络安全等级保护三级", "等级保护第三级", "等保2.0三级",
        "mlps level 3", "mlps 3", "classified protection level 3",
    ),
    "mlps-2": (
        "等保二级", "二级等保", "等保2级", "网络安全等级保护二级", "等级保护第二级", "mlps level 2", "mlps 2",
    ),
    "crypto-assessment": (
        "商用密码应用安全性评估", "密码应用安全性评估", "商密评估", "密评", "commercial cryptography assessment",
    ),
    "iso-9001": ("iso9001", "质量管理体系认证", "iso 9001"),
    "iso-27001": ("iso27001", "信息安全管理体系认证", "iso/iec 27001", "isms"),
    "iso-27701": ("iso27701", "隐私信息管理体系认证", "iso/iec 27701"),
    "iso-20000": ("iso20000", "信息技术服务管理体系认证"),
    "iso-42001": ("iso42001", "人工智能管理体系认证", "iso/iec 42001"),
    "cmmi-5": ("cmmi5", "cmmi五级", "cmmi level 5", "cmmi ml5"),
    "cmmi-3": ("cmmi3", "cmmi三级", "cmmi level 3", "cmmi ml3"),
    "medical-device-3": (
        "三类医疗器械注册证", "第三类医疗器械", "iii类医疗器械", "class iii medical device", "nmpa class 3",
    ),
    "medical-device-2": (
        "二类医疗器械注册证", "第二类医疗器械", "ii类医疗器械", "class ii medical device", "nmpa class 2",
    ),
    "uav-operator": (
        "民用无人驾驶航空器运营合格证", "无人机运营合格证", "无人机经营许可证", "无人驾驶航空器经营许可",
        "uav operator certificate",
        "drone operator licence", "uoc",
    ),
    "explosion-proof": ("防爆合格证", "防爆认证", "atex", "iecex", "explosion proof certificate", "explosion-proof"),
    "ccc": ("3c认证", "ccc认证", "强制性产品认证", "china compulsory certification"),
    "little-giant": ("专精特新小巨人", "国家级小巨人", "小巨人企业", "little giant"),
    "specialised-sme": ("专精特新中小企业", "专精特新", "specialised sme", "specialized sme"),
    "high-tech": ("国家高新技术企业", "高新技术企业", "国高", "高企", "high-tech enterprise", "high tech enterprise"),
    "surveying": ("测绘资质", "测绘资质证书", "surveying and mapping qualification"),
    "data-security": (
        "数据安全管理认证", "dsm认证", "数据安全能力成熟度", "dsmm", "data security management certification",
    ),
}  # fmt: skip
"""What a certificate or filing is written as in the wild, under one name; the same thing has many names, and matching
by the letter misses most of them."""

_LADDERS = (("mlps-2", "mlps-3", "mlps-4"), ("cmmi-3", "cmmi-5"), ("medical-device-2", "medical-device-3"),
            ("specialised-sme", "little-giant"))  # fmt: skip
"""Of one ladder a higher rung satisfies a lower one."""

DOMESTIC_CHIPS = (
    "昇腾", "ascend", "鲲鹏", "kunpeng", "寒武纪", "cambricon", "思元", "海光", "hygon", "龙芯", "loongson", "飞腾",
    "phytium", "昆仑芯", "kunlun", "兆芯", "zhaoxin", "摩尔线程", "moorethreads", "壁仞", "biren", "燧原", "enflame",
    "沐曦", "metax", "天数智芯", "iluvatar", "平头哥", "含光", "倚天", "申威", "sunway", "地平线", "horizonrobotics",
    "瑞芯微", "rockchip", "算能", "sophgo", "黑芝麻",
)  # fmt: skip

REGIONS: Mapping[str, str] = {
    "hangzhou": "杭州", "ningbo": "宁波", "wenzhou": "温州", "shaoxing": "绍兴", "jiaxing": "嘉兴", "huzhou": "湖州",
    "zhejiang": "浙江", "shanghai": "上海", "beijing": "北京", "tianjin": "天津", "chongqing": "重庆",
    "shenzhen": "深圳",
    "guangzhou": "广州", "guangdong": "广东", "chengdu": "成都", "yibin": "宜宾", "sichuan": "四川", "nanjing": "南京",
    "suzhou": "苏州", "wuxi": "无锡", "jiangsu": "江苏", "hefei": "合肥", "anhui": "安徽", "qingdao": "青岛",
    "jinan": "济南", "shandong": "山东", "wuhan": "武汉", "hubei": "湖北", "changsha": "长沙", "hunan": "湖南",
    "xian": "西安", "shaanxi": "陕西", "zhengzhou": "郑州", "henan": "河南", "xiamen": "厦门", "fuzhou": "福州",
    "fujian": "福建", "guiyang": "贵阳", "guizhou": "贵州",
}  # fmt: skip
PROVINCES: Mapping[str, str] = {
    "杭州": "浙江", "宁波": "浙江", "温州": "浙江", "绍兴": "浙江", "嘉兴": "浙江", "湖州": "浙江", "深圳": "广东",
    "广州": "广东",
    "成都": "四川", "宜宾": "四川", "南京": "江苏", "苏州": "江苏", "无锡": "江苏", "合肥": "安徽", "青岛": "山东",
    "济南": "山东",
    "武汉": "湖北", "长沙": "湖南", "西安": "陕西", "郑州": "河南", "厦门": "福建", "福州": "福建", "贵阳": "贵州",
}  # fmt: skip
_OPEN_LICENCES = (
    "apache",
    "mit",
    "bsd",
    "gpl",
    "lgpl",
    "agpl",
    "mpl",
    "mulan",
    "木兰",
    "cc-by",
    "cc0",
    "openrail",
    "openmdw",
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What has to hold. ``value``: of which certificate, region ..., an amount in yuan, or days as ISO text."""

    kind: RequirementKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one requirement. ``stated``: what the capability says about it, "" when nothing.
    ``field``: where the capability would say what changes the answer; "" when nothing of its own would."""

    kind: RequirementKind
    value: str
    verdict: Verdict
    stated: str = ""
    field: str = ""


def requirements(opportunity: OpportunityContent, today: date) -> Sequence[Requirement]:
    """Everything that ``opportunity`` requires on ``today``: its constraints, then what its other fields imply."""
    found = [
        Requirement(one.kind, one.value or (opportunity.unit if one.kind == "not_affiliated" else ""))
        for one in opportunity.constraints
    ]
    if opportunity.deadline is not None:
        found.append(Requirement("deadline", f"{opportunity.deadline}/{today}"))
    if opportunity.budget_most is not None:
        found.append(Requirement("budget", str(opportunity.budget_most)))
    needed_on = max(opportunity.starts_on or today, today)
    return [*found, Requirement("validity", str(needed_on)), Requirement("capacity")]


def check(
    opportunity: OpportunityContent, capability: CapabilityContent, today: date, *, free: int | None = None
) -> list[Finding]:
    """Every requirement with its verdict. ``free``: pilots that the provider can still take, None: its capacity."""
    left = capability.capacity if free is None else free
    return [decide(one, facts_of(one.kind, capability, left)) for one in requirements(opportunity, today)]


def overall(findings: Sequence[Finding]) -> Verdict:
    """``fail`` if any fails, else ``unknown`` if any is unknown."""
    verdicts = {finding.verdict for finding in findings}
    return "fail" if "fail" in verdicts else "unknown" if "unknown" in verdicts else "pass"


def facts_of(kind: RequirementKind, capability: CapabilityContent, free: int) -> Facts:
    """All that ``decide`` needs to know of a capability for a requirement of that kind."""
    match kind:
        case "certificate" | "filing":
            return (*capability.certificates, *capability.filings)
        case "domestic_chip":
            return tuple(capability.chips)
        case "data_stays" | "on_site" | "form":
            return tuple(capability.forms)
        case "not_affiliated":
            return (capability.provider, *capability.affiliations)
        case "capacity":
            return (free,)
        case _:
            return (getattr(capability, _FIELDS[kind]) if kind != "deadline" else "",)


def decide(requirement: Requirement, facts: Facts) -> Finding:
    """The verdict on one requirement for a capability with these facts."""
    verdict, stated = _DECIDERS[requirement.kind](requirement.value, facts)
    return Finding(requirement.kind, requirement.value, verdict, stated, _FIELDS.get(requirement.kind, ""))


def satisfying(capability: CapabilityContent, finding: Finding) -> CapabilityContent | None:
    """The capability if it stated what ``finding`` asks for; None when it could not truthfully be otherwise."""
    match finding.kind:
        case "certificate" | "filing":
            held = (finding.value or "generative-ai-filing",)
            if finding.kind == "filing":
                return replace(capability, filings=(*capability.filings, *held))
            return replace(capability, certificates=(*capability.certificates, *held))
        case "domestic_chip":
            return replace(capability, chips=(*capability.chips, "Ascend"))
        case "data_stays":
            return replace(capability, forms=(*capability.forms, "private"))
        case "on_site":
            return replace(capability, forms=(*capability.forms, "on_site"))
        case "form":
            return replace(capability, forms=(*capability.forms, cast("Form", finding.value)))
        case "maturity":
            return replace(capability, maturity=int(finding.value or "1"))
        case "budget":
            return replace(capability, price_least=min(int(finding.value), capability.price_least or 0))
        case "not_affiliated" if finding.verdict == "unknown":
            return replace(capability, affiliations=("none",))
        case "licence" if finding.verdict == "unknown":
            return replace(capability, licence="apache-2.0" if finding.value in _LICENCE_CLASSES else finding.value)
        case "region" if finding.verdict == "unknown":
            return replace(capability, region=finding.value)
        case _:
            return None


@lru_cache(maxsize=4096)
def credential_of(text: str) -> str:
    """The one name of a certificate or filing that is written in any of its ways; its squeezed letters if unknown."""
    plain = _squeezed(text)
    if plain in _BY_ALIAS:
        return _BY_ALIAS[plain]
    inside = [alias for alias in _BY_ALIAS if len(alias) >= 3 and alias in plain]
    return _BY_ALIAS[max(inside, key=len)] if inside else plain


@lru_cache(maxsize=4096)
def region_of(text: str) -> str:
    """A region's Chinese name without its suffix: "Hangzhou" and "杭州市西湖区" are both "杭州"."""
    plain = _squeezed(text)
    if plain in NATIONWIDE:
        return "全国"
    for latin, name in REGIONS.items():
        if plain.startswith(latin):
            return name
    known = [name for name in (*PROVINCES, *PROVINCES.values()) if name in plain]
    return min(known, key=lambda name: (name not in PROVINCES, plain.index(name))) if known else plain


def _credential(value: str, facts: Facts) -> Answer:
    wanted = credential_of(value) if value else ""
    held = [str(fact) for fact in facts]
    answers = [_holds(wanted, text) for text in held]
    for verdict in ("pass", "fail"):
        for text, answer in zip(held, answers, strict=True):
            if answer == verdict:
                return answer, text
    pending = [text for text in held if _is_pending(text) and (not wanted or credential_of(text) == wanted)]
    return "unknown", pending[0] if pending else ""


def _holds(wanted: str, text: str) -> Verdict:
    plain = text.casefold().strip()
    if plain in _NONE:
        return "fail"
    found = credential_of(text)
    is_it = not wanted or found == wanted or _is_above(found, wanted)
    if not is_it:
        return "fail" if _is_above(wanted, found) else "unknown"
    if any(word in plain for word in _DENIED):
        return "fail"
    return "unknown" if _is_pending(text) else "pass"


def _is_above(found: str, wanted: str) -> bool:
    return any(
        found in ladder and wanted in ladder and ladder.index(found) > ladder.index(wanted) for ladder in _LADDERS
    )


def _is_pending(text: str) -> bool:
    return any(word in text.casefold() for word in _PENDING)


def _domestic_chip(value: str, facts: Facts) -> Answer:
    stated = [str(fact) for fact in facts]
    wanted = [_squeezed(value)] if value else [_squeezed(name) for name in DOMESTIC_CHIPS]
    for chip in stated:
        if any(name in _squeezed(chip) for name in wanted):
            return "pass", chip
    return ("fail", ", ".join(stated)) if stated else ("unknown", "")


def _form(value: str, facts: Facts) -> Answer:
    stated = ", ".join(map(str, facts))
    return ("pass" if value in facts else "fail" if facts else "unknown"), stated


def _data_stays(_value: str, facts: Facts) -> Answer:
    local = {"private", "edge", "on_site"} & set(facts)
    return ("pass" if local else "fail" if facts else "unknown"), ", ".join(map(str, facts))


def _on_site(_value: str, facts: Facts) -> Answer:
    if "on_site" in facts:
        return "pass", "on_site"
    return ("fail" if set(facts) == {"api"} else "unknown"), ", ".join(map(str, facts))


def _region(value: str, facts: Facts) -> Answer:
    stated = str(facts[0])
    if not stated:
        return "unknown", ""
    wanted, found = region_of(value), region_of(stated)
    is_inside = found in {wanted, "全国"} or wanted == "全国" or PROVINCES.get(found) == wanted
    return ("pass" if is_inside else "fail"), stated


def _not_affiliated(value: str, facts: Facts) -> Answer:
    provider, *kin = (_squeezed(str(fact)) for fact in facts)
    unit = _squeezed(value)
    if unit and unit in (provider, *kin):
        return "fail", str(facts[1 + kin.index(unit)]) if unit in kin else str(facts[0])
    return ("pass", ", ".join(map(str, facts[1:]))) if kin else ("unknown", "")


def _licence(value: str, facts: Facts) -> Answer:
    stated = str(facts[0])
    if not stated:
        return "unknown", ""
    plain = stated.casefold()
    wanted = value.casefold()
    fits = _LICENCE_CLASSES[wanted](plain) if wanted in _LICENCE_CLASSES else plain == wanted
    return ("pass" if fits else "fail"), stated


_LICENCE_CLASSES: Mapping[str, Callable[[str], bool]] = {
    "": lambda plain: bool(plain),
    "open": lambda plain: plain.startswith(_OPEN_LICENCES) and "-nc" not in plain,
    "commercial": lambda plain: "-nc" not in plain and "non-commercial" not in plain and "research" not in plain,
}


def _maturity(value: str, facts: Facts) -> Answer:
    (level,) = facts
    if not isinstance(level, int):
        return "unknown", ""
    return ("pass" if level >= int(value or "1") else "fail"), str(level)


def _provider_kind(value: str, facts: Facts) -> Answer:
    allowed = re.split(r"[|,，、\s]+", value)
    return ("pass" if facts[0] in allowed else "fail"), str(facts[0])


def _deadline(value: str, _facts: Facts) -> Answer:
    deadline, today = value.split("/")
    return ("pass" if deadline >= today else "fail"), ""


def _validity(value: str, facts: Facts) -> Answer:
    (expires_on,) = facts
    return ("pass" if expires_on is None or str(expires_on) >= value else "fail"), str(expires_on or "")


def _capacity(_value: str, facts: Facts) -> Answer:
    (free,) = facts
    return ("pass" if isinstance(free, int) and free > 0 else "fail"), str(free)


def _budget(value: str, facts: Facts) -> Answer:
    (least,) = facts
    if not isinstance(least, int):
        return "unknown", ""
    return ("pass" if least <= int(value) else "fail"), str(least)


_DECIDERS: Mapping[RequirementKind, Callable[[str, Facts], Answer]] = {
    "certificate": _credential,
    "filing": _credential,
    "domestic_chip": _domestic_chip,
    "data_stays": _data_stays,
    "on_site": _on_site,
    "region": _region,
    "not_affiliated": _not_affiliated,
    "licence": _licence,
    "maturity": _maturity,
    "form": _form,
    "provider_kind": _provider_kind,
    "deadline": _deadline,
    "validity": _validity,
    "capacity": _capacity,
    "budget": _budget,
}
_FIELDS: Mapping[RequirementKind, str] = {
    "certificate": "certificates",
    "filing": "filings",
    "domestic_chip": "chips",
    "data_stays": "forms",
    "on_site": "forms",
    "region": "region",
    "not_affiliated": "affiliations",
    "licence": "licence",
    "maturity": "maturity",
    "form": "forms",
    "provider_kind": "provider_kind",
    "validity": "expires_on",
    "capacity": "capacity",
    "budget": "price_least",
}


def _squeezed(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).casefold()


_BY_ALIAS = {_squeezed(alias): code for code, aliases in CREDENTIALS.items() for alias in (code, *aliases)}
