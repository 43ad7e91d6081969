"""Fields of scenarios and categories of firms: two taxonomies that grew apart, and a table from one to the other.

Lists of needs are sorted by where something is used, lists of firms by what they make. A code, or any of the ways in
which it is written, is understood in either; what neither knows stands for itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from yungu.scenarios.models import Words

SAME_GROUP = 0.4
"""How near two fields of one group are."""
NOT_SAID = 0.3
_SPLIT = re.compile(r"[/|,，、;；+]+")
_NOISE = re.compile(r"[\s\-_·()（）]+")

GROUPS: Mapping[str, Sequence[str]] = {
    "new_tracks": ("low_altitude", "autonomous_driving", "embodied", "bio", "space", "ocean", "new_energy"),
    "industry": ("manufacturing", "mining", "construction", "logistics", "port", "agriculture", "energy", "rail"),
    "city": ("government", "urban", "traffic", "water", "environment", "emergency", "community", "park"),
    "living": ("health", "eldercare", "education", "tourism", "home", "retail", "culture", "sport"),
    "services": ("finance", "data", "software", "law"),
}
"""Fields that are near each other, after the five groups of the national guideline of November 2025."""

FIELDS: Mapping[str, tuple[Words, Sequence[str]]] = {
    "low_altitude": (Words("低空经济", "Low altitude"), ("低空", "无人机", "evtol", "uav", "drone", "drones")),
    "autonomous_driving": (Words("自动驾驶", "Autonomous driving"), ("无人驾驶", "智能网联", "self driving")),
    "embodied": (Words("具身智能与机器人", "Robots"), ("机器人", "具身智能", "robotics", "robot")),
    "bio": (Words("生物医药", "Biotechnology"), ("生物", "基因", "制药", "biotech", "genomics", "pharma")),
    "space": (Words("航天与遥感", "Space and remote sensing"), ("航天", "遥感", "satellite", "remote sensing")),
    "ocean": (Words("海洋", "Ocean"), ("海洋经济", "渔业", "marine", "fishery")),
    "new_energy": (Words("新型储能", "Energy storage"), ("储能", "氢能", "storage", "hydrogen")),
    "manufacturing": (Words("智能制造", "Manufacturing"), ("制造", "工业制造", "质检", "factory", "industrial")),
    "mining": (Words("矿山", "Mining"), ("智能矿山", "矿业", "mine")),
    "construction": (Words("建筑", "Construction"), ("智能建造", "工程建设", "building")),
    "logistics": (Words("物流", "Logistics"), ("智慧物流", "仓储", "warehouse", "delivery")),
    "port": (Words("港口", "Ports"), ("智慧港口", "port")),
    "agriculture": (Words("农业", "Agriculture"), ("智慧农业", "农林牧渔", "agri", "agri-vision", "farming")),
    "energy": (Words("能源电力", "Energy"), ("能源", "电力", "电网", "power grid", "grid")),
    "rail": (Words("轨道交通", "Rail"), ("铁路", "railway")),
    "government": (Words("政务服务", "Government services"), ("政务", "数字政府", "gov", "city-gov", "llm-qa")),
    "urban": (Words("城市管理", "Urban management"), ("城管", "城市治理", "市政", "city", "urban management")),
    "traffic": (Words("交通", "Traffic"), ("智慧交通", "交管", "transport")),
    "water": (Words("水务水利", "Water"), ("水务", "水利", "水质")),
    "environment": (Words("生态环境", "Environment"), ("环保", "环境监测", "ecology")),
    "emergency": (Words("应急安全", "Emergency and safety"), ("应急", "消防", "公共安全", "security", "safety",
                                                     "low-altitude security")),
    "community": (Words("社区", "Communities"), ("智慧社区", "基层治理", "街道")),
    "park": (Words("园区", "Parks"), ("智慧园区", "campus")),
    "health": (Words("医疗健康", "Health"), ("医疗", "诊疗", "医院", "medical", "hospital")),
    "eldercare": (Words("养老", "Elder care"), ("智慧养老", "康养", "适老化", "elderly")),
    "education": (Words("教育", "Education"), ("智慧教育", "教学", "school")),
    "tourism": (Words("文化旅游", "Tourism"), ("文旅", "旅游", "景区", "travel")),
    "home": (Words("智能家居", "Home"), ("家居", "全屋智能", "smart home")),
    "retail": (Words("商贸消费", "Retail"), ("零售", "电商", "消费", "commerce")),
    "culture": (Words("文化传媒", "Culture and media"), ("传媒", "文博", "media")),
    "sport": (Words("体育", "Sport"), ("智慧体育", "sports")),
    "finance": (Words("金融", "Finance"), ("金融科技", "信贷", "保险", "banking", "insurance")),
    "data": (Words("数据服务", "Data services"), ("数据标注", "数据要素", "annotation")),
    "software": (Words("软件与信息服务", "Software"), ("信息技术", "软件", "it")),
    "law": (Words("法律合规", "Law and compliance"), ("法律", "合规", "legal", "compliance")),
}  # fmt: skip

CATEGORIES: Mapping[str, tuple[Words, Sequence[str], Mapping[str, float]]] = {
    "vision": (Words("机器视觉", "Machine vision"), ("计算机视觉", "视觉检测", "图像识别", "computer vision"),
               {"manufacturing": 0.7, "traffic": 0.5, "urban": 0.5, "agriculture": 0.4, "emergency": 0.4}),
    "language": (Words("大模型与自然语言", "Language models"), ("大模型", "自然语言处理", "nlp", "llm", "智能体"),
                 {"government": 0.7, "finance": 0.5, "law": 0.6, "education": 0.5, "urban": 0.4, "software": 0.5}),
    "speech": (Words("智能语音", "Speech"), ("语音识别", "speech recognition"),
               {"government": 0.4, "home": 0.5, "education": 0.4, "eldercare": 0.4}),
    "robots": (Words("机器人整机", "Robot makers"), ("服务机器人", "工业机器人", "robot maker"),
               {"embodied": 1.0, "manufacturing": 0.5, "eldercare": 0.4, "park": 0.4, "logistics": 0.5}),
    "uav_maker": (Words("无人机与飞行器", "Aircraft makers"), ("无人机整机", "飞行器制造", "uav maker"),
                  {"low_altitude": 1.0, "logistics": 0.4, "emergency": 0.4, "agriculture": 0.3}),
    "vehicles": (Words("无人车辆", "Unmanned vehicles"), ("无人车", "无人船", "unmanned vehicle", "unmanned boat"),
                 {"autonomous_driving": 1.0, "port": 0.6, "mining": 0.5, "urban": 0.4, "logistics": 0.5, "water": 0.4}),
    "sensing": (Words("物联网与传感", "Sensing and IoT"), ("物联网", "传感器", "iot", "sensors"),
                {"water": 0.6, "environment": 0.7, "agriculture": 0.5, "energy": 0.4, "park": 0.4, "home": 0.4}),
    "optimisation": (Words("运筹与决策", "Optimisation"), ("运筹优化", "智能调度", "operations research", "scheduling"),
                     {"logistics": 0.7, "port": 0.6, "traffic": 0.5, "energy": 0.5, "manufacturing": 0.4}),
    "forecasting": (Words("预测分析", "Forecasting"), ("时序预测", "数据分析", "prediction", "analytics"),
                    {"energy": 0.6, "agriculture": 0.5, "retail": 0.5, "finance": 0.5, "new_energy": 0.5}),
    "twins": (Words("数字孪生与仿真", "Digital twins"), ("数字孪生", "仿真", "digital twin", "simulation"),
              {"urban": 0.5, "park": 0.5, "manufacturing": 0.5, "construction": 0.6, "rail": 0.5, "water": 0.4}),
    "security_firm": (Words("安全与隐私计算", "Security and privacy"), ("网络安全", "隐私计算", "privacy computing"),
                      {"finance": 0.5, "government": 0.5, "data": 0.6, "software": 0.4}),
    "medical_ai": (Words("医疗人工智能", "Medical AI"), ("医学影像", "medical imaging"), {"health": 1.0, "bio": 0.5}),
    "life_science": (Words("生命科学模型", "Life science models"), ("蛋白质模型", "基因组模型"),
                     {"bio": 1.0, "health": 0.4}),
    "immersive": (Words("虚拟现实与数字人", "Immersive media"), ("ar眼镜", "虚拟现实", "数字人", "vr", "ar", "xr"),
                  {"tourism": 0.6, "culture": 0.7, "education": 0.4, "retail": 0.4}),
    "annotation_firm": (Words("数据采集与标注", "Data collection"), ("数据采集", "data labelling"), {"data": 1.0}),
}  # fmt: skip
"""A category of firms, how it is written, and how near each field is to what such firms make."""


def closeness(wanted: Sequence[str], offered: Sequence[str]) -> float:
    """How near the fields of a need and of an offer are, 0 to 1: the best over all pairs."""
    one, other = codes(wanted), codes(offered)
    if not one or not other:
        return NOT_SAID
    return max(_near(a, b) for a in one for b in other)


def codes(names: Sequence[str]) -> Sequence[str]:
    """The codes of fields or categories that are meant, in order, each once; "tourism/eldercare" means two."""
    return _codes(tuple(names))


def name_of(code: str) -> Words:
    """What a code is called; itself if nothing is known of it."""
    if code in FIELDS:
        return FIELDS[code][0]
    return CATEGORIES[code][0] if code in CATEGORIES else Words(code, code)


@lru_cache(maxsize=8192)
def _near(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if one in CATEGORIES or other in CATEGORIES:
        return max(_mapped(one, other), _mapped(other, one))
    group = _GROUP_OF.get(one)
    return SAME_GROUP if group is not None and group == _GROUP_OF.get(other) else 0.0


def _mapped(category: str, field: str) -> float:
    return CATEGORIES[category][2].get(field, 0.0) if category in CATEGORIES else 0.0


@lru_cache(maxsize=8192)
def _codes(names: tuple[str, ...]) -> Sequence[str]:
    parts = [name for text in names for name in ([text] if _code(text) in _KNOWN else _SPLIT.split(text))]
    return tuple(dict.fromkeys(code for part in parts if (code := _code(part))))


@lru_cache(maxsize=8192)
def _code(text: str) -> str:
    plain = _NOISE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return _BY_NAME.get(plain, plain)


def _names() -> Mapping[str, str]:
    found: dict[str, str] = {}
    known = {code: (names, more) for code, (names, more, _) in CATEGORIES.items()} | dict(FIELDS)
    for code, (names, more) in known.items():
        for name in (code, names.zh, names.en, *more):
            found[_NOISE.sub("", name).casefold()] = code
    return found


_KNOWN = frozenset({*FIELDS, *CATEGORIES})
_GROUP_OF = {field: group for group, fields in GROUPS.items() for field in fields}
_BY_NAME = _names()
