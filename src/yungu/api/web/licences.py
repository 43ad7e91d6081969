"""Licences by the short names that cards use."""

from __future__ import annotations

from collections.abc import Mapping

from yungu.api.web.language import Language, marked, translations

_NAMES: Mapping[str, str] = {
    "apache-2.0": "Apache License 2.0",
    "mit": "MIT License",
    "bsd": "BSD License",
    "bsd-2-clause": "BSD 2-Clause License",
    "bsd-3-clause": "BSD 3-Clause License",
    "mulanpsl-2.0": "Mulan Permissive Software License 2.0",
    "mpl-2.0": "Mozilla Public License 2.0",
    "gpl-2.0": "GNU General Public License 2.0",
    "gpl-3.0": "GNU General Public License 3.0",
    "lgpl-3.0": "GNU Lesser General Public License 3.0",
    "agpl-3.0": "GNU Affero General Public License 3.0",
    "cc0-1.0": "Creative Commons Zero 1.0",
    "cc-by-4.0": "Creative Commons Attribution 4.0",
    "cc-by-sa-4.0": "Creative Commons Attribution, Share Alike 4.0",
    "cc-by-nc-4.0": "Creative Commons Attribution, Non-Commercial 4.0",
    "cc-by-nd-4.0": "Creative Commons Attribution, No Derivatives 4.0",
    "cc-by-nc-sa-4.0": "Creative Commons Attribution, Non-Commercial, Share Alike 4.0",
    "cc-by-nc-nd-4.0": "Creative Commons Attribution, Non-Commercial, No Derivatives 4.0",
    "odc-by": "Open Data Commons Attribution",
    "odbl": "Open Database License",
    "cdla-permissive-2.0": "Community Data License Agreement, Permissive 2.0",
    "openrail": "OpenRAIL",
    "openrail++": "OpenRAIL++",
    "creativeml-openrail-m": "CreativeML OpenRAIL-M",
    "bigscience-openrail-m": "BigScience OpenRAIL-M",
    "openmdw-1.0": "OpenMDW 1.0",
    "llama2": "Llama 2 Community License",
    "llama3": "Llama 3 Community License",
    "llama3.1": "Llama 3.1 Community License",
    "llama3.2": "Llama 3.2 Community License",
    "llama3.3": "Llama 3.3 Community License",
    "llama4": "Llama 4 Community License",
    "gemma": "Gemma Terms of Use",
    "wtfpl": "Do What The F*ck You Want To Public License",
    "unlicense": "The Unlicense",
}
_SAID = {"other": marked("Another licence"), "unknown": marked("Unknown licence")}


def licence_name(language: Language, short: str) -> str:
    """What the licence is called; its short name where nobody knows more."""
    if short.lower() in _SAID:
        return translations(language).gettext(_SAID[short.lower()])
    return _NAMES.get(short.lower(), short)
