"""git-lfs pointers, and which files belong in LFS.

Pointer format: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from yungu.hub.models import Pointer

MAX_REGULAR_BYTES = 10 * 1024 * 1024
"""Above this a file must be stored with git-lfs."""
MAX_POINTER_BYTES = 1024
_VERSION = b"version https://git-lfs.github.com/spec/v1\n"
_MAGIC, _SPACE = re.compile(r"[*?\[\\]"), re.compile(r"\s")
_POINTER = re.compile(rb"^oid sha256:([0-9a-f]{64})\nsize (\d{1,19})\n?$", re.MULTILINE)

_LFS_PATTERNS = (
    "*.7z *.arrow *.avro *.bin *.bz2 *.ckpt *.ftz *.gguf *.gz *.h5 *.joblib *.llamafile *.lz4 *.mlmodel *.model "
    "*.msgpack *.npy *.npz *.onnx *.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors "
    "saved_model/**/* *.tar.* *.tar *.tflite *.tgz *.wasm *.xz *.zip *.zst *tfevents*"
).split()
DEFAULT_ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in _LFS_PATTERNS)
"""The ``.gitattributes`` of a new repo."""
_MAX_PATTERNS = 1000
_MAX_PATTERN_LENGTH = 500
_STAR, _INNER_STARS = "[^/]*", "(?:/.+)?"  # what the library makes of them; nothing else becomes the same


def parse_pointer(data: bytes) -> Pointer | None:
    """The pointer that a blob is, or None when it is ordinary content."""
    if len(data) > MAX_POINTER_BYTES or not data.startswith(_VERSION):
        return None
    found = _POINTER.search(data)
    return Pointer(found[1].decode(), int(found[2]), len(data)) if found else None


def may_be_pointer(kind: str, size_bytes: int) -> bool:
    """Whether it is worth reading a git object of that kind and size to see if it is a pointer."""
    return kind == "blob" and 100 < size_bytes <= MAX_POINTER_BYTES


def make_pointer(sha256: str, size_bytes: int) -> bytes:
    return _VERSION + f"oid sha256:{sha256}\nsize {size_bytes}\n".encode()


def tracking_line(path: str) -> str:
    """The line of ``.gitattributes`` that makes git-lfs take care of exactly ``path``.

    Spaces would end the pattern, so that "?" stands for them: https://git-scm.com/docs/gitattributes"""
    pattern = _SPACE.sub("?", _MAGIC.sub(r"\\\g<0>", path))
    return f"/{pattern} filter=lfs diff=lfs merge=lfs -text\n"


class LfsDecider:
    """Tells LFS files from regular ones: by ``.gitattributes``, by size, by a sample of the bytes."""

    def __init__(self, attributes: str) -> None:
        self._rules: list[tuple[GitIgnoreSpecPattern, bool]] = []
        for line in attributes.splitlines()[:_MAX_PATTERNS]:
            pattern, *values = line.split()[:10] or [""]
            if not pattern or pattern.startswith(("#", "!")):
                continue
            compiled = _compile(pattern)
            for value in values:
                if compiled is not None and value.startswith(("filter=", "-filter", "!filter")):
                    self._rules.append((compiled, value == "filter=lfs"))

    def tracks(self, path: str) -> bool:
        """Whether the attributes send ``path`` to LFS (the last matching line counts)."""
        return next((is_lfs for pattern, is_lfs in reversed(self._rules) if pattern.match_file(path)), False)

    def belongs(self, path: str, size_bytes: int, sample: bytes) -> bool:
        """Whether a client should upload the file as LFS."""
        return size_bytes > MAX_REGULAR_BYTES or self.tracks(path) or (size_bytes > 0 and _is_binary(sample))


def ignore_matcher(text: str) -> Callable[[str], bool]:
    """A predicate for paths ignored by the ``.gitignore`` text, of which the first 1000 lines count."""
    spec = GitIgnoreSpec(filter(None, map(_compile, text.splitlines()[:_MAX_PATTERNS])))
    return lambda path: bool(spec.match_file(path))


def unknown_pointers(pointers: Iterable[Pointer], held: Iterable[str]) -> list[str]:
    """The sha256 of pointers whose content is not held."""
    known = set(held)
    return sorted({pointer.sha256 for pointer in pointers} - known)


class _Pattern(GitIgnoreSpecPattern):
    """A pattern whose stars never try again: ``*a*b`` finds the first ``a``, then the last ``b`` behind it, and where
    that fails no other ``a`` helps; so it is with ``**``. Trying again would take hours for eight stars and a long
    name."""

    @classmethod
    def pattern_to_regex(cls, pattern: Any) -> tuple[Any, bool | None]:
        regex, include = super().pattern_to_regex(pattern)
        if regex is None or _INNER_STARS not in regex:
            return regex, include
        first, *middle, last = regex.split(_INNER_STARS)
        parts = [first.replace("^(?:.+/)?", "^(?:.+?/)??"), *(f"(?:/.+?)??{part}" for part in middle)]
        return "".join(f"(?>{part}(?=/))" for part in parts) + _INNER_STARS + last, include

    @staticmethod
    def _translate_segment_glob(pattern: str, range_error: Literal["literal", "raise"]) -> str:
        first, *rest = GitIgnoreSpecPattern._translate_segment_glob(pattern, range_error).split(_STAR)
        if not rest:
            return first
        return first + "".join(f"(?>{_STAR}?{part})" for part in rest[:-1] if part) + _STAR + rest[-1]


def _compile(pattern: str) -> GitIgnoreSpecPattern | None:
    """The pattern of one line, None when git would make nothing of it either, or when it could cost too much."""
    if len(pattern) > _MAX_PATTERN_LENGTH:
        return None
    try:
        return _Pattern(pattern)
    except ValueError:
        return None


def _is_binary(sample: bytes) -> bool:
    if b"\0" in sample:
        return True
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start < len(sample) - 4  # a character cut at the end of the sample is no sign
    return False
