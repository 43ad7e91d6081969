"""The certificate that ``yungu serve --tls`` shows: the operator's own, or one that the hub makes for itself.

A hub of its own makes an authority first and then a certificate signed by that, both by the ``openssl`` program, under
``tls/`` in the data folder. Clients are told to trust the authority once; the certificate can then be renewed, or get
other names, without their noticing."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from yungu.app.settings import Settings, SettingsInvalid
from yungu.kernel.errors import Unavailable

AUTHORITY_DAYS = 3650
CERTIFICATE_DAYS = 397
_RENEWED_SECONDS = 30 * 24 * 3600  # before the end
_CONFIG = """[req]
prompt = no
distinguished_name = name
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


class OpensslMissing(Unavailable):
    hint = "Install openssl, or bring your own certificate: --tls-cert and --tls-key."

    def __init__(self) -> None:
        super().__init__("The program openssl is needed to make a certificate.")


class OpensslFailed(Unavailable):
    """openssl did not do what it was asked."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files. ``authority``: what clients have to trust; None when the certificate came from the operator."""

    certificate: Path
    key: Path
    authority: Path | None


def find_certificate(settings: Settings) -> Certificate | None:
    """What to show, made when need be; None without TLS. Raises SettingsInvalid, OpensslMissing, OpensslFailed."""
    if settings.tls_cert or settings.tls_key:
        return _operators_own(settings)
    return _own(settings.data_path / "tls", _names(settings)) if settings.tls else None


def _operators_own(settings: Settings) -> Certificate:
    paths = [Path(text).expanduser() for text in (settings.tls_cert, settings.tls_key)]
    for path, option in zip(paths, ("tls_cert", "tls_key"), strict=True):
        if not path.is_file():
            raise SettingsInvalid(f"{option} must name a PEM file.", hint="Both --tls-cert and --tls-key are needed.")
    return Certificate(paths[0], paths[1], None)


def _own(folder: Path, names: Sequence[str]) -> Certificate:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = Certificate(folder / "server.pem", folder / "server.key", folder / "authority.pem")
    config = folder / "openssl.cnf"
    text = _CONFIG.format(name="yungu", names=", ".join(names))
    is_same = config.exists() and config.read_text() == text
    if not (folder / "authority.pem").exists():
        config.write_text(text)
        _make_authority(folder)
        is_same = False
    if not is_same or not made.certificate.exists() or _ends_soon(made.certificate):
        config.write_text(text)
        _make_certificate(folder)
    return made


def _make_authority(folder: Path) -> None:
    _make_key(folder / "authority.key")
    _openssl(
        folder, "req", "-x509", "-new", "-key", "authority.key", "-sha256", "-days", str(AUTHORITY_DAYS),
        "-subj", f"/CN=yungu on {socket.gethostname()[:50]}", "-config", "openssl.cnf", "-extensions", "authority",
        "-out", "authority.pem",
    )  # fmt: skip


def _make_certificate(folder: Path) -> None:
    _make_key(folder / "server.key")
    _openssl(folder, "req", "-new", "-key", "server.key", "-config", "openssl.cnf", "-out", "server.csr")
    _openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-sha256",
        "-set_serial", f"0x{os.urandom(15).hex()}", "-days", str(CERTIFICATE_DAYS), "-extfile", "openssl.cnf",
        "-extensions", "server", "-out", "server.pem",
    )  # fmt: skip


def _make_key(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    _openssl(path.parent, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path.name)


def _ends_soon(certificate: Path) -> bool:
    checked = _run(certificate.parent, "x509", "-in", certificate.name, "-noout", "-checkend", str(_RENEWED_SECONDS))
    return checked.returncode != 0


def _openssl(folder: Path, *arguments: str) -> None:
    done = _run(folder, *arguments)
    if done.returncode != 0:
        raise OpensslFailed(f"openssl {arguments[0]} failed: {' '.join(done.stderr.split())[:500]}")


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise OpensslMissing from None


def _names(settings: Settings) -> Sequence[str]:
    """Every name by which this machine may be called."""
    hosts = [urlsplit(settings.base_url).hostname, settings.host, "localhost", "127.0.0.1", "::1", socket.gethostname()]
    found = dict.fromkeys(host for host in hosts if host and host not in ("0.0.0.0", "::"))  # noqa: S104 - no binding
    return [f"IP:{host}" if _is_address(host) else f"DNS:{host}" for host in found]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
