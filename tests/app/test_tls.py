"""Serving https with a certificate that the hub makes for itself."""

from __future__ import annotations

import hashlib
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.servers import run_yungu
from yungu.app.settings import Settings, SettingsInvalid, load
from yungu.app.tls import find_certificate


def settings(folder: Path, **options: Any) -> Settings:
    return load({}, data=str(folder), **options)


def test_without_tls_there_is_no_certificate(tmp_path: Path) -> None:
    assert find_certificate(settings(tmp_path)) is None


def test_a_certificate_is_made_once_and_anew_for_other_names(tmp_path: Path) -> None:
    first = find_certificate(settings(tmp_path, tls=True))
    assert first is not None
    assert first.authority is not None
    authority, shown = first.authority.read_bytes(), first.certificate.read_bytes()
    assert find_certificate(settings(tmp_path, tls=True)) == first
    assert first.certificate.read_bytes() == shown
    find_certificate(settings(tmp_path, tls=True, base_url="https://hub.example.org"))
    assert first.certificate.read_bytes() != shown
    assert first.authority.read_bytes() == authority
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tls").glob("*.key")} == {0o600}


def test_the_operators_own_certificate_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid):
        find_certificate(settings(tmp_path, tls_cert="none.pem", tls_key="none.key"))
    made = find_certificate(settings(tmp_path, tls=True))
    assert made is not None
    own = find_certificate(settings(tmp_path, tls_cert=str(made.certificate), tls_key=str(made.key)))
    assert own is not None
    assert own.authority is None


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, Path, str]]:
    """A hub that serves https: what it said at its start, its data, a token of lin's."""
    data = tmp_path / "data"
    run_yungu("user", "create", "lin", "--data", str(data))
    token = run_yungu("token", "create", "lin", "--scope", "write", "--data", str(data)).strip()
    command = [sys.executable, "-m", "yungu", "serve", "--tls", "--port=0", f"--data={data}"]
    process = subprocess.Popen(["setpriv", "--pdeathsig=KILL", *command], stdout=subprocess.PIPE, text=True)
    said = ""
    for line in process.stdout or ():
        said += line
        if "Ctrl+C" in line:
            break
    yield said, data, token
    process.kill()
    process.wait()


def test_clients_that_trust_the_authority_are_served(secure: tuple[str, Path, str]) -> None:
    said, data, token = secure
    url = said.partition("ready at ")[2].split()[0]
    assert url.startswith("https://127.0.0.1:")
    assert f"export MODELSCOPE_ENDPOINT={url}\n" in said
    assert f"export MODELSCOPE_DOMAIN={url.partition('://')[2]}\n" in said
    assert "REQUESTS_CA_BUNDLE" in said
    trust = ssl.create_default_context(cafile=data / "tls" / "authority.pem")
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    with httpx.Client(base_url=url, verify=trust, headers={"authorization": f"Bearer {token}"}, timeout=60) as lin:
        signed_in = lin.post("/api/v1/login", json={"AccessToken": token})
        assert "Secure" in signed_in.headers["set-cookie"]
        lin.post("/api/v1/models", json={"Path": "lin", "Name": "tea", "Visibility": 1})
        content = os.urandom(3 << 20)
        sha256 = hashlib.sha256(content).hexdigest()
        wanted = {"operation": "upload", "objects": [{"oid": sha256, "size": len(content)}]}
        planned = lin.post("/api/v1/repos/models/lin/tea/info/lfs/objects/batch", json=wanted).json()["Data"]["objects"]
        href = planned[0]["actions"]["upload"]["href"]
        assert href.startswith(url)
        assert lin.put(href, content=content).json()["Code"] == 200
        action = {"action": "create", "path": "w.bin", "type": "lfs", "size": len(content), "sha256": sha256}
        body = {"commit_message": "x", "actions": [action]}
        assert lin.post("/api/v1/repos/models/lin/tea/commit/master", json=body).json()["Code"] == 200
        assert lin.get("/api/v1/models/lin/tea/repo", params={"FilePath": "w.bin"}).content == content
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
