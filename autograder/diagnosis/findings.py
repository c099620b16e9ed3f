"""A finding: one explanation of wrong values. `findings.toml` holds those without a mutant."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

_CONFIDENCE = 0.9  # where the table says nothing else


@dataclass(frozen=True)
class Finding:
    """One explanation of wrong values, for some of the quantities.

    Attributes:
        label, family: its names, as in the misconceptions.
        says: what was probably done, as half a sentence.
        hint: where to look.
        confidence: between 0 and 1.
        quantities: what it explains; empty when it is about the whole function.
    """

    label: str
    family: str
    says: str
    hint: str
    confidence: float
    quantities: tuple[str, ...] = ()


_TABLE = {
    name: Finding(**{"label": name, "confidence": _CONFIDENCE, **entry}, family=family)
    for family, entries in tomllib.loads(
        Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    ).items()
    for name, entry in entries.items()
}


def finding(
    name: str, *quantities: str, family: str = "", confidence: float = 0.0, **words: object
) -> Finding:
    """A finding of the table, its words filled in; a family or confidence replaces the table's."""
    known = _TABLE[name]
    return Finding(
        known.label.format(**words),
        family or known.family,
        known.says.format(**words),
        known.hint.format(**words),
        confidence or known.confidence,
        quantities,
    )


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, those that say the same of several quantities made one; surest first."""
    found: dict[tuple[str, str], Finding] = {}
    for each in findings:
        first = found.setdefault((each.family, each.says), each)
        quantities = tuple(dict.fromkeys(first.quantities + each.quantities))
        found[each.family, each.says] = replace(first, quantities=quantities)
    return sorted(found.values(), key=lambda each: -each.confidence)
