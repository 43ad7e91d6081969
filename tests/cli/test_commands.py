"""What each command does, prints and exits with."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.commands import Run
from support.servers import SpawnedServer
from yungu import __version__, accounts
from yungu.app.settings import load
from yungu.app.wiring import build_site
from yungu.cli.reference import PageName, page_text

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lin(yungu: Run) -> str:
    """A hub with an administrator."""
    assert yungu("user", "create", "lin", "--password-stdin", "--admin", stdin="a good password\n").code == 0
    return "lin"


def test_the_version_is_told(yungu: Run) -> None:
    assert yungu("--version").out == f"yungu {__version__}\n"


def test_nobody_else_on_the_machine_may_look_into_a_new_hub(tmp_path: Path) -> None:
    site = build_site(load({}, data=str(tmp_path / "hub")))
    site.db.close()
    assert (tmp_path / "hub").stat().st_mode & 0o077 == 0


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom yungu.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n"
        "    heavy = {'sqlalchemy', 'pygit2', 'alembic', 'uvicorn', 'starlette', 'msgspec', 'numpy', 'rich'}\n"
        "    print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_wrong_usage_exits_with_two(yungu: Run) -> None:
    for arguments in (["user", "create"], ["nonsense"], ["token", "create", "lin", "--scope", "everything"]):
        assert yungu(*arguments).code == 2
    assert yungu("gc", "--grace-days", "0.5").code == 2


def test_a_command_on_a_folder_without_a_hub_makes_none(yungu: Run, tmp_path: Path) -> None:
    for arguments in (["user", "list"], ["fsck"], ["gc"], ["token", "create", "lin", "--scope", "read"]):
        ended = yungu(*arguments)
        assert (ended.code, ended.out) == (1, "") and "There is no hub in" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_data_folder_that_is_a_file_is_refused_in_one_sentence(yungu: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = yungu("user", "create", "lin", "--data", str(tmp_path / "file"))
    assert ended.code == 1 and ended.err.startswith("yungu: The data folder") and "not a folder" in ended.err


def test_a_wrong_setting_is_refused_in_one_sentence(yungu: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNGU_PORT", "many")
    ended = yungu("user", "list")
    assert ended.code == 1 and ended.err.startswith("yungu: A setting is not valid")


def test_a_user_can_sign_in_until_suspended_and_again_afterwards(yungu: Run, lin: str, tmp_path: Path) -> None:
    def signs_in(password: str) -> bool:
        site = build_site(load({}, data=str(tmp_path / "hub")))
        try:
            with site.db.read() as session:
                return bool(accounts.verify_password(accounts.find_credentials(session, "lin"), password))
        except accounts.PasswordWrong:
            return False
        finally:
            site.workers.shutdown()
            site.db.close()

    assert signs_in("a good password")
    assert "without an administrator" in yungu("user", "suspend", "lin").err
    assert yungu("user", "create", "mei", "--admin").code == 0
    assert yungu("user", "suspend", "lin").code == 0
    assert not signs_in("a good password")
    assert yungu("user", "unsuspend", "lin").code == 0
    assert yungu("user", "password", "lin", "--password-stdin", stdin="another one\n").code == 0
    assert signs_in("another one") and not signs_in("a good password")


def test_administration_is_given_and_taken(yungu: Run, lin: str) -> None:
    assert yungu("user", "create", "mei").code == 0
    assert "administrator" in yungu("user", "promote", "mei").out
    assert "active" in yungu("user", "demote", "lin").out
    assert "without an administrator" in yungu("user", "demote", "mei").err


def test_an_invitation_is_printed_and_kept_as_a_digest(yungu: Run, lin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNGU_BASE_URL", "https://hub.example.org/")
    assert yungu("org", "create", "lab", "--owner", "lin").code == 0
    said = yungu("user", "invite", "--org", "lab", "--role", "write", "--days", "2", "--json")
    assert said.json["link"].startswith("https://hub.example.org/join?invitation=")
    assert yungu("user", "invite", "--org", "nowhere").code == 1


def test_users_are_refused_with_the_reason_and_the_way_out(yungu: Run, lin: str) -> None:
    taken = yungu("user", "create", "LIN")
    assert taken.code == 1 and taken.err == "yungu: The name 'LIN' is already taken.\n       Choose another name.\n"
    assert yungu("user", "create", "mei", "--password-stdin", stdin="short\n").code == 1
    assert yungu("user", "create", "mei", "--password-stdin").code == 1
    assert [user["name"] for user in yungu("user", "list", "--json").json] == ["lin"]


def test_an_organization_has_members_with_roles(yungu: Run, lin: str) -> None:
    yungu("user", "create", "mei")
    assert yungu("org", "create", "tea", "--owner", "lin", "--default-visibility", "private").code == 0
    assert yungu("org", "add", "tea", "mei", "--role", "write").code == 0
    (tea,) = yungu("org", "list", "--json").json
    assert tea["default_visibility"] == "private"
    assert tea["members"] == [{"user": "lin", "role": "admin"}, {"user": "mei", "role": "write"}]
    assert yungu("org", "remove", "tea", "lin").code == 1
    assert yungu("org", "remove", "tea", "mei").code == 0
    assert len(yungu("org", "list", "--json").json[0]["members"]) == 1


def test_a_new_token_is_all_that_is_printed(yungu: Run, lin: str) -> None:
    ended = yungu("token", "create", "lin", "--scope", "write")
    assert ended.err == "" and ended.out.count("\n") == 1 and ended.out.startswith("yg_")
    (token,) = yungu("token", "list", "lin", "--json").json
    assert token["scope"] == "write" and ended.out.strip() not in yungu("token", "list", "lin").out
    assert yungu("token", "revoke", "lin", str(token["id"])).code == 0
    assert yungu("token", "list", "lin", "--json").json == []


def test_a_given_token_may_be_imported_again_but_not_for_another_purpose(yungu: Run, lin: str) -> None:
    yungu("user", "create", "mei")
    given = ["--scope", "write", "--value", "hf_given"]
    first, second = (yungu("token", "create", "lin", *given, "--json").json for _ in range(2))
    assert first == second and first["token"] == "hf_given"
    assert yungu("token", "create", "mei", *given).code == 1
    assert yungu("token", "create", "lin", "--scope", "read", "--value", "hf_given").code == 1


def test_a_repo_is_made_shown_moved_and_deleted(yungu: Run, lin: str) -> None:
    made = yungu("repo", "create", "lin/tea", "--kind", "dataset", "--visibility", "private", "--json").json
    assert (made["kind"], made["visibility"]) == ("dataset", "private")
    info = yungu("repo", "info", "lin/tea", "--kind", "dataset", "--json").json
    assert info["refs"] == {"refs/heads/main": info["head"]}
    assert yungu("repo", "move", "lin/tea", "lin/green", "--kind", "dataset").code == 0
    assert [repo["repo_id"] for repo in yungu("repo", "list", "--json").json] == ["lin/green"]
    assert yungu("repo", "list", "--kind", "model", "--json").json == []
    assert yungu("repo", "delete", "lin/green", "--kind", "dataset", stdin="n\n").code == 1
    assert yungu("repo", "delete", "lin/green", "--kind", "dataset", "--yes").code == 0
    assert yungu("repo", "list", "--json").json == []


def test_somebody_else_may_act_and_has_only_their_own_rights(yungu: Run, lin: str) -> None:
    yungu("user", "create", "mei")
    yungu("repo", "create", "lin/secret", "--visibility", "private")
    assert yungu("repo", "list", "--as", "mei", "--json").json == []
    assert yungu("repo", "delete", "lin/secret", "--as", "mei", "--yes").code == 1
    assert yungu("repo", "create", "lin/mine", "--as", "mei").code == 1
    assert yungu("repo", "create", "mei/mine", "--as", "mei").code == 0


def test_without_an_administrator_nobody_acts(yungu: Run) -> None:
    yungu("user", "create", "mei")
    ended = yungu("repo", "list")
    assert ended.code == 1 and "--as" in ended.err


def test_fsck_exits_with_three_on_damage_and_names_it(yungu: Run, lin: str, tmp_path: Path) -> None:
    head = yungu("repo", "create", "lin/tea", "--json").json["head"]
    assert yungu("fsck").code == 0
    (tmp_path / "hub/git/01/1.git/objects" / head[:2] / head[2:]).unlink()
    ended = yungu("fsck")
    assert ended.code == 3 and head in ended.out and "What to do" in ended.out
    answer = yungu("fsck", "--fast", "--json")
    assert answer.code == 3 and not answer.json["is_clean"]


def test_gc_tells_what_it_did(yungu: Run, lin: str) -> None:
    assert yungu("gc", "--dry-run").out == "Would delete nothing: 0 B.\n"
    assert yungu("gc", "--json").json["freed_bytes"] == 0


def test_a_backup_restores_into_a_new_folder_and_is_verified(yungu: Run, lin: str, tmp_path: Path) -> None:
    yungu("repo", "create", "lin/tea")
    assert yungu("backup", str(tmp_path / "hub.tar"), "--json").json["files"] > 0
    ended = yungu("restore", str(tmp_path / "hub.tar"), "--data", str(tmp_path / "again"))
    assert ended.code == 0 and "Everything is as it should be." in ended.out
    assert yungu("restore", str(tmp_path / "hub.tar"), "--data", str(tmp_path / "again")).code == 1
    listed = yungu("repo", "list", "--data", str(tmp_path / "again"), "--json").json
    assert [repo["repo_id"] for repo in listed] == ["lin/tea"]


@pytest.mark.parametrize("page", list(PageName))
def test_the_reference_is_what_the_code_says(page: PageName) -> None:
    written = (ROOT / "docs" / "reference" / f"{page.value}.md").read_text()
    assert written == page_text(page), f"run: yungu docs {page.value} > docs/reference/{page.value}.md"


# --- serve


def test_the_first_start_shows_a_password_that_works_once(
    spawn_server: Callable[..., SpawnedServer], tmp_path: Path
) -> None:
    server = spawn_server(tmp_path / "hub")
    said = _until_ready(server)
    password = said.split("password  ")[1].split()[0]
    assert f"HF_ENDPOINT={server.url}" in said
    assert server.stop() == 0
    site = build_site(load({}, data=str(tmp_path / "hub")))
    with site.db.read() as session:
        assert accounts.verify_password(accounts.find_credentials(session, "admin"), password).is_admin
    site.workers.shutdown()
    site.db.close()
    again = spawn_server(tmp_path / "hub")
    assert "password" not in _until_ready(again)


def test_the_password_is_kept_nowhere_in_the_data_folder(
    spawn_server: Callable[..., SpawnedServer], tmp_path: Path
) -> None:
    server = spawn_server(tmp_path / "hub")
    password = _until_ready(server).split("password  ")[1].split()[0].encode()
    server.stop()
    assert not any(password in path.read_bytes() for path in (tmp_path / "hub").rglob("*") if path.is_file())


def test_a_port_that_is_taken_is_told_in_one_sentence(
    spawn_server: Callable[..., SpawnedServer], tmp_path: Path, yungu: Run
) -> None:
    server = spawn_server(tmp_path / "other")
    port = server.url.rpartition(":")[2]
    ended = yungu("serve", "--port", port)
    assert ended.code == 1 and ended.err.startswith(f"yungu: Port {port} on 127.0.0.1 is taken")
    assert not (tmp_path / "hub").exists()


def test_commands_work_beside_a_running_server(
    spawn_server: Callable[..., SpawnedServer], tmp_path: Path, yungu: Run
) -> None:
    server = spawn_server(tmp_path / "hub", "--demo")
    assert len(yungu("repo", "list", "--json").json) == 6
    checked = yungu("fsck", "--json").json
    assert checked["is_clean"] and checked["findings"] == []
    assert {"blobs": 4, "xorbs": 0, "xet files": 0, "repos": 6}.items() <= checked["counts"].items()
    server.stop()
    _until_ready(spawn_server(tmp_path / "hub", "--demo"))
    assert len(yungu("repo", "list", "--json").json) == 6


def test_the_demo_has_tensors_that_add_up() -> None:
    import msgspec
    import numpy as np

    from yungu.app.demo import safetensors

    data = safetensors({"a": np.arange(6, dtype=np.float32).reshape(2, 3)}, {"format": "pt"})
    size = int.from_bytes(data[:8], "little")
    header = msgspec.json.decode(data[8 : 8 + size])
    assert header["a"] == {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} and size % 8 == 0
    assert np.frombuffer(data[8 + size :], "<f4").tolist() == [0, 1, 2, 3, 4, 5]


def _until_ready(server: SpawnedServer) -> str:
    """What it printed up to its last line of welcome."""
    while "Press Ctrl+C" not in server.log.read_text():
        assert server.process.poll() is None, server.log.read_text()
        time.sleep(0.02)
    return server.log.read_text()
