"""The misconceptions: every edit applies, and makes a mistake that no other one makes."""

from __future__ import annotations

import ast
import json
import re
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.diagnosis.misconceptions import (
    FAMILIES,
    Misconceptions,
    Mutant,
    apply_edits,
    load_misconceptions,
)
from autograder.diagnosis.mutants import MutantRunner
from autograder.diagnosis.probes import QUANTITIES, Observation, make_probes, observe
from autograder.errors import AutograderError

COURSE = Path(__file__).parents[3]
HOMEWORK = COURSE / "source" / "rnn-bptt"


@pytest.fixture
def own_copy(tmp_path: Path) -> Path:
    """A copy of the homework's source folder that a test may change."""
    for name in ("misconceptions.toml", "rnn_bptt.ipynb"):
        shutil.copy(HOMEWORK / name, tmp_path / name)
    return tmp_path


def change_cell(folder: Path, old: str, new: str) -> None:
    path = folder / "rnn_bptt.ipynb"
    notebook = json.loads(path.read_bytes())
    (cell,) = [cell for cell in notebook["cells"] if cell.get("id") == "bptt"]
    source = "".join(cell["source"])
    assert old in source
    cell["source"] = source.replace(old, new)
    path.write_text(json.dumps(notebook))


def test_bptt_has_at_least_forty_mistakes_from_every_family(known: Misconceptions) -> None:
    mistakes = [m for m in known.entries if m.exercise == "bptt"]
    assert len(mistakes) >= 40
    assert {m.family for m in mistakes} == set(FAMILIES) - {"shuffling"}  # of the lab


def test_every_exercise_of_the_notebook_has_mistakes(known: Misconceptions) -> None:
    assert {m.exercise for m in known.entries} == set(known.references) == set(QUANTITIES)


@pytest.mark.parametrize("exercise", QUANTITIES)
def test_every_edit_applies_to_the_notebook_of_today(known: Misconceptions, exercise: str) -> None:
    stale = []
    for mistake in known.entries:
        for number, edits in enumerate(mistake.variants):
            if mistake.exercise == exercise:
                where = f"{mistake.label}, variant {number + 1}"
                try:
                    apply_edits(known.references[exercise].function, edits, where)
                except AutograderError as error:
                    stale.append(str(error))
    assert not stale, "\n".join(stale)


def test_an_edit_that_no_longer_applies_is_named(own_copy: Path) -> None:
    change_cell(own_copy, "self.W.T.dot(delta_t)", "np.dot(self.W.T, delta_t)")
    with pytest.raises(AutograderError, match=r"delta-never-updated.*occurs 0 times"):
        _ = load_misconceptions(own_copy / "misconceptions.toml").mutants


@pytest.mark.parametrize(("source", "times"), [("a = 1\na = 2", 2), ("a = a", 0), ("b = 1", 0)])
def test_an_edit_must_apply_in_one_place(source: str, times: int) -> None:
    with pytest.raises(AutograderError, match=rf"occurs {times} times"):
        apply_edits(source, [("a", "c")])


def test_new_lines_stand_where_the_old_text_stood() -> None:
    source = "for a in b:\n    c(a)\n    d(a)"
    edited = apply_edits(source, [("c(a)\nd(a)", "if a:\n    d(a)\nc(a)")])
    assert edited == "for a in b:\n    if a:\n        d(a)\n    c(a)"


def test_reformatting_the_reference_answer_changes_nothing(
    own_copy: Path, known: Misconceptions
) -> None:
    change_cell(own_copy, "delta_t = self.V.T.dot(delta_o[t]) * (1 - s[t] ** 2)",
                "delta_t = (\n            self.V.T.dot(delta_o[t])  # backwards\n"
                "            * (1-s[t]**2)\n        )")  # fmt: skip
    change_cell(own_copy, "dLdU[:, x[bptt_step]] += delta_t", "dLdU[ :,x[bptt_step] ] += (delta_t)")
    reformatted = load_misconceptions(own_copy / "misconceptions.toml")
    assert reformatted.references["bptt"].function == known.references["bptt"].function
    assert len(reformatted.mutants["bptt"]) == len(known.mutants["bptt"])


def test_hints_do_not_contain_a_line_of_the_answer(known: Misconceptions) -> None:
    for mistake in known.entries:
        lines = known.references[mistake.exercise].function.split("\n")
        answers = [line.strip() for line in lines if "=" in line]
        told = mistake.says + mistake.hint
        assert not any(line.split("=", 1)[1].strip() in told for line in answers if len(line) > 24)
        assert "np." not in told
        assert "self." not in told


def effects(observations: list[Observation]) -> tuple[object, ...]:
    """Everything that can be seen of a function, in a form that can be compared."""
    return tuple(
        (
            seen.problem,
            seen.changed,
            seen.repeats,
            tuple((name, value.shape, np.round(value.astype(float), 7).tobytes())
                  for name, value in seen.values.items()),
        )
        for seen in observations
    )  # fmt: skip


@pytest.mark.parametrize("exercise", QUANTITIES)
@pytest.mark.parametrize("seed", [0, 20_260_101])
def test_no_mistake_looks_like_the_right_answer_or_like_another_one(
    exercise: str, seed: int, known: Misconceptions, instructor_names: Mapping[str, Any]
) -> None:
    mutants = MutantRunner(known, exercise, instructor_names)
    # equal sizes tell those apart that stop with the same error everywhere else
    probes = [
        probe
        for equal in (False, True)
        for probe in make_probes(exercise, instructor_names["RNN"], seed, equal)
    ]

    def seen_of(function: Any) -> tuple[object, ...]:
        return effects([observe(function, p, mutants.adopt(p.model)) for p in probes])

    right = seen_of(mutants.reference)
    label_of: dict[tuple[object, ...], Mutant] = {}
    for mutant in known.mutants[exercise]:
        seen = seen_of(mutants.build(mutant))
        assert seen != right, f"{mutant.labels} cannot be told from the right answer"
        twin = label_of.setdefault(seen, mutant)
        assert twin.labels == mutant.labels, f"{mutant.labels} looks exactly like {twin.labels}"


def test_the_rules_use_every_finding_of_the_table_and_no_other() -> None:
    folder = COURSE / "autograder" / "diagnosis"
    table = tomllib.loads((folder / "findings.toml").read_text(encoding="utf-8"))
    assert set(table) <= {*FAMILIES, "unknown"}
    sources = [path.read_text(encoding="utf-8") for path in folder.glob("*.py")]
    texts = {
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant)
    }
    names = {name for family in table.values() for name in family}
    assert names <= texts
    assert set(re.findall(r'\bfinding\(\s*"([^"]+)"', "".join(sources))) <= names


GOOD = """
[bptt.one-hot.a]
says = "x"
hint = "y"
variants = [["return", "pass"]]
"""


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("[bptt\nx = 1", "cannot be read: .*line 1"),
        (GOOD.replace("says =", "says"), "cannot be read: .*line 3"),
        ("[adam.one-hot.a]", r"adam is no exercise .*there are: forward_"),
        ("[bptt.astrology.a]", r'bptt\."astrology" is not a known family .*there are: chain'),
        ("bptt = 1", "bptt holds tables"),
        ("[bptt]\none-hot = 1", r'bptt\."one-hot" holds a table per label'),
        ("[bptt.one-hot]\na = 1", r'bptt\."one-hot"\.a must be a table'),
        (GOOD + GOOD.replace("one-hot", "transpose"), r'"transpose"\.a is a label used twice'),
        (GOOD.replace("says =", "sais ="), r'bptt\."one-hot"\.a: sais is not a known key'),
        (GOOD.replace('says = "x"', ""), r'"one-hot"\.a: says must be a text that is not empty'),
        (GOOD.replace('hint = "y"', "hint = 1"), r'"one-hot"\.a: hint must be a text'),
        (GOOD + "often = 1", r'"one-hot"\.a: often must be true or false'),
        (GOOD.replace('[["return", "pass"]]', "[]"), "a: variants must be a list with"),
        (GOOD.replace('["return", "pass"]', '"return"'), "a: variants, number 1, must be texts"),
        (GOOD.replace('"return", "pass"', '"return"'), "a: variants, number 1, must be texts"),
        (GOOD.replace('"return", "pass"', '"", "pass"'), "a: variants, number 1, must be texts"),
    ],
)
def test_a_damaged_table_is_refused_with_file_place_and_reason(
    own_copy: Path, table: str, complaint: str
) -> None:
    (own_copy / "misconceptions.toml").write_text(table)
    with pytest.raises(AutograderError, match=rf"misconceptions\.toml:? .*{complaint}"):
        load_misconceptions(own_copy / "misconceptions.toml")


def test_the_example_in_the_head_of_the_table_is_a_misconception(own_copy: Path) -> None:
    table = own_copy / "misconceptions.toml"
    head = table.read_text(encoding="utf-8").partition("For example")[2].partition("\n\n")[0]
    lines = [line.removeprefix("#   ") for line in head.splitlines()[1:]]
    table.write_text("\n".join(lines), encoding="utf-8")
    known = load_misconceptions(table)
    assert [entry.label for entry in known.entries] == ["slope-not-squared"]
    assert known.mutants["bptt"]


def test_a_folder_without_its_notebook_is_refused(own_copy: Path) -> None:
    (own_copy / "rnn_bptt.ipynb").unlink()
    with pytest.raises(AutograderError, match="should hold one notebook"):
        load_misconceptions(own_copy / "misconceptions.toml")
