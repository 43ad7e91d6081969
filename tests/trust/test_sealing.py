"""Sealed texts open with their key, in their place, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from yungu.trust import SealBroken, seal, unseal

KEY = b"k" * 32
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(text=TEXT, context=TEXT)
def test_what_was_sealed_opens_again(text: str, context: str) -> None:
    assert unseal(KEY, context, seal(KEY, context, text)) == text


def test_the_same_text_never_looks_the_same_and_never_shows() -> None:
    one, other = seal(KEY, "here", "hf_secret_token"), seal(KEY, "here", "hf_secret_token")
    assert one != other
    assert "hf_secret_token" not in one


@pytest.mark.parametrize(("key", "context"), [(b"x" * 32, "here"), (KEY, "there"), (KEY, "")])
def test_another_key_or_place_opens_nothing(key: bytes, context: str) -> None:
    with pytest.raises(SealBroken):
        unseal(key, context, seal(KEY, "here", "secret"))


@pytest.mark.parametrize("change", [lambda text: text[:-4], lambda text: text[:20] + "AAAA" + text[24:], lambda _: "x"])
def test_a_damaged_text_opens_nowhere(change: object) -> None:
    assert callable(change)
    with pytest.raises(SealBroken):
        unseal(KEY, "here", change(seal(KEY, "here", "a secret that is long enough")))


@pytest.mark.parametrize("sealed", ["", "v1.", "plain text", "v1.汉字", "v1.QUJD"])
def test_what_was_never_sealed_is_refused(sealed: str) -> None:
    with pytest.raises(SealBroken):
        unseal(KEY, "here", sealed)
