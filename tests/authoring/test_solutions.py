"""Solutions are executed, clean, and vary only where the notebook does."""

from __future__ import annotations

import nbformat
import pytest
from nbformat import NotebookNode
from small_course import NOTEBOOK, add_code, cell

from authoring.course import Course
from authoring.errors import AuthoringError
from authoring.solutions import build_solution, clean_solution


def read_solution(course: Course) -> NotebookNode:
    notebook = nbformat.read(course.solutions / NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    return notebook


def test_a_solution_shows_answers_and_help_but_no_markers_hidden_tests_or_metadata(
    homework: NotebookNode,
) -> None:
    clean = clean_solution(homework, "hw")
    text = "\n".join(each.source for each in clean.cells)
    assert "###" not in text
    assert "double(7)" not in text
    assert "# add it up" in cell(clean, "double").source
    assert "total += amount" in cell(clean, "double").source
    assert cell(clean, "why").source == "Because sums of equal terms are products."
    assert "double-zero" not in [each.id for each in clean.cells], "an empty test cell stayed"
    assert cell(clean, "ending").metadata == {"tags": ["demonstration"]}
    assert all(each.metadata == {} for each in clean.cells if each.id != "ending")


def test_a_solution_is_executed_and_its_outputs_carry_no_timestamps(course: Course) -> None:
    build_solution(course, "numbers")
    first = (course.solutions / NOTEBOOK).read_bytes()
    executed = read_solution(course)
    assert cell(executed, "ending").outputs[0].text == "144\n"
    assert cell(executed, "ending").metadata == {"tags": ["demonstration"]}
    assert "language_info" not in executed.metadata
    assert sorted(path.name for path in (course.solutions / "numbers").iterdir()) == [
        "numbers.ipynb",
        "table.txt",
    ]
    build_solution(course, "numbers")
    assert (course.solutions / NOTEBOOK).read_bytes() == first


def test_figures_are_shown_whatever_backend_is_set(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()"
    add_code(course.source / NOTEBOOK, draw, "figure")
    build_solution(course, "numbers")
    assert "image/png" in cell(read_solution(course), "figure").outputs[-1].data


def test_widgets_keep_their_state_and_are_numbered_in_order(course: Course) -> None:
    slider = (
        "import ipywidgets as widgets\n"
        "from IPython.display import display\n"
        "display(widgets.IntSlider(value=3))"
    )
    add_code(course.source / NOTEBOOK, slider, "slider")
    build_solution(course, "numbers")
    first = (course.solutions / NOTEBOOK).read_bytes()
    state = read_solution(course).metadata.widgets["application/vnd.jupyter.widget-state+json"]
    assert any(model["model_name"] == "IntSliderModel" for model in state["state"].values())
    build_solution(course, "numbers")
    assert (course.solutions / NOTEBOOK).read_bytes() == first


def test_a_widget_whose_output_also_holds_a_page_leaves_no_state(course: Course) -> None:
    both = (
        "import ipywidgets as widgets\n"
        "from IPython.display import display\n"
        "alone, play = widgets.IntSlider(description='alone'), widgets.Play()\n"
        "beside = widgets.IntSlider(description='beside a page')\n"
        "link = widgets.jslink((play, 'value'), (beside, 'value'))\n"
        "display(alone)\n"
        "view = widgets.VBox([beside, play])._repr_mimebundle_()\n"
        "display({**view, 'text/html': '<p>a page</p>'}, raw=True)"
    )
    add_code(course.source / NOTEBOOK, both, "both")
    build_solution(course, "numbers")
    state = read_solution(course).metadata.widgets["application/vnd.jupyter.widget-state+json"]
    models = [model["model_name"] for model in state["state"].values()]
    assert sorted(models) == ["IntSliderModel", "LayoutModel", "SliderStyleModel"]
    assert "beside a page" not in str(state)


def test_a_failing_cell_is_named_and_the_old_solution_stays(course: Course) -> None:
    build_solution(course, "numbers")
    before = read_solution(course)
    add_code(course.source / NOTEBOOK, "1 / 0", "oops")
    with pytest.raises(AuthoringError, match=r"numbers.ipynb, cell 'oops': ZeroDivisionError"):
        build_solution(course, "numbers")
    assert read_solution(course) == before


def test_an_endless_cell_is_named(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authoring.solutions.CELL_SECONDS", 1)
    add_code(course.source / NOTEBOOK, "while True:\n    pass", "forever")
    with pytest.raises(AuthoringError, match="cell 'forever': still running after 1 seconds"):
        build_solution(course, "numbers")


def test_what_a_notebook_writes_while_it_runs_is_no_part_of_the_solution(course: Course) -> None:
    write = "open('litter.txt', 'w').write(open('table.txt').read())"
    add_code(course.source / NOTEBOOK, write, "write")
    folder = build_solution(course, "numbers")
    assert not (folder / "litter.txt").exists()


def test_an_overgrown_solution_is_refused(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authoring.solutions.MAX_BYTES", 1000)
    with pytest.raises(AuthoringError, match="smaller or fewer"):
        build_solution(course, "numbers")
    assert not (course.solutions / "numbers").exists()


def test_progress_names_every_cell(course: Course) -> None:
    seen: list[tuple[int, int, str]] = []
    build_solution(course, "numbers", progress=lambda *step: seen.append(step))
    assert [index for index, _, _ in seen] == list(range(seen[0][1]))
    assert (0, len(seen), "cell 'title'") in seen
