"""transformers and datasets with nothing but ``HF_ENDPOINT`` set: push, pull, stream. Prints one JSON object."""

import importlib.metadata
import json
import os
import tempfile
import time
from pathlib import Path

import numpy
from huggingface_hub import HfApi, HfFileSystem

LEAVES = [{"name": "龙井", "grams": 3, "green": True}, {"name": "大红袍", "grams": 5, "green": False}]


def main():
    api, steps = HfApi(), {}
    user = api.whoami()["name"]
    with tempfile.TemporaryDirectory() as name:
        os.environ["HF_DATASETS_CACHE"] = f"{name}/datasets"
        try_tokenizer(f"{user}/eco-tokenizer", Path(name), steps)
        try_model(f"{user}/eco-model", steps)
        for suffix in ("csv", "jsonl", "parquet"):
            try_dataset(api, f"{user}/eco-{suffix}", suffix, Path(name), steps)
        try_pushed_dataset(f"{user}/eco-pushed", steps)
        try_filesystem(api, f"{user}/eco-fs", steps)
    libraries = " ".join(f"{name} {version(name)}" for name in ("huggingface-hub", "transformers", "datasets", "torch"))
    print(json.dumps({"version": libraries, "hf_xet": version("hf-xet"), "libraries": libraries, "steps": steps}))


def step(steps, title, action):
    began = time.perf_counter()
    try:
        action()
        steps[title] = "ok"
    except Exception as error:  # noqa: BLE001 - whatever it is, it goes into the table
        steps[title] = f"{type(error).__name__}: {error}"[:300]
    steps[f"{title} seconds"] = round(time.perf_counter() - began, 2)


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def try_tokenizer(repo, folder, steps):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import AutoConfig, AutoTokenizer, BertConfig, PreTrainedTokenizerFast

    words = {word: number for number, word in enumerate(["[UNK]", "[PAD]", "green", "tea", "is", "good"])}
    raw = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="[UNK]", pad_token="[PAD]")
    config = BertConfig(vocab_size=6, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    step(steps, "push tokenizer", lambda: tokenizer.push_to_hub(repo))
    step(steps, "push config", lambda: config.push_to_hub(repo))
    step(steps, "load config", lambda: check(AutoConfig.from_pretrained(repo).hidden_size == 8, "config"))
    step(
        steps,
        "load tokenizer",
        lambda: check(AutoTokenizer.from_pretrained(repo)("green tea")["input_ids"] == [2, 3], "ids"),
    )


def try_model(repo, steps):
    try:
        import torch
    except ImportError:
        steps["torch"] = "ok"  # not installed: nothing to try
        return
    from transformers import AutoModel, BertConfig, BertModel

    config = BertConfig(vocab_size=6, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    model = BertModel(config)

    def compare():
        loaded = AutoModel.from_pretrained(repo)
        pairs = zip(model.state_dict().values(), loaded.state_dict().values(), strict=True)
        check(all(torch.equal(one, other) for one, other in pairs), "weights")

    step(steps, "push model", lambda: model.push_to_hub(repo))
    step(steps, "load model", compare)


def try_dataset(api, repo, suffix, folder, steps):
    import pandas
    from datasets import load_dataset

    frame, path = pandas.DataFrame(LEAVES), folder / f"train.{suffix}"
    if suffix == "csv":
        frame.to_csv(path, index=False)
    elif suffix == "jsonl":
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        frame.to_parquet(path)
    api.create_repo(repo, repo_type="dataset", private=True)
    api.upload_file(path_or_fileobj=path, path_in_repo=f"data/train.{suffix}", repo_id=repo, repo_type="dataset")
    step(steps, f"load {suffix}", lambda: check(load_dataset(repo, split="train").to_list() == LEAVES, "rows"))
    step(
        steps,
        f"stream {suffix}",
        lambda: check(list(load_dataset(repo, split="train", streaming=True)) == LEAVES, "rows"),
    )


def try_pushed_dataset(repo, steps):
    from datasets import Dataset, load_dataset

    step(steps, "push dataset", lambda: Dataset.from_list(LEAVES).push_to_hub(repo, private=True))
    step(steps, "load pushed", lambda: check(load_dataset(repo, split="train").to_list() == LEAVES, "rows"))


def try_filesystem(api, repo, steps):
    import pandas

    fs, data = HfFileSystem(), numpy.random.default_rng(1).bytes(3_000_000)
    api.create_repo(repo)

    def write_and_read():
        with fs.open(f"{repo}/a.bin", "wb") as out:
            out.write(data)
        with fs.open(f"{repo}/a.bin", "rb") as file:
            file.seek(1_000_000)
            check(file.read(1000) == data[1_000_000:1_001_000], "range")
        check(fs.cat(f"{repo}/a.bin") == data, "whole")

    def pandas_way():
        pandas.DataFrame(LEAVES).to_parquet(f"hf://{repo}/leaves.parquet")
        check(pandas.read_parquet(f"hf://{repo}/leaves.parquet").to_dict("records") == LEAVES, "rows")

    step(steps, "file system", write_and_read)
    step(steps, "hf:// in pandas", pandas_way)


def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
