"""Opportunities and capabilities made up by rule, so that who fits whom is known by construction.

Ten fields, each with three objects and three tasks in Chinese and English and in three wordings each: ninety topics.
Texts are put together from templates that all topics share. A topic's neighbours (same object, another task; same task,
another object) are its hard negatives. Each capability has a part to play: ``full`` states all that the opportunities of
its topic require and measured what they ask for, ``partial`` keeps something to itself, ``weak`` misses an indicator,
``barred`` violates a constraint. Grades follow from these parts alone; nothing of the matching is asked for them."""

# ruff: noqa: E501 - tables of wordings are read a topic a line
from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeVar

from yungu.scenarios.models import (
    CapabilityContent,
    Constraint,
    Form,
    Indicator,
    Language,
    Measurement,
    Operator,
    OpportunityContent,
    Words,
)

Part = Literal["full", "partial", "weak", "barred"]
PARTS: Sequence[Part] = ("full", "partial", "weak", "barred")
TODAY = date(2026, 11, 1)
_ASIDE = "|"
T = TypeVar("T")

# field: (codes on the side of needs, names on the side of firms, objects, tasks); wordings zh | zh | zh / en | en | en
_FIELDS: Mapping[str, tuple[str, str, Sequence[str], Sequence[str]]] = {
    "agriculture": (
        "智慧农业",
        "机器视觉",
        [
            "茶园|茶山|龙井茶基地/tea garden|tea plantation|tea hills",
            "柑橘果园|橘园|柑橘种植基地/citrus orchard|orange grove|citrus farm",
            "水稻田|稻田|水稻种植区/rice paddy|paddy field|rice growing area",
        ],
        [
            "预测最佳采收时间|判断采摘窗口期|推算何时开采/predict the best harvest time|tell when picking should start|forecast the harvest window",
            "识别病虫害|发现虫害与病斑|植保病害诊断/recognise pests and diseases|spot leaf disease and insects|diagnose crop illness",
            "估计产量|测算单产|预估收成/estimate the yield|forecast crop output|work out production per hectare",
        ],
    ),
    "manufacturing": (
        "智能制造",
        "视觉检测",
        [
            "锂电池产线|电芯车间|动力电池工厂/battery line|lithium cell workshop|power battery plant",
            "纺织面料车间|织布厂|布匹生产线/textile mill|fabric weaving shop|cloth production line",
            "注塑车间|塑料件生产线|注塑成型工厂/injection moulding shop|plastic parts line|moulding plant",
        ],
        [
            "检测外观缺陷|找出表面瑕疵|表面质检/inspect surface defects|find blemishes on the surface|visual quality control",
            "预测设备故障|设备预测性维护|提前发现机器异常/predict machine failure|predictive maintenance of equipment|notice faults before breakdown",
            "优化排产|安排生产计划|调度工单顺序/optimise production scheduling|plan the order of jobs|sequence work on the machines",
        ],
    ),
    "water": (
        "水务",
        "物联网",
        [
            "水库|饮用水源水库|库区/reservoir|drinking water reservoir|dammed lake",
            "城市内河|城区河道|城市水系/urban river|city canal|inner-city waterway",
            "污水处理厂|排水厂站|污水站/sewage plant|wastewater works|effluent treatment station",
        ],
        [
            "监测水质|掌握水体污染情况|水质异常告警/monitor water quality|track pollution of the water|warn of contamination",
            "预报水位|洪水预测|推演水位变化/forecast the water level|predict floods|anticipate rising water",
            "识别漂浮垃圾|发现水面漂浮物|水面保洁巡查/detect floating rubbish|see litter on the surface|patrol for flotsam",
        ],
    ),
    "health": (
        "医疗健康",
        "医学影像",
        [
            "社区卫生服务中心|基层诊所|社区医院/community clinic|primary care centre|neighbourhood surgery",
            "三甲医院放射科|影像中心|放射诊断科/hospital radiology|imaging department|diagnostic X-ray unit",
            "体检中心|健康管理机构|健康体检机构/check-up centre|health screening provider|medical examination centre",
        ],
        [
            "筛查肺结节|发现肺部结节|胸部影像早癌筛查/screen for lung nodules|find nodules in the lung|early detection of chest cancer",
            "生成病历文书|自动书写病历|口述转结构化病历/write medical records|draft patient notes automatically|turn dictation into structured charts",
            "慢病随访管理|高血压糖尿病随访|长期病患跟踪/follow up chronic patients|manage hypertension and diabetes visits|keep track of long-term illness",
        ],
    ),
    "traffic": (
        "智慧交通",
        "计算机视觉",
        [
            "高速公路隧道|公路隧道|隧道群/motorway tunnel|highway tunnel|road tunnels",
            "城市路口|信号灯路口|交叉口/city junction|signalled intersection|crossroads",
            "公交枢纽|公交场站|客运枢纽/bus terminal|transit hub|passenger interchange",
        ],
        [
            "识别交通事故|发现碰撞与停车事件|道路事件检测/detect road accidents|notice crashes and stopped cars|traffic incident recognition",
            "优化信号配时|红绿灯自适应控制|调整放行时间/optimise signal timing|adaptive traffic lights|tune green phases",
            "预测客流|人流量预报|估计拥挤程度/forecast passenger flow|predict crowds|estimate how full it will be",
        ],
    ),
    "government": (
        "政务",
        "大模型",
        [
            "12345热线|市民服务热线|政务服务热线/citizen hotline|city service line|municipal call centre",
            "政务服务大厅|办事大厅|行政审批窗口/government service hall|permit office|administrative counter",
            "街道综治中心|基层治理中心|社区网格/sub-district office|local governance centre|community grid",
        ],
        [
            "自动分派工单|诉求智能分拨|把投诉转到责任部门/dispatch tickets automatically|route complaints to the right department|assign requests by content",
            "智能问答导办|政策咨询答复|办事指南问答/answer questions on procedures|explain policy to citizens|guide applicants by dialogue",
            "材料预审|申请表单自动审核|审查申报材料/pre-check documents|review application forms automatically|verify submitted papers",
        ],
    ),
    "energy": (
        "能源",
        "时序预测",
        [
            "工业园区配电网|园区配电房|企业变电所/industrial park grid|site substation|factory power distribution",
            "光伏电站|太阳能发电场|分布式光伏/solar farm|photovoltaic plant|rooftop PV",
            "换电站与充电站|充电场站|电动车充电网络/charging station|EV charging network|battery swap site",
        ],
        [
            "预测用电负荷|负荷预报|估计电力需求/forecast electric load|predict power demand|estimate consumption ahead",
            "诊断设备隐患|电力设备缺陷识别|发现线路故障/diagnose equipment hazards|find defects of electrical gear|locate line faults",
            "优化充放电策略|储能调度|削峰填谷控制/optimise charging strategy|schedule the storage|shave peaks and fill valleys",
        ],
    ),
    "logistics": (
        "智慧物流",
        "运筹优化",
        [
            "快递分拨中心|包裹分拣中心|快件转运场/parcel hub|package sorting centre|courier depot",
            "冷链仓库|冷库|低温仓储/cold store|refrigerated warehouse|chilled depot",
            "集装箱码头|港口堆场|货柜码头/container terminal|port yard|box wharf",
        ],
        [
            "优化配送路径|规划送货线路|车辆路径调度/optimise delivery routes|plan trips of the vans|vehicle routing",
            "识别破损包装|货损检测|查出坏箱/recognise damaged packages|detect cargo damage|find broken cartons",
            "预测货量|吞吐量预报|预估到货件数/forecast cargo volume|predict throughput|estimate arriving parcels",
        ],
    ),
    "tourism": (
        "文旅",
        "数字人",
        [
            "湖滨景区|西湖景区|湖区景点/lakeside park|West Lake scenic area|lake attraction",
            "历史博物馆|文博场馆|博物院/history museum|heritage gallery|antiquities collection",
            "夜游街区|古镇夜市|夜间商业街/night market quarter|old town at night|evening shopping street",
        ],
        [
            "多语言智能讲解|数字人导览|外语导游问答/multilingual guide|digital human tour|answer visitors in their language",
            "监测人流拥挤|客流预警|防踩踏告警/watch crowding|warn of visitor peaks|prevent stampedes",
            "个性化行程推荐|定制游览路线|智能行程规划/recommend personal itineraries|tailor the visit|plan a day for each guest",
        ],
    ),
    "low_altitude": (
        "低空",
        "无人机整机",
        [
            "电力线路走廊|输电线路|高压线廊道/power line corridor|transmission line|high-voltage route",
            "森林防火区|林区|山林防火重点区/forest fire zone|woodland|mountain forest",
            "建筑工地|施工现场|在建工程/building site|construction yard|works in progress",
        ],
        [
            "无人机自动巡检|飞行器例行巡查|空中巡视/automatic drone inspection|routine patrol by aircraft|aerial survey",
            "识别烟火隐患|火点发现|早期烟雾告警/recognise smoke and fire|spot ignition points|early smoke alarm",
            "三维建模测绘|实景三维重建|航测建模/three-dimensional mapping|reconstruct the site in 3D|photogrammetric survey",
        ],
    ),
}  # fmt: skip
TEST_FIELDS = frozenset({"manufacturing", "health", "government", "logistics", "low_altitude"})
"""Weights are tuned on the others."""

_TITLES_O = (
    "{object}{task}|{object}需要{task}|面向{object}的{task}场景",
    "{Task} in a {object}|{object}: {task}|A need to {task} at the {object}",
)
_TITLES_C = (
    "{task}模型|{object}{task}系统|{task}平台",
    "A model to {task}|{object}: {task} as a service|Platform that helps {task}",
)
_PAINS = (
    "目前{object}主要靠人工经验{task}，效率低、差错多，旺季人手不足。|{object}每年因为不能及时{task}造成损失，缺少可靠的办法。|"
    "现有系统无法在{object}{task}，误差大，结果出来太晚。|希望在{object}{task}，减少人工投入，结果可核验。",
    "At the {object} people {task} by experience alone: slow, full of mistakes, and short of hands in season.|"
    "Every year the {object} loses money because nobody can {task} in time.|"
    "What the {object} has today cannot {task}; its errors are large and it answers too late.|"
    "We wish to {task} at the {object} with fewer people and results that can be checked.",
)
_PROBLEMS = (
    "帮助{object}{task}，已在同类单位运行。|解决{object}难以{task}的问题，结果可追溯。|为客户{task}，适用于{object}等场所。",
    "Helps a {object} to {task}; in use at similar places.|Solves the trouble that a {object} has to {task}, with results one can trace.|"
    "Lets customers {task}, for instance in a {object}.",
)
_ROUTES = (
    "采用多模态大模型与小样本学习，边缘侧推理，云端持续训练。|基于时空图网络与气象数据融合，支持增量学习。|"
    "以轻量视觉模型加规则引擎实现，可在国产算力上部署。|结合知识图谱与检索增强生成，输出附依据。|传感器数据清洗后用梯度提升树建模，结果可解释。",
    "A multimodal model with few-shot learning, inference at the edge, training in the cloud.|"
    "Spatio-temporal graph networks fused with weather data, learning as it goes.|"
    "A light vision model with a rule engine, runs on domestic chips.|Knowledge graph and retrieval-augmented generation, answers with sources.|"
    "Gradient boosted trees on cleaned sensor data, explainable results.",
)
_BACKGROUNDS = (
    "本单位已有数据积累三年，现场网络和供电齐备，可提供测试场地。|计划在本年度内完成试点，效果好将全市推广。|已开展前期调研，周边单位有同类需求。",
    "Three years of data are at hand; network and power are there, and a test site can be given.|"
    "The trial should be done this year and be rolled out in the city if it works.|A survey was made; neighbours have the same need.",
)

_Number = tuple[str, Operator, float, str, str, float, float]
_INDICATORS: Sequence[_Number] = (
    # metric zh|zh/en|en, op, value, unit, unit of the measurement, what one is worth in the other, slack
    ("准确率|识别准确率/accuracy|detection accuracy", ">=", 95.0, "%", "", 0.01, 0.02),
    ("误报率|虚警率/false alarm rate|false positive rate", "<=", 3.0, "%", "‰", 10.0, 0.4),
    ("响应时间|时延/response time|latency", "<=", 2.0, "s", "ms", 1000.0, 0.5),
    ("处理速度|吞吐量/throughput|processing speed", ">=", 300.0, "件/分钟", "items/s", 1 / 60, 0.4),
    ("召回率|检出率/recall|detection rate", ">=", 92.0, "%", "%", 1.0, 0.04),
    ("平均误差|预测误差/mean absolute error|prediction error", "<=", 6.0, "%", "", 0.01, 0.4),
    ("提前量|预警提前/lead time|warning time", ">=", 2.0, "d", "h", 24.0, 0.6),
    ("可用率|在线率/availability|uptime", ">=", 99.5, "%", "", 0.01, 0.003),
)
_CREDENTIALS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("certificate", "等保三级", ("网络安全等级保护三级", "MLPS level 3", "三级等保")),
    ("filing", "生成式人工智能服务备案", ("大模型备案", "generative AI filing", "网信办备案")),
    ("certificate", "ISO27001", ("信息安全管理体系认证", "ISO/IEC 27001", "iso-27001")),
    ("filing", "算法备案", ("互联网信息服务算法备案", "algorithm filing", "深度合成算法备案")),
)
_CITIES = ("杭州", "宁波", "上海", "深圳", "成都", "合肥")


@dataclass(frozen=True, slots=True)
class Topic:
    """One task at one object of one field. ``number`` counts from 0; ``asks``: which indicators and constraints its
    opportunities draw from."""

    number: int
    field: str
    object: str
    task: str
    asks: Sequence[int]
    constraints: Sequence[str]
    credential: int


@dataclass(frozen=True, slots=True)
class Made:
    """One item. ``dice``: the seed of its wording, so that it can be written in any language again. ``wants``, for an
    opportunity: its indicators and constraints; ``part``, for a capability. ``spoken``: in the mixed market."""

    id: int
    topic: Topic
    dice: int
    part: Part | None
    wants: Sequence[int] = ()
    constraints: Sequence[str] = ()
    spoken: tuple[Language, ...] = ("zh",)
    broken: str = ""
    silent: str = ""
    missed: int = -1
    dropped: int = -1
    is_newcomer: bool = False
    capacity: int = 1
    city: str = "杭州"


@dataclass(slots=True)
class Corpus:
    """``grades``: 1 to 3 for each pair (opportunity id, capability id) that fits; others do not."""

    opportunities: list[Made] = field(default_factory=list)
    capabilities: list[Made] = field(default_factory=list)
    grades: dict[tuple[int, int], int] = field(default_factory=dict)


def make(opportunities: int = 300, capabilities: int = 360, *, seed: int = 7) -> Corpus:
    """The corpus of that size; the same for the same seed."""
    dice = random.Random(seed)
    topics = _topics(dice)
    corpus = Corpus()
    for number in range(opportunities):
        corpus.opportunities.append(_opportunity(dice, number + 1, topics[number % len(topics)], number))
    for number in range(capabilities):
        topic, part = topics[number % len(topics)], PARTS[number // len(topics) % len(PARTS)]
        corpus.capabilities.append(_capability(dice, opportunities + number + 1, topic, part, number))
    _grade(corpus)
    return corpus


def write(made: Made, languages: Sequence[Language]) -> OpportunityContent | CapabilityContent:
    """The item in these languages, what is no text (metrics) in the first of them."""
    return _write_need(made, languages) if made.part is None else _write_offer(made, languages)


def _topics(dice: random.Random) -> list[Topic]:
    found = []
    for name, (_, _, objects, tasks) in _FIELDS.items():
        for thing in objects:
            for task in tasks:
                kinds = dice.sample(["credential", "domestic_chip", "data_stays", "maturity", "licence"], 3)
                asks = dice.sample(range(len(_INDICATORS)), 3)
                found.append(Topic(len(found), name, thing, task, asks, kinds, dice.randrange(len(_CREDENTIALS))))
    return found


def _opportunity(dice: random.Random, number: int, topic: Topic, turn: int) -> Made:
    return Made(
        number,
        topic,
        dice.randrange(1 << 30),
        None,
        wants=sorted(dice.sample(topic.asks, dice.choice([1, 2, 2, 3]))),
        constraints=sorted(dice.sample(topic.constraints, dice.choice([1, 2, 2, 3]))),
        spoken=_SPOKEN[turn % len(_SPOKEN)],
        capacity=dice.choice([1, 1, 2]),
        city=dice.choice(_CITIES),
    )


def _capability(dice: random.Random, number: int, topic: Topic, part: Part, turn: int) -> Made:
    return Made(
        number,
        topic,
        dice.randrange(1 << 30),
        part,
        spoken=_SPOKEN[(turn * 7 + turn // 90) % len(_SPOKEN)],
        broken=dice.choice(topic.constraints) if part == "barred" else "",
        silent=dice.choice(topic.constraints) if part == "partial" else "",
        missed=dice.choice(topic.asks) if part == "weak" else -1,
        dropped=dice.choice(topic.asks) if part == "partial" else -1,
        is_newcomer=dice.random() < 0.3,
        capacity=dice.choice([1, 1, 2, 3]),
        city=dice.choice(_CITIES),
    )


_SPOKEN: Sequence[tuple[Language, ...]] = (("zh",), ("en",), ("zh",), ("zh", "en"), ("en",), ("zh",), ("en",))


def _grade(corpus: Corpus) -> None:
    by_topic: dict[int, list[Made]] = {}
    for one in corpus.capabilities:
        by_topic.setdefault(one.topic.number, []).append(one)
    for need in corpus.opportunities:
        for offer in by_topic.get(need.topic.number, []):
            if offer.broken not in need.constraints:
                lacks = (offer.dropped in need.wants) + (offer.silent in need.constraints)
                corpus.grades[need.id, offer.id] = 1 if offer.missed in need.wants else 2 if lacks else 3


def _write_need(made: Made, languages: Sequence[Language]) -> OpportunityContent:
    dice = random.Random(made.dice)
    texts = _texts(dice, made.topic, [_TITLES_O, _PAINS, _BACKGROUNDS], languages)
    credential = _CREDENTIALS[made.topic.credential]
    known = {
        "credential": Constraint(credential[0], credential[1]),  # type: ignore[arg-type]
        "domestic_chip": Constraint("domestic_chip"),
        "data_stays": Constraint("data_stays"),
        "maturity": Constraint("maturity", "7"),
        "licence": Constraint("licence", "commercial"),
    }
    budget = dice.choice([200_000, 500_000, 1_000_000])
    return OpportunityContent(
        title=texts[0],
        pain=texts[1],
        background=texts[2],
        unit=f"单位{made.id}",
        domains=[_FIELDS[made.topic.field][0]],
        region=made.city,
        indicators=[_indicator(dice, number, languages[0]) for number in made.wants],
        constraints=[known[name] for name in made.constraints],
        budget_least=budget // 4,
        budget_most=budget,
        deadline=date(2027, 3, 1),
        capacity=made.capacity,
        payer="本单位",
    )


def _write_offer(made: Made, languages: Sequence[Language]) -> CapabilityContent:
    dice = random.Random(made.dice)
    texts = _texts(dice, made.topic, [_TITLES_C, _PROBLEMS, _ROUTES], languages)
    kind, _, aliases = _CREDENTIALS[made.topic.credential]
    held = [] if made.silent == "credential" else ["未取得" if made.broken == "credential" else dice.choice(aliases)]
    local: list[Form] = ["private", "edge"]
    return CapabilityContent(
        title=texts[0],
        problem=texts[1],
        route=texts[2],
        provider=f"企业{made.id}",
        domains=[_FIELDS[made.topic.field][1]],
        region=made.city,
        maturity=_stated(made, "maturity", dice.choice([7, 8, 9]), dice.choice([3, 4]), None),
        measurements=[
            _measurement(dice, number, made, languages[0]) for number in made.topic.asks if number != made.dropped
        ],
        forms=_stated(made, "data_stays", local, ["api"], []),
        chips=_stated(made, "domestic_chip", [dice.choice(["昇腾910B", "Ascend 310", "海光DCU"])], ["NVIDIA A100"], []),
        licence=_stated(made, "licence", "apache-2.0", "cc-by-nc-4.0", ""),
        certificates=held if kind == "certificate" else [],
        filings=held if kind == "filing" else [],
        price_least=dice.choice([50_000, 100_000, 150_000]),
        capacity=made.capacity,
        is_newcomer=made.is_newcomer,
    )


def _stated(made: Made, name: str, good: T, bad: T, nothing: T) -> T:
    return bad if made.broken == name else nothing if made.silent == name else good


def _indicator(dice: random.Random, number: int, language: Language) -> Indicator:
    metric, op, value, unit, *_ = _INDICATORS[number]
    return Indicator(_worded(dice, metric, language), op, value, unit, "")


def _measurement(dice: random.Random, number: int, made: Made, language: Language) -> Measurement:
    metric, op, value, unit, other, worth, slack = _INDICATORS[number]
    is_missed = made.missed == number
    sign = 1 if op == ">=" else -1
    reached = value * (1 + sign * slack * dice.uniform(0.2, 0.9) * (-1 if is_missed else 1))
    if dice.random() < 0.5:
        unit, reached = other, reached * worth
    return Measurement(_worded(dice, metric, language), round(reached, 5), unit, ("https://example.org/report",))


def _texts(
    dice: random.Random, topic: Topic, templates: Sequence[tuple[str, str]], languages: Sequence[Language]
) -> list[Words]:
    found = []
    for both in templates:
        number, thing, task = dice.randrange(60), dice.randrange(3), dice.randrange(3)
        written: dict[str, str] = {}
        for language, template in zip(("zh", "en"), both, strict=True):
            if language in languages:
                names = {"object": _pick(topic.object, language, thing), "task": _pick(topic.task, language, task)}
                names["Task"] = names["task"].capitalize()
                choices = template.split(_ASIDE)
                written[language] = choices[number % len(choices)].format(**names)
        found.append(Words(**written))
    return found


def _worded(dice: random.Random, both: str, language: Language) -> str:
    return _pick(both, language, dice.randrange(2))


def _pick(both: str, language: str, number: int) -> str:
    zh, _, en = both.partition("/")
    choices = (zh if language == "zh" else en).split(_ASIDE)
    return choices[number % len(choices)]
