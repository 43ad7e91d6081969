"""How to use a repo with each client, ready to be copied, with the address of this server in it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from yungu.api.web import urls
from yungu.hub import Repo

_AUTO_CLASSES = {
    "text-generation": "AutoModelForCausalLM",
    "conversational": "AutoModelForCausalLM",
    "text2text-generation": "AutoModelForSeq2SeqLM",
    "translation": "AutoModelForSeq2SeqLM",
    "summarization": "AutoModelForSeq2SeqLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "question-answering": "AutoModelForQuestionAnswering",
    "fill-mask": "AutoModelForMaskedLM",
    "multiple-choice": "AutoModelForMultipleChoice",
    "image-classification": "AutoModelForImageClassification",
    "object-detection": "AutoModelForObjectDetection",
    "image-segmentation": "AutoModelForImageSegmentation",
    "depth-estimation": "AutoModelForDepthEstimation",
    "image-text-to-text": "AutoModelForImageTextToText",
    "automatic-speech-recognition": "AutoModelForSpeechSeq2Seq",
    "audio-classification": "AutoModelForAudioClassification",
    "text-to-speech": "AutoModelForTextToWaveform",
}
"""https://huggingface.co/docs/transformers/model_doc/auto"""
_OF_TEXT = (
    "text",
    "token",
    "question",
    "fill",
    "summar",
    "transl",
    "feature",
    "sentence",
    "conversational",
    "multiple",
)


@dataclass(frozen=True, slots=True)
class Snippet:
    """``name``: of the client, in its own words."""

    name: str
    text: str


def list_snippets(repo: Repo, origin: str, names: Sequence[str]) -> Sequence[Snippet]:
    """The ways to use ``repo``, the likeliest first. ``names``: of the files in its root folder."""
    return [*_by_library(repo, origin, names), *_by_client(repo, origin, names)]


def _by_library(repo: Repo, origin: str, names: Sequence[str]) -> Iterator[Snippet]:
    if repo.kind == "dataset":
        yield Snippet(
            "datasets",
            _with_endpoint(origin, f'from datasets import load_dataset\n\ndata = load_dataset("{repo.repo_id}")'),
        )
    if repo.kind != "model":
        return
    words = {repo.library_name or "", *repo.tags}
    for library, write in _LIBRARIES.items():
        if library in words:
            yield Snippet(library, _with_endpoint(origin, write(repo)))
    weights = next((name for name in names if name.endswith(".gguf")), None)
    if weights:
        yield Snippet(
            "llama.cpp",
            f"export MODEL_ENDPOINT={origin}/\nllama-cli --hf-repo {repo.repo_id} --hf-file {shlex.quote(weights)}",
        )


def _by_client(repo: Repo, origin: str, names: Sequence[str]) -> Iterator[Snippet]:
    option = "" if repo.kind == "model" else f" --repo-type {repo.kind}"
    argument = "" if repo.kind == "model" else f', repo_type="{repo.kind}"'
    yield Snippet("hf", f"export HF_ENDPOINT={origin}\nhf download {repo.repo_id}{option}")
    yield Snippet(
        "huggingface_hub",
        "from huggingface_hub import snapshot_download\n\nfolder = snapshot_download(\n"
        f'    "{repo.repo_id}"{argument},\n    endpoint="{origin}",\n)',
    )
    if repo.kind != "space":
        yield from _modelscope(repo, origin)
    yield Snippet("git", f"git lfs install\ngit clone {origin}{urls.repo(repo)}")
    file = next((name for name in names if not name.startswith(".")), "README.md")
    yield Snippet("curl", f"curl -L -O {origin}{urls.resolve(repo, repo.default_branch, file)}")


def _modelscope(repo: Repo, origin: str) -> Iterator[Snippet]:
    option, prefix = ("--model", "") if repo.kind == "model" else ("--dataset", "dataset_")
    settings = {"MODELSCOPE_ENDPOINT": origin, "MODELSCOPE_DOMAIN": urlsplit(origin).netloc}
    exported = "".join(f"export {name}={value}\n" for name, value in settings.items())
    yield Snippet("modelscope", f"{exported}modelscope download {option} {repo.repo_id} --local_dir {repo.name}")
    set_ = "".join(f'os.environ["{name}"] = "{value}"\n' for name, value in settings.items())
    code = f"from modelscope import {prefix}snapshot_download\n\n"
    call = f'folder = {prefix}snapshot_download("{repo.repo_id}")'
    yield Snippet("modelscope SDK", f"import os\n\n{set_}\n{code}{call}")


def _with_endpoint(origin: str, code: str) -> str:
    """Python that asks this server: the libraries read the address when they are imported."""
    return f'import os\n\nos.environ["HF_ENDPOINT"] = "{origin}"\n\n{code}'


def _transformers(repo: Repo) -> str:
    task = repo.pipeline_tag or ""
    made = _AUTO_CLASSES.get(task, "AutoModel")
    reads = "AutoTokenizer" if not task or task.startswith(_OF_TEXT) else "AutoProcessor"
    name = "tokenizer" if reads == "AutoTokenizer" else "processor"
    return (
        f"from transformers import {made}, {reads}\n\n"
        f'{name} = {reads}.from_pretrained("{repo.repo_id}")\nmodel = {made}.from_pretrained("{repo.repo_id}")'
    )


def _diffusers(repo: Repo) -> str:
    return (
        f'from diffusers import DiffusionPipeline\n\npipe = DiffusionPipeline.from_pretrained("{repo.repo_id}")\n'
        'image = pipe("a cup of green tea").images[0]'
    )


def _sentences(repo: Repo) -> str:
    return (
        f'from sentence_transformers import SentenceTransformer\n\nmodel = SentenceTransformer("{repo.repo_id}")\n'
        'vectors = model.encode(["green tea", "龙井茶"])'
    )


def _peft(repo: Repo) -> str:
    made = "AutoPeftModelForCausalLM"
    return f'from peft import {made}\n\nmodel = {made}.from_pretrained("{repo.repo_id}")'


_LIBRARIES: dict[str, Callable[[Repo], str]] = {
    "sentence-transformers": _sentences,
    "diffusers": _diffusers,
    "peft": _peft,
    "transformers": _transformers,
}


def list_call_snippets(name: str, answers: Sequence[str], origin: str) -> Sequence[Snippet]:
    """The ways to call a deployed model, for what it answers first."""
    kind = answers[0] if answers else "chat"
    if kind == "predict":
        return list(_posted(f"{origin}/api/models/{name}/predict", "{}"))
    if kind == "rerank":
        body = f'{{"model": "{name}", "query": "tea", "documents": ["green tea", "coffee"]}}'
        return list(_posted(f"{origin}/v1/rerank", body))
    call = _CALLS[kind]
    found = [Snippet("openai", _openai(name, call, origin)), _curl(f"{origin}/v1/{call.address}", call.body(name))]
    options = f'base_url="{origin}/v1", api_key="TOKEN"'
    if kind == "chat":
        asked = f'client.chat_completion(\n    model="{name}", {call.said}\n)\nprint({call.read})'
        text = f"from huggingface_hub import InferenceClient\n\nclient = InferenceClient({options})\nanswer = {asked}"
        found.append(Snippet("huggingface_hub", text))
    made = f'from langchain_openai import {call.chain}\n\nmodel = {call.chain}({options}, model="{name}")'
    found.append(Snippet("LangChain", f"{made}\n{call.chained}"))
    return found


@dataclass(frozen=True, slots=True)
class _Call:
    """How one kind of call is written: for OpenAI's client, as JSON, and with LangChain."""

    address: str
    method: str
    said: str
    json: str
    read: str
    chain: str
    chained: str

    def body(self, name: str) -> str:
        return f'{{"model": "{name}", {self.json}}}'


def _openai(name: str, call: _Call, origin: str) -> str:
    client = f'client = OpenAI(base_url="{origin}/v1", api_key="TOKEN")'
    asked = f'answer = client.{call.method}(\n    model="{name}", {call.said}\n)'
    return f"from openai import OpenAI\n\n{client}\n{asked}\nprint({call.read})"


def _posted(address: str, body: str) -> Iterator[Snippet]:
    headers = 'headers={"Authorization": "Bearer TOKEN"}'
    code = f'answer = httpx.post(\n    "{address}",\n    {headers},\n    json={body},\n)'
    yield Snippet("httpx", f"import httpx\n\n{code}\nprint(answer.json())")
    yield _curl(address, body)


def _curl(address: str, body: str) -> Snippet:
    headers = "-H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json'"
    return Snippet("curl", f"curl {address} \\\n  {headers} \\\n  -d {shlex.quote(body)}")


_CALLS = {
    "chat": _Call(
        "chat/completions",
        "chat.completions.create",
        'messages=[{"role": "user", "content": "Which tea?"}]',
        '"messages": [{"role": "user", "content": "Which tea?"}]',
        "answer.choices[0].message.content",
        "ChatOpenAI",
        'print(model.invoke("Which tea?").content)',
    ),
    "completion": _Call(
        "completions",
        "completions.create",
        'prompt="ACGT", max_tokens=64',
        '"prompt": "ACGT", "max_tokens": 64',
        "answer.choices[0].text",
        "OpenAI",
        'print(model.invoke("ACGT"))',
    ),
    "embedding": _Call(
        "embeddings",
        "embeddings.create",
        'input=["green tea", "龙井茶"]',
        '"input": ["green tea", "龙井茶"]',
        "answer.data[0].embedding",
        "OpenAIEmbeddings",
        'print(model.embed_query("green tea"))',
    ),
}
