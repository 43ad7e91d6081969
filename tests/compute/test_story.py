"""From an empty namespace to a paid stream: upload by Xet, deploy, call with OpenAI's client, lose the model, go on."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import openai
import pytest

from support.hf import HfPerson
from support.servers import LiveHub
from yungu import compute, credits, hub
from yungu.app import demo
from yungu.compute.backends.pool import Places

GENOS = Path(demo.__file__).with_name("demo_data") / "genos-mt"
PROMPT = "GTTAATGTAGCTTAATAAC"
GREEDY = "CCAAACCAAACACACAAAAACCTAAAACCCAAAACCCACCCCCAAAAC"


@pytest.fixture
def place(live: LiveHub) -> Places:
    assert isinstance(live.site.pool, Places)
    return live.site.pool


def pids(place: Places, deployment: compute.Deployment) -> list[int]:
    group = place.local._groups.get(deployment.id)
    return [replica.pid for replica in group.all] if group else []


def copy_model(into: Path, name: str) -> Path:
    """The model with bytes of its own: nobody else on this hub has uploaded these weights, in whatever way."""
    shutil.copytree(GENOS, into)
    weights = into / "model.safetensors"
    data = weights.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]) | {"__metadata__": {"format": "pt", "of": name}}).encode()
    header += b" " * (-len(header) % 8)
    weights.write_bytes(len(header).to_bytes(8, "little") + header + data[end:])
    return into


def test_a_model_that_was_uploaded_by_xet_is_deployed_called_and_paid(
    live: LiveHub, place: Places, tmp_path: Path
) -> None:
    name = live.user()
    token = live.token(name)
    person = HfPerson(live.url, name, token)
    person.api.create_repo(f"{name}/genos-mt", private=True)
    person.api.upload_folder(repo_id=f"{name}/genos-mt", folder_path=copy_model(tmp_path / "model", name))
    lin = live.actor(name)
    with live.site.db.write() as session:
        credits.fund_budget(session, name, 10_000, key=f"fund-{name}", by=None)
        credits.grant(session, lin.id or 0, 10_000, budget=name, key=f"grant-{name}", by=None)
        prices = compute.Prices(prompt_million=1_000_000, completion_million=2_000_000)
        made = compute.deploy(session, live.site.git, f"{name}/genos-mt", lin, prices)
        repo = hub.visible_repo(session, "model", f"{name}/genos-mt", lin)
        file = hub.get_file(live.site.git.open(repo.id), made.commit or "", "model.safetensors")
        assert file.pointer is not None
        blob = hub.find_content(session, repo, file.pointer.sha256)
        assert blob is not None and blob.xet_hash and not blob.has_raw, "it is stored as chunks"
    client = openai.OpenAI(base_url=f"{live.url}/v1", api_key=token, max_retries=0)
    ask: dict[str, Any] = {"model": made.name, "prompt": PROMPT, "temperature": 0}

    whole = client.completions.create(**ask, max_tokens=48)
    assert whole.choices[0].text == GREEDY
    assert whole.usage is not None and whole.usage.completion_tokens == 48
    assert live.world.read_in(credits.get_wallet, lin.id or 0).vouchers == 10_000 - 19 - 2 * 48

    stream = client.completions.create(**ask, max_tokens=48, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == GREEDY

    (pid,) = pids(place, made)
    with pytest.raises(openai.APIError):
        for _chunk in client.completions.create(**ask, max_tokens=400, stream=True):
            os.kill(pid, signal.SIGKILL)
    assert client.completions.create(**ask, max_tokens=4).choices[0].text == GREEDY[:4]
    assert pids(place, made) != [pid]
    assert "SIGKILL" in place.log(made)

    live.world.write_in(compute.switch_deployment, made, lin, "off")
    with pytest.raises(openai.APIStatusError) as refused:
        client.completions.create(**ask, max_tokens=4)
    assert refused.value.status_code == 503
