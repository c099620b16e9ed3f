"""The results notebook says what the recordings say, and fails where a sentence does not."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
import torch
from typer.testing import CliRunner, Result

from gtnlab.cli import app
from gtnlab.digits import _offline_digits
from gtnlab.experiments import experiment

ROOT = Path(__file__).parents[2]
NOTEBOOK = nbformat.read(ROOT / "experiments" / "results.ipynb", as_version=4)
OF_OTHERS = {"103"}  # million parameters of the replication's teacher


def results(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["results", *[str(word) for word in words]])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped recordings, which the notebook reads in their place."""
    copy = tmp_path / "curricula"
    shutil.copytree(ROOT / "data" / "curricula", copy)
    monkeypatch.setenv("GTN_CURRICULA", str(copy))
    return copy


def edit(evaluation: Path, order: str, measure: str, change: float) -> None:
    judged = json.loads(evaluation.read_text())
    for row in judged["rows"]:
        if row["order"] == order and row["taught"] == "generated":
            row["accuracy"][measure]["mean"] += change
    evaluation.write_text(json.dumps(judged))


def test_the_page_in_docs_is_the_one_that_the_shipped_files_give(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    made = results("--out", tmp_path / "results.md")
    assert made.exit_code == 0, made.output
    page = (tmp_path / "results.md").read_text()
    assert page == (ROOT / "docs" / "results.md").read_text(), "Run gtnlab results."
    figures = {path.name for path in (tmp_path / "results").iterdir()}
    assert figures == {path.name for path in (ROOT / "docs" / "results").iterdir()}
    assert figures == set(re.findall(r"\(results/(.*?\.png)\)", page))
    assert "![](" not in page, "a figure without a description"
    assert "Legend" not in page
    again = results("--check", "--out", tmp_path / "results.md")
    assert again.exit_code == 0, again.output
    (tmp_path / "results" / "rates.png").write_bytes(b"old")
    stale = results("--check", "--out", tmp_path / "results.md")
    assert stale.exit_code == 1
    assert "rates.png" in stale.output
    assert (tmp_path / "results" / "rates.png").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("run", "order", "measure", "sentence"),
    [
        ("class_learned", "steps-shuffled", "inference", "shuffling costs class_learned 24.2"),
        (
            "C_pixels_learned",
            "steps-shuffled",
            "inference",
            "shuffling costs C_pixels_learned 55.7",
        ),
    ],
)
def test_a_sentence_whose_number_the_recordings_do_not_give_stops_the_page(
    folder: Path, tmp_path: Path, run: str, order: str, measure: str, sentence: str
) -> None:
    edit(folder / f"{run}.json", order, measure, 0.002)
    made = results("--out", tmp_path / "page.md")
    assert made.exit_code == 1
    assert sentence in made.output
    assert "instead of" in made.output
    assert not (tmp_path / "page.md").exists()


def test_an_evaluation_that_the_list_of_results_does_not_know_stops_the_page(
    folder: Path, tmp_path: Path
) -> None:
    edit(folder / "B_learned.json", "ordered", "inference", 0.002)
    made = results("--out", tmp_path / "page.md")
    assert made.exit_code == 1
    assert "B_learned.json disagree: evaluate it again" in made.output


def test_a_folder_without_evaluations_and_a_wrong_name_are_explained(
    folder: Path, tmp_path: Path
) -> None:
    for evaluation in folder.glob("*_*.json"):
        evaluation.unlink()
    made = results("--out", tmp_path / "page.md")
    assert made.exit_code == 1
    assert "gtnlab evaluate" in made.output
    assert not (tmp_path / "page.md").exists()
    assert results("--out", tmp_path / "page.pdf").exit_code == 2


@pytest.mark.parametrize(
    ("name", "content"), [("memory.json", '{"learner": "mlp"}'), ("tuning.json", "[{}]")]
)
def test_a_damaged_or_missing_table_is_named(
    folder: Path, tmp_path: Path, name: str, content: str
) -> None:
    (folder / name).write_text(content)
    damaged = results("--out", tmp_path / "page.md")
    assert damaged.exit_code == 1
    assert f"{name} cannot be read" in damaged.output
    assert "take a fresh copy" in damaged.output
    assert "Correct the sentence" not in damaged.output


def test_a_missing_recording_of_which_the_page_speaks_is_named(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "C_pixels_learned.json").unlink()
    made = results("--out", tmp_path / "page.md")
    assert made.exit_code == 1
    assert "speaks of C_pixels_learned" in made.output
    assert not (tmp_path / "page.md").exists()


def test_every_number_in_the_prose_is_checked_by_code_in_its_section() -> None:
    # A heading opens a section. Numbers of two digits or fewer are counts, such as "ten steps".
    sections: list[tuple[list[str], list[str]]] = []
    for cell in NOTEBOOK.cells:
        prose = cell.cell_type == "markdown"
        if prose and cell.source.startswith("#"):
            sections.append(([], []))
        sections[-1][0 if prose else 1].append(cell.source)
    for prose_cells, code_cells in sections:
        prose = re.sub(r"```.*?```|`.*?`", "", "\n".join(prose_cells), flags=re.DOTALL)
        checked = set(re.findall(r"(?<![\w.])\d+(?:\.\d+)?", "\n".join(code_cells)))
        named = set(re.findall(r"(?<![\w.])\d+\.\d+|\d{3,}", prose))
        assert named <= checked | OF_OTHERS, prose_cells[0].splitlines()[0]


def test_the_notebook_in_git_has_no_outputs_and_every_figure_is_described() -> None:
    for cell in NOTEBOOK.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None
        if "-figure" in cell.id:
            assert len(cell.metadata.alt) > 20, cell.id


def test_every_axis_has_a_label(folder: Path) -> None:
    check = """
for axis in plt.gcf().axes:
    below = [other for other in plt.gcf().axes if axis.get_shared_x_axes().joined(axis, other)]
    assert any(each.get_xlabel() for each in (axis, *below)), axis
    place = axis.get_subplotspec().rowspan
    row = [other for other in plt.gcf().axes if other.get_subplotspec().rowspan == place]
    assert any(each.get_ylabel() for each in row), axis
plt.close("all")
"""
    code = ["import matplotlib; matplotlib.use('agg')"]
    for cell in NOTEBOOK.cells:
        if cell.cell_type == "code":
            lines = [line for line in cell.source.splitlines() if not line.startswith("%")]
            code.append("\n".join(lines).replace("display(Markdown(", "(("))
            if "-figure" in cell.id:
                code.append(check)
    exec("\n".join(code), {})


def benchmark(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_checkpoints_spare_memory_as_the_benchmark_measures_it() -> None:
    peak = benchmark("unroll").peak_of_meta_gradient
    stored, spared = (peak("cnn_small", 4, 16, every, torch.device("cpu")) for every in (0, 4))
    assert stored > 2 * spared


def test_the_benchmark_s_loops_compute_the_same_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    module = benchmark("unroll")
    monkeypatch.setattr(module, "load_digits", lambda *_: _offline_digits("train", "cpu"))
    monkeypatch.setattr(
        module, "_rebuild", lambda count: None
    )  # needs MNIST; nothing depends on it
    config = experiment("class", steps=2, batch=10, real_batch=32, device="cpu")
    losses = [
        module.Loop(config, torch.device("cpu"), change).step()[0].item()
        for change in module.ladder()
    ]
    assert losses == pytest.approx([losses[0]] * 7, rel=1e-4)


def test_a_trial_of_settings_makes_what_fits_and_is_judged_on_held_out_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = benchmark("settings")
    monkeypatch.setattr(settings, "_seconds_a_step", lambda config, digits: 0.25)
    digits = _offline_digits("train", "cpu")
    trial = settings.trial("soft labels", 0.5, digits.thinned(300), digits.thinned(40))
    assert trial["settings"] == {"soft_labels": True}
    assert trial["outer_steps"] == 2
    assert 0 < trial["held_out"] < 100
    # In whole digits, as ten learners' mean of forty.
    assert trial["held_out"] == pytest.approx(round(4 * trial["held_out"]) / 4)
