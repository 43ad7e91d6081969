"""How well needs and offers are found for each other, in both languages, and how fast: against BM25, vectors alone,
reciprocal rank fusion, and 0.7 cosine + 0.3 rules. Writes ``build/bench/matching.json``.

    python bench/matching.py                 # everything; vectors are made once, minutes
    python bench/matching.py --tune          # the weights, from the training fields alone
    python bench/matching.py --choose        # places of a long list and prefixes of the model, on the same fields
    python bench/matching.py --spread        # what the draw of paragraphs alone does to the handbook's figures
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

import embedded
import handbook
import scenario_corpus as made_up
from harness import RESULTS, command_line, progress, workplace
from yungu import accounts, migrations
from yungu.kernel import clock
from yungu.kernel.db import Database, Session
from yungu.scenarios import matching
from yungu.scenarios.matching import texts
from yungu.scenarios.matching.lexical import Lexicon, Vocabulary
from yungu.scenarios.matching.market import Listed, Market, Rules
from yungu.scenarios.matching.vectors import keep_vectors
from yungu.scenarios.models import Language, items, versions
from yungu.scenarios.rules import allocation, calibration, contents, domains, eligibility, fusion, measures

Floats = NDArray[np.float64]
Scores = NDArray[np.float64]
"""One row a query, one column a document; -inf: not shown."""
_RRF = 60
_RESAMPLES = 2000
_CHANCE = {0: 0.0, 1: 0.15, 2: 0.35, 3: 0.6}
"""Of a yes, by grade: what market measures are taken with, for every method alike."""
_PAIRS: Sequence[tuple[Language, Language]] = (("zh", "zh"), ("zh", "en"), ("en", "zh"), ("en", "en"))
_BASELINES = ("BM25", "dense", "RRF", "0.7 cosine + 0.3 rules")
_METHODS = (*_BASELINES, "text only", "full")


@dataclass(frozen=True, slots=True)
class Task:
    """Queries and documents with what each query should find. ``grades``: 0 to 3, one row a query."""

    name: str
    market: Market
    grades: NDArray[np.int64]


def main() -> None:
    if "--spread" in sys.argv:
        _spread()
        return
    corpus = made_up.make()
    vectors = _corpus_vectors(corpus)
    tasks = _tasks(corpus, vectors)
    if "--tune" in sys.argv:
        _tune(tasks, corpus)
        return
    if "--choose" in sys.argv:
        _choose(tasks, corpus, vectors)
        return
    kept: dict[str, Any] = {"command": command_line(), "load": os.getloadavg()[2], "taken_on": str(date.today())}
    kept["test_fields"] = sorted(made_up.TEST_FIELDS)
    kept["corpus"] = _rank_all(tasks, corpus)
    kept["market"] = _market(tasks["mixed"], corpus)
    kept["handbook"] = _handbook()
    kept["scale"] = _scale()
    kept["service"] = _service()
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "matching.json").write_text(json.dumps(kept, indent=1) + "\n")
    print(json.dumps(kept, indent=1))


# --- the constructed corpus


def _listed(made: made_up.Made, languages: Sequence[Language]) -> Listed:
    return Listed(made.id, str(made.id), 1, made_up.write(made, languages), made.capacity)


def _corpus_vectors(corpus: made_up.Corpus) -> Mapping[str, NDArray[np.float32]]:
    meant: list[str] = []
    for one in [*corpus.opportunities, *corpus.capabilities]:
        for language in ("zh", "en"):
            meant += texts.meanings_of(made_up.write(one, [language]))
        meant += texts.meanings_of(made_up.write(one, one.spoken))
    return embedded.embed(meant)


def _tasks(corpus: made_up.Corpus, vectors: Mapping[str, NDArray[np.float32]]) -> dict[str, Task]:
    grades = np.array(
        [[corpus.grades.get((one.id, other.id), 0) for other in corpus.capabilities] for one in corpus.opportunities]
    )
    found = {}
    for one, other in _PAIRS:
        left = [_listed(made, [one]) for made in corpus.opportunities]
        right = [_listed(made, [other]) for made in corpus.capabilities]
        name = f"{one} → {other}"
        found[name] = Task(name, Market(left, right, today=made_up.TODAY, vectors=vectors), grades)
    left = [_listed(made, made.spoken) for made in corpus.opportunities]
    right = [_listed(made, made.spoken) for made in corpus.capabilities]
    found["mixed"] = Task("mixed", Market(left, right, today=made_up.TODAY, vectors=vectors), grades)
    return found


def _is_test(corpus: made_up.Corpus) -> NDArray[np.bool_]:
    return np.array([one.topic.field in made_up.TEST_FIELDS for one in corpus.opportunities])


def _rank_all(tasks: Mapping[str, Task], corpus: made_up.Corpus) -> dict[str, Any]:
    """Every method on every pair of languages: only queries of fields that no weight has seen."""
    is_test = _is_test(corpus)
    found: dict[str, Any] = {}
    for name, task in tasks.items():
        scored = {method: _METHOD[method](task.market)[is_test] for method in _METHODS}
        found[name] = _compared(scored, task.grades[is_test])
        progress(f"{name}: " + ", ".join(f"{m} {v['ndcg'][0]:.3f}" for m, v in found[name]["methods"].items()))
    return found


def _bm25(market: Market) -> Scores:
    side, other = market._needs, market._offers
    return np.asarray(other.lexicon.scores(side.bags), dtype=float)


def _dense(market: Market) -> Scores:
    one, other = market._needs.vectors, market._offers.vectors
    assert one is not None
    assert other is not None
    return np.asarray(one @ other.T, dtype=float)


def _rrf(market: Market) -> Scores:
    return _rrf_of(_bm25(market), _dense(market))


def _rrf_of(words: NDArray[Any], cosines: NDArray[Any]) -> Scores:
    """Documents that no word of the query hits have no rank in the list of words."""
    by_words = np.where(words > 0, 1.0 / (_RRF + _ranks(words)), 0.0)
    return by_words + 1.0 / (_RRF + _ranks(cosines))


def _cosine_and_rules(market: Market) -> Scores:
    """The rules: the share of requirements that pass by the same tables as ours, and equal fields."""
    rules = np.zeros((len(market.opportunities), len(market.capabilities)))
    for i, one in enumerate(market.opportunities):
        wanted = eligibility.requirements(one.wanted, market.today)
        passes = np.mean([market._column(each) == 0 for each in wanted], axis=0)
        near = np.array([domains.closeness(one.wanted.domains, other.offered.domains) for other in market.capabilities])
        rules[i] = 0.5 * passes + 0.5 * near
    return 0.7 * _dense(market) + 0.3 * rules


def _text(market: Market) -> Scores:
    words, meaning = market._text_scores(market._needs, market._offers)
    return np.asarray(words + meaning, dtype=float)


def _full(market: Market) -> Scores:
    places = {one.id: place for place, one in enumerate(market.capabilities)}
    scores = np.full((len(market.opportunities), len(market.capabilities)), -np.inf)
    for i, one in enumerate(market.opportunities):
        for rank, judged in enumerate(market.shortlist(one, limit=None)):
            scores[i, places[judged.capability_id]] = -rank
    return scores


_METHOD: Mapping[str, Callable[[Market], Scores]] = {
    "BM25": _bm25,
    "dense": _dense,
    "RRF": _rrf,
    "0.7 cosine + 0.3 rules": _cosine_and_rules,
    "text only": _text,
    "full": _full,
}


def _ranks(scores: NDArray[Any]) -> Scores:
    order = np.argsort(-scores, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, scores.shape[1] + 1)[None, :].repeat(len(scores), 0), axis=1)
    return ranks.astype(float)


# --- measures of a ranking


def _compared(scored: Mapping[str, Scores], grades: NDArray[np.int64]) -> dict[str, Any]:
    """Each method with 95 % intervals, and by how much the last one beats each baseline, query by query."""
    each = {method: _figures(scores, grades) for method, scores in scored.items()}
    last = list(each)[-1]
    methods = {method: _intervals(figures) for method, figures in each.items()}
    gains = {
        method: _intervals({name: each[last][name] - values for name, values in each[method].items()})
        for method in _BASELINES
        if method in each
    }
    return {"methods": methods, "gains": gains, "queries": len(grades)}


def _intervals(figures: Mapping[str, Floats]) -> dict[str, list[float]]:
    return {name: [round(number, 4) for number in _interval(values)] for name, values in figures.items()}


def _figures(scores: Scores, grades: NDArray[np.int64]) -> dict[str, Floats]:
    """nDCG@10 (gain 2^grade - 1), recall@20 and the reciprocal rank of the first that fits, for each query."""
    order = np.argsort(-scores, axis=1, kind="stable")
    shown = np.take_along_axis(np.isfinite(scores), order, axis=1)
    found = np.where(shown, np.take_along_axis(grades, order, axis=1), 0)
    discount = 1 / np.log2(np.arange(2, 12))
    gained = ((2.0 ** found[:, :10] - 1) * discount).sum(axis=1)
    ideal = ((2.0 ** -np.sort(-grades, axis=1)[:, :10] - 1) * discount).sum(axis=1)
    first = np.where((found > 0).any(axis=1), 1.0 / ((found > 0).argmax(axis=1) + 1), 0.0)
    recall = (found[:, :20] > 0).sum(axis=1) / np.maximum(1, (grades > 0).sum(axis=1))
    return {"ndcg": gained / np.maximum(ideal, 1e-9), "recall": recall, "mrr": first}


def _interval(values: Floats) -> tuple[float, float, float]:
    """The mean and its 95 % bootstrap interval over queries."""
    dice = np.random.default_rng(0)
    means = values[dice.integers(0, len(values), (_RESAMPLES, len(values)))].mean(axis=1)
    return float(values.mean()), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


# --- the market


def _market(task: Task, corpus: made_up.Corpus) -> dict[str, Any]:
    """Five proposals for each opportunity, chosen in every way, measured with what is true of each pair."""
    market, rules = task.market, Rules()
    chance = np.vectorize(_CHANCE.get)(task.grades)
    newcomers = np.array([one.is_newcomer for one in corpus.capabilities])
    found = {}
    for method in _BASELINES:
        chosen = _top(_METHOD[method](market), rules.shortlist)
        found[f"{method}, lists apart"] = _market_row(market, chance, task.grades, chosen, newcomers, rules)
    judged = market.judge_all()
    places = [({one.id: at for at, one in enumerate(side)}) for side in (market.opportunities, market.capabilities)]
    kept = [one for one in judged if one.probability >= rules.least]
    graph = market.graph(judged, rules)
    for how in ("separate", "greedy", "deferred", "flow"):
        edges = allocation.allocate(graph, how, first_bonus=rules.first_bonus)  # type: ignore[arg-type]
        chosen = {
            places[0][kept[edge].opportunity_id] * len(places[1]) + places[1][kept[edge].capability_id]
            for edge in edges
        }
        name = "lists apart" if how == "separate" else how
        found[f"yungu, {name}"] = _market_row(market, chance, task.grades, chosen, newcomers, rules)
        progress(f"{name}: {found[f'yungu, {name}']}")
    return found


def _market_row(
    market: Market,
    chance: Floats,
    grades: NDArray[np.int64],
    chosen: set[int],
    newcomers: NDArray[np.bool_],
    rules: Rules,
) -> dict[str, float]:
    lefts, rights = grades.shape
    graph = allocation.Graph(
        left=np.repeat(np.arange(lefts), rights),
        right=np.tile(np.arange(rights), lefts),
        weight=chance.ravel(),
        demand=chance.ravel(),
        provider=chance.ravel(),
        left_room=np.array([one.free for one in market.opportunities]),
        right_room=np.array([one.free for one in market.capabilities]),
        floor=np.array([rules.floor * one.offered.is_newcomer for one in market.capabilities]),
    )
    edges = np.array(sorted(chosen))
    row = dataclasses.asdict(measures.measure(graph, edges, newcomers))
    shown = replace(
        graph,
        left_room=np.full(lefts, rules.shortlist),
        right_room=np.array([one.free * rules.per_place for one in market.capabilities]),
    )
    row["blocking_pairs"] = measures.blocking_pairs(shown, edges)
    row["fitting"] = float((grades.ravel()[edges] > 0).mean())
    served = np.bincount(graph.left[edges[grades.ravel()[edges] > 0]], minlength=lefts)
    row["served"] = float((served > 0).mean())
    return {name: round(float(value), 4) for name, value in row.items()}


def _top(scores: Scores, count: int) -> set[int]:
    order = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return {int(i) * scores.shape[1] + int(j) for i, row in enumerate(order) for j in row}


# --- the handbook


def _handbook(count: int = 500, asked: int = 150) -> dict[str, Any]:
    """English sentence to Chinese paragraph, and inside Chinese from a first sentence to the rest; the text part alone,
    with its default weights. Questions carry the prefix for questions: unlike a need and an offer, a sentence and a
    paragraph are not of one kind."""
    found = handbook.paragraphs(count)
    zh, rests = [one.zh for one in found], [handbook.rest(one.zh) for one in found]
    heads, en = ([handbook.first_sentence(text) for text in side[:asked]] for side in (zh, [one.en for one in found]))
    read, asking = embedded.embed([*zh, *rests]), embedded.embed_questions([*heads, *en])
    return {
        "en → zh": _texts_compared(en, "en", _stacked(en, asking), zh, "zh", _stacked(zh, read)),
        "zh → zh (first sentence → rest)": _texts_compared(
            heads, "zh", _stacked(heads, asking), rests, "zh", _stacked(rests, read)
        ),
    }


def _stacked(side: Sequence[str], vectors: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.array([vectors[texts.text_hash(text)] for text in side])


def _texts_compared(
    queries: Sequence[str],
    spoken: Language,
    asking: NDArray[np.float32],
    documents: Sequence[str],
    written: Language,
    asked: NDArray[np.float32],
) -> dict[str, Any]:
    vocabulary = Vocabulary()
    bags = [[vocabulary.bag(Counter(texts.terms(text))) for text in side] for side in (queries, documents)]
    words, cosines = Lexicon(bags[1], vocabulary).scores(bags[0]), asking @ asked.T
    groups = np.zeros(len(documents), dtype=np.int8)
    shared = np.full(words.shape, spoken == written)
    joined = fusion.fused(
        fusion.scaled_words(words), fusion.scaled_meaning(cosines, groups), shared, fusion.DEFAULT.text
    )
    scored = {"BM25": words, "dense": cosines, "RRF": _rrf_of(words, cosines), "text only": joined}
    grades = np.eye(len(queries), len(documents), dtype=np.int64)
    return _compared({name: np.asarray(scores, dtype=float) for name, scores in scored.items()}, grades)


def _spread(draws: int = 100, count: int = 500, asked: int = 150) -> None:
    """The same inside Chinese for many draws of paragraphs: mean nDCG@10 and where 95 % of the draws lie; dense once
    more with the prefix for passages on both sides."""
    found = handbook.paragraphs(1_000_000)
    heads, rests = ([cut(one.zh) for one in found] for cut in (handbook.first_sentence, handbook.rest))
    passages, asking = embedded.embed([*heads, *rests]), _stacked(heads, embedded.embed_questions(heads))
    alike, asked_of = _stacked(heads, passages), _stacked(rests, passages)
    figures: dict[str, list[float]] = {}
    dice = np.random.default_rng(0)
    for _ in range(draws):
        drawn = dice.choice(len(found), count, replace=False)
        q, side = drawn[:asked], [[texts_of[at] for at in drawn] for texts_of in (heads, rests)]
        task = _texts_compared(side[0][:asked], "zh", asking[q], side[1], "zh", asked_of[drawn])
        for name, values in task["methods"].items():
            figures.setdefault(name, []).append(values["ndcg"][0])
        plain = _figures((alike[q] @ asked_of[drawn].T).astype(float), np.eye(asked, count, dtype=np.int64))
        figures.setdefault("dense, passages on both sides", []).append(float(plain["ndcg"].mean()))
    print(f"{len(found)} paragraphs")
    for name, means in figures.items():
        print(f"{name}: {np.mean(means):.3f} [{np.quantile(means, 0.025):.3f}, {np.quantile(means, 0.975):.3f}]")


# --- size


def _scale(opportunities: int = 1000, capabilities: int = 10_000) -> dict[str, Any]:
    """Both lists made up at that size, bilingual, with made-up vectors near those of their topic."""
    corpus = made_up.make(opportunities, capabilities, seed=11)
    left = [_listed(one, one.spoken) for one in corpus.opportunities]
    right = [_listed(one, one.spoken) for one in corpus.capabilities]
    vectors = _near_topics(corpus, [*left, *right])
    started, worked = time.perf_counter(), time.process_time()
    market = Market(left, right, today=made_up.TODAY, vectors=vectors)
    market.shortlist(left[0])
    indexed = time.perf_counter()
    judged = market.judge_all()
    judged_at = time.perf_counter()
    dealt = market.deal(Rules(), judged)
    done, worked = time.perf_counter(), time.process_time() - worked
    fresh = made_up.make(200, 1, seed=12).opportunities
    seconds = []
    for number, one in enumerate(fresh):
        new = replace(_listed(one, one.spoken), id=-1 - number, version=number + 1)
        begun = time.perf_counter()
        market.shortlist(new)
        seconds.append(time.perf_counter() - begun)
    again = time.perf_counter()
    changed = [replace(right[0], version=2), *right[1:]]
    renewed = market.renewed(left, changed, today=made_up.TODAY, vectors=vectors, calibrated=market.calibrated)
    renewed.shortlist(left[0])
    return {
        "opportunities": opportunities,
        "capabilities": capabilities,
        "index_seconds": round(indexed - started, 2),
        "judge_seconds": round(judged_at - indexed, 2),
        "pairs_judged": len(judged),
        "deal_seconds": round(done - judged_at, 2),
        "end_to_end_seconds": round(done - started, 2),
        "end_to_end_cpu_seconds": round(worked, 2),
        "renew_seconds": round(time.perf_counter() - again, 2),
        "shortlist_median_ms": round(1000 * float(np.median(seconds)), 1),
        "shortlist_p95_ms": round(1000 * float(np.quantile(seconds, 0.95)), 1),
        "shortlist_max_ms": round(1000 * max(seconds), 1),
        "measures": dataclasses.asdict(dealt.measures),
    }


@dataclass(frozen=True, slots=True)
class Known:
    """Stands for a model all of whose vectors are kept already."""

    model: str = "near topics"

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        raise NotImplementedError


def _service(opportunities: int = 1000, capabilities: int = 10_000, fresh: int = 24) -> dict[str, float]:
    """The same through the database: what a hub does when an opportunity is published; before every second one a
    capability was published, too."""
    corpus = made_up.make(opportunities + fresh, capabilities + fresh, seed=11)
    needs, offers = corpus.opportunities, corpus.capabilities
    with workplace() as work:
        database = Database(f"sqlite:///{work / 'yungu.db'}")
        migrations.upgrade(database)
        with database.write() as session:
            owner = accounts.create_user(session, "lin", password_hash=None)
            _post(session, owner.id, [*needs[:opportunities], *offers[:capabilities]])
            listed = [_listed(one, one.spoken) for one in (*needs, *offers)]
            keep_vectors(session, Known().model, _near_topics(corpus, listed))
        markets = matching.Markets(Known())
        started = time.perf_counter()
        markets.current_of(database).market.shortlist(_listed(needs[0], ["zh"]))
        first = time.perf_counter() - started
        taken = [
            _publish_one(database, markets, owner.id, need, offer if turn % 2 else None)
            for turn, (need, offer) in enumerate(zip(needs[opportunities:], offers[capabilities:], strict=True))
        ]
    return {"first_seconds": round(first, 2), **_told("shortlist", taken[::2]), **_told("changed", taken[1::2])}


def _told(name: str, taken: Sequence[tuple[float, float]]) -> dict[str, float]:
    wall, cpu = np.array(taken).T * 1000
    figures = {"median": np.median(wall), "max": wall.max(), "cpu": np.median(cpu)}
    return {f"{name}_{kind}_ms": round(float(value), 1) for kind, value in figures.items()}


def _publish_one(
    database: Database, markets: matching.Markets, owner_id: int, need: made_up.Made, offer: made_up.Made | None
) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    with database.write() as session:
        _post(session, owner_id, [need, *([offer] if offer else [])])
    begun, worked = time.perf_counter(), time.process_time()
    with database.write() as session:
        run = matching.keep(session, matching.find_for(session, markets, need.id), None)
        matching.publish(session, run.id, None)
    return time.perf_counter() - begun, time.process_time() - worked


def _post(session: Session, owner_id: int, made: Sequence[made_up.Made]) -> None:
    """Rows as publishing leaves them, without the way there."""
    now = clock.now()
    rows, kept = [], []
    for one in made:
        packed = contents.pack(made_up.write(one, one.spoken))
        side = "capability" if one.part else "opportunity"
        row = {"id": one.id, "side": side, "code": f"X-{one.id}", "owner_id": owner_id, "status": "published"}
        moments = dict.fromkeys(("created_at", "changed_at", "confirmed_at", "moved_at"), now)
        rows.append(row | moments | {"version": 1, "content": packed, "last_event_id": time.monotonic_ns()})
        kept.append({"item_id": one.id, "version": 1, "content": packed, "at": now})
    session.execute(sa.insert(items), rows)
    session.execute(sa.insert(versions), kept)


def _near_topics(corpus: made_up.Corpus, listed: Sequence[Listed]) -> Mapping[str, NDArray[np.float32]]:
    dice = np.random.default_rng(5)
    centres = dice.normal(size=(90, 384)).astype(np.float32)
    found = {}
    for made, one in zip([*corpus.opportunities, *corpus.capabilities], listed, strict=True):
        for text in texts.meanings_of(one.content):
            noisy = centres[made.topic.number] + dice.normal(size=384).astype(np.float32)
            found[texts.text_hash(text)] = noisy / np.linalg.norm(noisy)
    return found


# --- weights


@dataclass(frozen=True, slots=True)
class Trial:
    """All pairs of one task that may be, with their features under the default weights, to be judged by others."""

    features: Floats
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    is_shared: NDArray[np.bool_]
    grades: NDArray[np.int64]


def _tune(tasks: Mapping[str, Task], corpus: made_up.Corpus) -> None:
    """One weight after another, by the mean nDCG@10 over all pairs of languages, on the training fields only."""
    trials = [_trial(task, np.flatnonzero(~_is_test(corpus))) for task in tasks.values()]
    held = [_trial(task, np.flatnonzero(_is_test(corpus))) for task in tasks.values()]
    weights = fusion.DEFAULT
    best = _trained(trials, weights)
    print(f"start: training {best:.4f}, test {_trained(held, weights):.4f}")
    for _ in range(3):
        for name, candidate in (one for step in range(_STEPS) for one in [_choice(weights, step)]):
            now = _trained(trials, candidate)
            if now > best + 2e-4:
                best, weights = now, candidate
                print(f"{name}: training {best:.4f}", flush=True)
    print(weights, f"training {best:.4f}, test {_trained(held, weights):.4f}")


def _choose(tasks: Mapping[str, Task], corpus: made_up.Corpus, vectors: Mapping[str, NDArray[np.float32]]) -> None:
    """Mean recall@20 over the pairs of languages by how many places go to judgement before the nearest texts follow,
    and what vectors alone find when needs are read as questions; on the training fields only."""
    train = ~_is_test(corpus)
    both = [(_by_judgement(task.market), _text(task.market)) for task in tasks.values()]
    for places in range(10, 21):
        lists = [_with_tail(judged, text, places)[train] for judged, text in both]
        figures = [_figures(each, task.grades[train]) for each, task in zip(lists, tasks.values(), strict=True)]
        print(f"{places} places by judgement: recall@20 {np.mean([one['recall'].mean() for one in figures]):.4f}")
    needs = [made for made, is_train in zip(corpus.opportunities, train, strict=True) if is_train]
    meant = [text for made in needs for spoken in (["zh"], ["en"], made.spoken) for text in _meant(made, spoken)]
    for prefix, asking in (("passages", vectors), ("questions", {**vectors, **embedded.embed_questions(meant)})):
        again = _tasks(corpus, asking)
        ndcg = [_figures(_dense(task.market)[train], task.grades[train])["ndcg"].mean() for task in again.values()]
        print(f"needs read as {prefix}: nDCG@10 of vectors alone {np.mean(ndcg):.4f}")


def _meant(made: made_up.Made, spoken: Sequence[Language]) -> Sequence[str]:
    return texts.meanings_of(made_up.write(made, spoken))


def _by_judgement(market: Market) -> Scores:
    places = {one.id: place for place, one in enumerate(market.capabilities)}
    scores = np.full((len(market.opportunities), len(market.capabilities)), -np.inf)
    for i, one in enumerate(market.opportunities):
        for judged in market.shortlist(one, limit=None):
            scores[i, places[judged.capability_id]] = judged.score
    return scores


def _with_tail(judged: Scores, text: Scores, places: int) -> Scores:
    """So many by judgement, the nearest of the others by text up to the twentieth place, then the rest."""
    head, may = _ranks(judged) <= places, np.isfinite(judged)
    near = _ranks(np.where(head | ~may, -np.inf, text)) <= 20 - places
    return np.where(may, judged + 2000 * head + 1000 * (near & ~head), -np.inf)


_TEXT_FACTORS = (0.5, 0.7, 1.4, 2.0)
_STEPS = 4 * (2 + 2 * len(fusion.FEATURES))


def _choice(weights: fusion.Weights, step: int) -> tuple[str, fusion.Weights]:
    """The same weights but for one, made smaller or greater."""
    which, factor = step // len(_TEXT_FACTORS), _TEXT_FACTORS[step % len(_TEXT_FACTORS)]
    text = weights.text
    if which < 2:
        name = ("shared", "across")[which]
        return name, replace(weights, text=replace(text, **{name: round(getattr(text, name) * factor, 4)}))
    side, place = ("demand", "provider")[(which - 2) % 2], (which - 2) // 2
    changed = list(getattr(weights, side))
    changed[place] = round(changed[place] * factor, 4)
    return f"{side} {fusion.FEATURES[place]}", replace(weights, **{side: tuple(changed)})


def _trial(task: Task, queries: NDArray[np.int64]) -> Trial:
    market = task.market
    places = {one.id: place for place, one in enumerate(market.capabilities)}
    features, rows, columns = [], [], []
    for row, query in enumerate(queries):
        for judged in market.shortlist(market.opportunities[query], limit=None):
            features.append(judged.features)
            rows.append(row)
            columns.append(places[judged.capability_id])
    left, right = market._needs.groups[queries][rows], market._offers.groups[columns]
    grades = task.grades[queries]
    return Trial(np.array(features), np.array(rows), np.array(columns), (left & right) > 0, grades)


def _trained(trials: Sequence[Trial], weights: fusion.Weights) -> float:
    return float(np.mean([_judged(trial, weights) for trial in trials]))


def _judged(trial: Trial, weights: fusion.Weights) -> float:
    old, new = fusion.DEFAULT.text, weights.text
    features = trial.features.copy()
    features[:, 0] *= np.where(trial.is_shared, new.shared / old.shared, new.across / old.across)
    demand = fusion.log_odds(features, weights.demand, weights.demand_bias)
    provider = fusion.log_odds(features, weights.provider, weights.provider_bias)
    scores = np.full(trial.grades.shape, -np.inf)
    scores[trial.rows, trial.columns] = calibration.joint(demand, provider)
    return float(_figures(scores, trial.grades)["ndcg"].mean())


if __name__ == "__main__":
    main()
