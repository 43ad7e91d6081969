"""What an operator may choose, from defaults, a TOML file, ``YUNGU_*`` variables and command-line options, later wins.

The table in ``docs/reference/settings.md`` is made from this file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from yungu.kernel.errors import Invalid

Doc = msgspec.Meta


class SettingsInvalid(Invalid):
    """A setting has a value it cannot have."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting has a default that works."""

    data: Annotated[
        str, Doc(description="Folder of everything the hub keeps: database, bytes, git objects, secret.")
    ] = "data"
    host: Annotated[str, Doc(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Doc(description="Port to listen on.", ge=0, le=65535)] = 8080
    base_url: Annotated[
        str, Doc(description="Public address, as in `https://hub.example.org`. Empty: the host that each client used.")
    ] = ""
    database_url: Annotated[
        str,
        Doc(description="`postgresql://user:password@host/name` for PostgreSQL. Empty: SQLite in the data folder."),
    ] = ""
    registration: Annotated[
        Literal["open", "closed"], Doc(description="Whether visitors may make themselves an account.")
    ] = "closed"
    tls: Annotated[
        bool, Doc(description="Serve https, with a certificate that the hub makes for itself unless it is given one.")
    ] = False
    tls_cert: Annotated[str, Doc(description="PEM file of the certificate and its chain, to serve https.")] = ""
    tls_key: Annotated[str, Doc(description="PEM file of that certificate's key.")] = ""
    oidc_issuer: Annotated[
        str, Doc(description="Address of an OpenID provider to sign in with, exactly as it calls itself. Empty: none.")
    ] = ""
    oidc_name: Annotated[str, Doc(description="What people call that provider.")] = "OpenID"
    oidc_client_id: Annotated[str, Doc(description="What the hub is called there.")] = ""
    oidc_client_secret: Annotated[str, Doc(description="The hub's secret there.")] = ""
    oidc_scopes: Annotated[str, Doc(description="What the provider is asked for.")] = "openid profile email"
    oidc_registration: Annotated[
        Literal["open", "closed"],
        Doc(description="Whether somebody whom the provider sends for the first time may make an account."),
    ] = "open"
    oidc_allowed_domains: Annotated[
        str, Doc(description="Let in only verified e-mail addresses of these domains, separated by commas.")
    ] = ""
    oidc_allowed_groups: Annotated[
        str, Doc(description="Let in only members of these groups of the provider, separated by commas.")
    ] = ""
    oidc_groups_claim: Annotated[str, Doc(description="Where the provider names somebody's groups.")] = "groups"
    oidc_admin_group: Annotated[
        str, Doc(description="Members of this group administer the hub, and nobody else who signs in there does.")
    ] = ""
    oidc_organizations: Annotated[
        str,
        Doc(
            description="Memberships that follow groups, as `group=organization:role`, separated by commas. They are "
            "given and taken when somebody signs in."
        ),
    ] = ""
    modelscope_create_visibility: Annotated[
        Literal["private", "as-asked"],
        Doc(
            description="What a ModelScope client gets that asks for a public repo without another word, as every "
            "upload to a missing repo does: a private one, or what it asks for."
        ),
    ] = "private"
    webhook_private_addresses: Annotated[
        bool, Doc(description="Whether webhooks may call loopback, private and link-local addresses.")
    ] = False
    rate_limit_api: Annotated[
        int,
        Doc(description="API requests of one user, or one address, in five minutes. 0: not limited.", ge=0),
    ] = 60_000
    rate_limit_downloads: Annotated[
        int,
        Doc(description="The same for requests for files, by any client, git included. 0: not limited.", ge=0),
    ] = 300_000
    rate_limit_pages: Annotated[
        int,
        Doc(description="The same for pages. 0: not limited.", ge=0),
    ] = 12_000
    viewer_processes: Annotated[
        int,
        Doc(
            description="How many tables (previews of data files, the viewer and SQL of datasets) are read at the same "
            "time, each by a locked process of its own. 0: none.",
            ge=0,
            le=64,
        ),
    ] = 2
    viewer_memory_mb: Annotated[
        int, Doc(description="Memory in MiB that reading one table may use, besides about 100 MiB of code.", ge=64)
    ] = 512
    viewer_seconds: Annotated[
        int, Doc(description="Seconds that reading one table, or one SQL query, may take.", ge=1, le=600)
    ] = 20
    compute_memory_mb: Annotated[
        int,
        Doc(
            description="Memory in MiB for all models that run on this machine together. 0: half of what it has.", ge=0
        ),
    ] = 0
    compute_threads: Annotated[
        int,
        Doc(description="Threads that one replica of a model computes with. 0: half of the processors.", ge=0, le=1024),
    ] = 0
    compute_start_seconds: Annotated[
        int, Doc(description="Seconds that a model may take to load before its start has failed.", ge=1, le=3600)
    ] = 120
    compute_cache_mb: Annotated[
        int,
        Doc(
            description="Disk in MiB for weights that are stored as Xet chunks and have to be rebuilt to be loaded. "
            "Weights that are stored whole are loaded from where they lie.",
            ge=0,
        ),
    ] = 20_000
    call_seconds: Annotated[
        int,
        Doc(
            description="Seconds that one call of a model may take; for as long its credits are held.", ge=1, le=86_400
        ),
    ] = 600
    call_stall_seconds: Annotated[
        int, Doc(description="Seconds that a model server may send nothing during a call.", ge=1, le=86_400)
    ] = 120
    job_slots: Annotated[
        int,
        Doc(description="How many jobs (batches, evaluations) are done at the same time. 0: none here.", ge=0, le=64),
    ] = 1
    job_seconds: Annotated[
        int, Doc(description="Seconds that one program of a job may take.", ge=1, le=7 * 24 * 3600)
    ] = 3600
    job_memory_mb: Annotated[int, Doc(description="Memory in MiB that one program of a job may use.", ge=128)] = 2048
    job_disk_mb: Annotated[
        int, Doc(description="MiB that one program of a job may write into its own folder, which lies in memory.", ge=1)
    ] = 256
    job_output_mb: Annotated[int, Doc(description="MiB that one program of a job may write as its answers.", ge=1)] = (
        256
    )
    job_days: Annotated[
        int,
        Doc(
            description="Days after its end for which the log, the items and the answers of a job are kept; those of a "
            "pilot's evaluations stay. 0: for ever.",
            ge=0,
            le=36_500,
        ),
    ] = 90
    job_second_price: Annotated[
        int, Doc(description="What a second of a program of a job costs, in micro-credits. 0: nothing.", ge=0)
    ] = 0
    job_place: Annotated[
        Literal["local", "ray"],
        Doc(description="Where programs of jobs run: on this machine, or on those of the Ray cluster."),
    ] = "local"
    job_isolation: Annotated[
        Literal["full", "weak"],
        Doc(
            description="Where programs of strangers run: in namespaces of their own, without network and the files "
            "of this machine, or not at all (`full`); or, where the kernel allows no namespaces, held back by limits "
            "and a filter of system calls only (`weak`: they can read what everybody on this machine can)."
        ),
    ] = "full"
    ray_address: Annotated[
        str,
        Doc(
            description="Ray cluster for deployments that are to run there: `host:6379`, `auto` for the one that this "
            "machine belongs to, `local` for one started with the hub. Empty: none."
        ),
    ] = ""
    ray_serve_url: Annotated[
        str, Doc(description="Where the hub reaches Ray Serve. Empty: port 8000 of the address, or any of `local`.")
    ] = ""
    ray_data: Annotated[
        Literal["shared", "fetched"],
        Doc(
            description="How Ray's machines get weights: from the data folder, which they share with the hub, or over "
            "HTTP from `base_url`."
        ),
    ] = "shared"
    embeddings: Annotated[
        str,
        Doc(
            description="By which model scenarios are compared across languages: `auto` (the one of the package "
            "`yungu[embeddings]`, if it is installed), `none` (by words alone), or the name of a model: of a "
            "deployment of this hub (`owner/name`), or of one that answers at `embeddings_url`."
        ),
    ] = "auto"
    embeddings_payer: Annotated[
        str,
        Doc(
            description="The user who asks that deployment and pays for it. Empty: whoever deployed it, on the account "
            "that it belongs to."
        ),
    ] = ""
    embeddings_url: Annotated[
        str, Doc(description="Where the model of another server is asked, up to and with `/v1`. Empty: this hub's own.")
    ] = ""
    embeddings_token: Annotated[str, Doc(description="The token to ask that server with.")] = ""
    backup_folder: Annotated[
        str,
        Doc(description="Where backups go that are asked for on the administrators' page. Empty: `backups` in `data`."),
    ] = ""
    trusted_proxies: Annotated[
        str, Doc(description="Addresses whose `X-Forwarded-*` headers are believed, separated by commas.")
    ] = "127.0.0.1"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Doc(description="How much is logged.")] = "info"

    @property
    def data_path(self) -> Path:
        return Path(self.data).expanduser().resolve()

    @property
    def sqlalchemy_url(self) -> str:
        """The database's address in SQLAlchemy's spelling."""
        if not self.database_url:
            return f"sqlite:///{self.data_path / 'yungu.db'}"
        scheme, _, rest = self.database_url.partition("://")
        return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else self.database_url


@dataclass(frozen=True, slots=True)
class SettingDoc:
    """One row of the settings table."""

    name: str
    variable: str
    default: str
    description: str


def load(environ: Mapping[str, str] | None = None, **options: Any) -> Settings:
    """Defaults, then ``yungu.toml`` (or the file that ``YUNGU_CONFIG`` names), then ``YUNGU_*``, then ``options``
    that are not None. Raises SettingsInvalid."""
    variables = os.environ if environ is None else environ
    values: dict[str, Any] = _from_file(variables) | _from_environ(variables)
    values |= {name: value for name, value in options.items() if value is not None}
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(f"A setting is not valid: {error}.", hint="See docs/reference/settings.md.") from error


def iter_docs() -> Iterator[SettingDoc]:
    """The settings with their descriptions, for the reference page and ``yungu settings``."""
    defaults = Settings()
    for field in msgspec.structs.fields(Settings):
        meta = next(extra for extra in field.type.__metadata__ if isinstance(extra, msgspec.Meta))
        default = str(getattr(defaults, field.name))
        yield SettingDoc(field.name, f"YUNGU_{field.name.upper()}", default, meta.description or "")


def _from_file(variables: Mapping[str, str]) -> dict[str, Any]:
    named = variables.get("YUNGU_CONFIG")
    path = Path(named or "yungu.toml")
    if not path.exists():
        if named:
            raise SettingsInvalid(f"There is no settings file {path}.")
        return {}
    try:
        return tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid(f"{path} is not valid TOML: {error}.") from error


def _from_environ(variables: Mapping[str, str]) -> dict[str, Any]:
    names = {field.name for field in msgspec.structs.fields(Settings)}
    given = {
        name.removeprefix("YUNGU_").lower(): value for name, value in variables.items() if name.startswith("YUNGU_")
    }
    return {name: value for name, value in given.items() if name in names}
