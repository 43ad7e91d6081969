"""The reader of commits: whatever JSON says, in whatever form, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from yungu.api.http.call import BodyInvalid
from yungu.api.http.uploads import BodyTooLarge
from yungu.api.modelscope.actions import MAX_ACTION_BYTES, ActionReader

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
EXTRA = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
KNOWN = {"action", "path", "type", "size", "sha256", "content", "encoding"}
ACTION = st.builds(
    lambda path, content, more: {k: v for k, v in more.items() if k not in KNOWN}
    | {"action": "create", "path": path, "content": content},
    TEXT, TEXT, st.dictionaries(TEXT, EXTRA, max_size=3),
)  # fmt: skip
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(folder: Path, body: bytes) -> tuple[list[tuple[str, str | None]], str]:
    path = folder / "body"
    path.write_bytes(body)
    reader = ActionReader(path)
    found = [(action.path, action.content) for action in reader]
    return found, reader.head.commit_message


@quick
@given(
    actions=st.lists(ACTION, max_size=5),
    message=TEXT,
    extra=st.dictionaries(TEXT.filter(lambda name: name not in ("actions", "commit_message")), EXTRA, max_size=3),
    order=st.randoms(),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 0, 2]),
)
def test_every_commit_is_read_as_json_reads_it(
    tmp_path: Path, actions: list[dict[str, Any]], message: str, extra: dict[str, Any], order: Any, ascii_only: bool,
    indent: int | None,
) -> None:  # fmt: skip
    items = list(({"commit_message": message, "actions": actions} | extra).items())
    order.shuffle(items)
    body = json.dumps(dict(items), ensure_ascii=ascii_only, indent=indent).encode()
    assert read(tmp_path, body) == ([(action["path"], action["content"]) for action in actions], message)


@quick
@given(body=st.binary(max_size=60) | st.text('{}[]",:\\ actions1', max_size=60).map(str.encode))
def test_what_is_not_json_is_refused_in_words(tmp_path: Path, body: bytes) -> None:
    try:
        found, _ = read(tmp_path, body)
    except BodyInvalid:
        return
    parsed = json.loads(body)
    assert isinstance(parsed, dict)
    assert len(found) == len(parsed.get("actions", []))


@pytest.mark.parametrize(
    "body",
    [
        "", "[]", "{", '{"actions":', '{"actions":[}', '{"actions":[{]}', '{"actions":[{}]}', '{"actions":[1]}',
        '{"actions":[{"action":"create","path":"a"},]}', '{"actions":[{"action":"create","path":"a"} {"a":1}]}',
        '{"actions":[{"action":"create","path":"a"}]', '{"actions":[{"action":"create","path":"a}]}',
        '{"actions":[],"actions":[]}', '{"act\\u0069ons":[{"action":"create","path":"a"}]}', '{"actions":[]} x',
        '{"actions":{"0":{}}}', "[" * 5000, '{"a":' * 5000,
    ],
)  # fmt: skip
def test_what_is_no_commit_is_refused(tmp_path: Path, body: str) -> None:
    with pytest.raises(BodyInvalid):
        read(tmp_path, body.encode())


def test_a_key_that_only_looks_like_the_actions_is_not_taken_for_them(tmp_path: Path) -> None:
    inner = {"actions": [{"action": "create", "path": "hidden"}]}
    body = {
        "more": inner,
        "commit_message": "actions",
        "text": '"actions":[{',
        "actions": [{"action": "x", "path": "a"}],
    }
    assert read(tmp_path, json.dumps(body).encode()) == ([("a", None)], "actions")


def test_an_action_larger_than_a_file_may_be_is_refused(tmp_path: Path) -> None:
    body = {"actions": [{"action": "create", "path": "a", "content": "x" * (MAX_ACTION_BYTES + 1)}]}
    with pytest.raises(BodyTooLarge):
        read(tmp_path, json.dumps(body).encode())


def test_words_beside_the_actions_have_an_end(tmp_path: Path) -> None:
    with pytest.raises(BodyTooLarge):
        read(tmp_path, json.dumps({"commit_message": "x" * (2 << 20), "actions": []}).encode())
