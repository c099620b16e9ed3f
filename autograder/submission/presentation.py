"""What students' cells printed and drew, reduced to what is safe to show in a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_PICTURES = ("image/png", "image/jpeg")
# Where HTML lets a tag begin, except for tags without attributes that only shape text.
_TAG = re.compile(
    r"<(?=[A-Za-z/!?])"
    r"(?!/?(?:b|br|code|details|em|hr|i|kbd|li|ol|p|s|strong|sub|summary|sup|u|ul)\s*/?>)",
    re.IGNORECASE,
)
_SCRIPT_LINK = re.compile(r"(java|vb|live)script:", re.IGNORECASE)
_LINK = re.compile(r"\](?=[(:])")
_ZERO_WIDTH_SPACE = "\u200b"
_CUT = "\n... The rest of the output was left out ...\n"


def presentable(outputs: Iterable[Any], limit: int) -> list[dict[str, Any]]:
    """nbformat outputs of a student's cell: text and pictures, at most `limit` characters.

    HTML, JavaScript and SVG are left out: an instructor's browser shows these outputs, and the
    process that they come from is not trusted to have formed them well.
    """
    kept: list[dict[str, Any]] = []
    left = limit
    for output in outputs:
        if isinstance(output, Mapping) and (shown := _shown(output, left)):
            left -= _size(shown)
            if left <= 0:
                return [*kept, {"output_type": "stream", "name": "stdout", "text": _CUT}]
            kept.append(shown)
    return kept


def harmless_markdown(text: str) -> str:
    """A student's Markdown that looks the same, in which no HTML tag begins and no link runs code.

    Whatever Markdown takes the text for, `<` before a space of no width opens no tag. nbconvert
    lets links to scripts pass: a text that holds one, however it is written, loses all its links.
    """
    plain = re.sub(r"[\\\s\x00-\x1f]", "", html.unescape(html.unescape(text)))
    if _SCRIPT_LINK.search(plain):
        text = _LINK.sub("]" + _ZERO_WIDTH_SPACE, text)
    return _TAG.sub("<" + _ZERO_WIDTH_SPACE, text)


def stopped_output(reason: str) -> dict[str, Any]:
    """The error output of a cell whose process ended."""
    text = f"This cell was stopped: {reason}."
    return {"output_type": "error", "ename": "Stopped", "evalue": text, "traceback": [text]}


def _shown(output: Mapping[str, Any], limit: int) -> dict[str, Any] | None:
    match output.get("output_type"):
        case "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            text = plain_text(output.get("text"), limit)
            return {"output_type": "stream", "name": name, "text": text}
        case "error":
            lines = output.get("traceback")
            return {
                "output_type": "error",
                "ename": plain_text(output.get("ename"), 200),
                "evalue": plain_text(output.get("evalue"), 2_000),
                "traceback": [
                    plain_text(line, 2_000)
                    for line in (lines[:100] if isinstance(lines, list) else [])
                ],
            }
        case "display_data" | "execute_result" as kind:
            if data := _data(output.get("data"), limit):
                counted = {"execution_count": None} if kind == "execute_result" else {}
                return {"output_type": kind, "data": data, "metadata": {}, **counted}
    return None


def _data(bundle: Any, limit: int) -> dict[str, str]:
    if not isinstance(bundle, Mapping):
        return {}
    data = {
        kind: bundle[kind]
        for kind in _PICTURES
        if isinstance(bundle.get(kind), str) and _BASE64.fullmatch(bundle[kind])
    }
    if "text/plain" in bundle:
        data["text/plain"] = plain_text(bundle["text/plain"], limit)
    return data


def plain_text(value: Any, limit: int | None = None) -> str:
    """The text, or list of texts, cut; lone surrogates, which no file can hold, are replaced."""
    parts = value if isinstance(value, list) else [value]
    text = "".join(part for part in parts if isinstance(part, str))
    if limit is not None and len(text) > limit:
        text = text[:limit] + _CUT
    return text.encode("utf-8", "replace").decode()


def _size(output: Mapping[str, Any]) -> int:
    texts = [output.get("text", ""), *output.get("traceback", []), *output.get("data", {}).values()]
    return sum(map(len, texts))
