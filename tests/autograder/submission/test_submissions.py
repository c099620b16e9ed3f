"""Whatever is handed in: a reason in words, or the answers in the instructor's structure."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.errors import AutograderError
from autograder.submission.matching import find_notebook
from autograder.submission.reading import (
    NotGradableError,
    check_student_id,
    parse_notebook,
    read_submission,
    students_with,
)
from autograder.submission.restore import not_graded_notebook, restore


def read(folder: Path, *, max_bytes: int = 1_000_000) -> Any:
    return read_submission(
        folder, "ada", "sums", ignore=[".ipynb_checkpoints", "*.pyc"], max_bytes=max_bytes
    )


@pytest.fixture
def submitted(tmp_path: Path) -> Path:
    (tmp_path / "submitted" / "ada" / "sums").mkdir(parents=True)
    return tmp_path / "submitted"


CELL = {"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": []}
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [CELL]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (json.dumps(NOTEBOOK).encode()[:-20], "cut off"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "not UTF-8"),
        (json.dumps(NOTEBOOK).encode("utf-16"), "not UTF-8"),
        (b"[" * 100_000, "not a usable notebook"),
        (b"1" * 10_000, "not a usable notebook"),
        (b"[]", "format 4"),
        (b'{"nbformat": "4"}', "format 4"),
        (b'{"nbformat": 5, "cells": []}', "format 4"),
        (b'{"nbformat": 4}', "no list of cells"),
        (b'{"nbformat": 4, "cells": {"a": 1}}', "no list of cells"),
        (b'{"nbformat": 3, "worksheets": 7}', "old notebook format"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_with_its_name_a_reason_and_a_way_out(
    data: bytes, reason: str
) -> None:
    with pytest.raises(NotGradableError, match=reason) as refused:
        parse_notebook(data, "sums")
    assert "sums.ipynb" in str(refused.value)
    assert "submit it again" in str(refused.value)


def test_a_byte_order_mark_and_sources_as_lists_of_lines_are_harmless() -> None:
    cells = [{"cell_type": "code", "source": ["a = 1\n", "b = 2"]}]
    data = b"\xef\xbb\xbf" + json.dumps(NOTEBOOK | {"cells": cells}).encode()
    assert parse_notebook(data, "sums")[0]["source"] == "a = 1\nb = 2"


def test_an_old_notebook_format_is_upgraded() -> None:
    cell = {"cell_type": "code", "input": "x = 1", "language": "python", "outputs": []}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [cell]}]}
    assert parse_notebook(json.dumps(old).encode(), "sums")[0]["source"] == "x = 1"


def test_half_a_surrogate_pair_in_a_source_can_be_written_to_a_file() -> None:
    data = json.dumps(NOTEBOOK | {"cells": [CELL | {"source": "s = '\ud800'"}]}).encode()
    (cell,) = parse_notebook(data, "sums")
    assert cell["source"].encode() == b"s = '?'"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    [
                        *("cells", "cell_type", "source", "metadata", "nbgrader", "grade_id"),
                        *("id", "attachments", "nbformat", "worksheets"),
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
    )
)
def test_any_json_is_either_a_list_of_plain_cells_or_refused(document: Any) -> None:
    if isinstance(document, dict):
        document["nbformat"] = 4
    try:
        cells = parse_notebook(json.dumps(document).encode(), "sums")
    except NotGradableError:
        return
    assert all(isinstance(cell["source"], str) for cell in cells)


def test_links_are_neither_read_nor_followed(
    submitted: Path, tmp_path: Path, instructor: Any
) -> None:
    folder = submitted / "ada" / "sums"
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.txt").write_text("42")
    (folder / "sums.ipynb").symlink_to(secret / "key.txt")
    (folder / "data.csv").symlink_to("/etc/hostname")
    (folder / "all").symlink_to(secret)
    (folder / "own.txt").write_text("mine")
    submission = read(submitted)
    assert submission.files == {"own.txt": b"mine"}
    assert sum("is a link" in remark for remark in submission.remarks) == 3
    with pytest.raises(NotGradableError, match="link"):
        find_notebook(submission, instructor)


@pytest.mark.parametrize("at", ["sums", "."])
def test_a_submission_folder_that_is_a_link_is_refused(submitted: Path, at: str) -> None:
    (submitted / "bob" / "sums").mkdir(parents=True)
    folder = submitted / "ada"
    (folder / "sums").rmdir()
    if at == ".":
        folder.rmdir()
        folder.symlink_to(submitted / "bob")
    else:
        (folder / "sums").symlink_to(submitted / "bob" / "sums")
    assert "ada" in students_with(submitted, "sums")
    with pytest.raises(NotGradableError, match="link"):
        read(submitted)


def test_a_pipe_does_not_stop_the_grader(submitted: Path, instructor: Any) -> None:
    os.mkfifo(submitted / "ada" / "sums" / "sums.ipynb")
    with pytest.raises(NotGradableError, match="not an ordinary file"):
        find_notebook(read(submitted), instructor)


def test_a_notebook_that_is_too_large_is_refused_with_its_size(
    submitted: Path, instructor: Any
) -> None:
    with (submitted / "ada" / "sums" / "sums.ipynb").open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(NotGradableError, match=r"50 MB.*Clear its outputs"):
        find_notebook(read(submitted), instructor)


def test_another_notebook_is_refused_and_named(submitted: Path, instructor: Any) -> None:
    (submitted / "ada" / "sums" / "sums (1).ipynb").write_text("{}")
    with pytest.raises(NotGradableError, match=r"no sums.ipynb.*sums \(1\).ipynb"):
        find_notebook(read(submitted), instructor)


def test_files_that_the_course_ignores_are_not_read(submitted: Path) -> None:
    folder = submitted / "ada" / "sums"
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "old.ipynb").write_text("{}")
    (folder / "a.pyc").write_text("")
    assert read(submitted).files == {}


@pytest.mark.parametrize("student", ["..", ".", "", "../ada", "a/b", "a\\b", "a\0b"])
def test_a_student_id_that_leads_elsewhere_is_refused(student: str) -> None:
    with pytest.raises(AutograderError, match="not a student id"):
        check_student_id(student)


@pytest.mark.parametrize("student", ["..ada", "a..b", "ada@example.org", "Ådå", "*", "[a]"])
def test_a_student_id_that_only_looks_odd_is_a_student_id(student: str) -> None:
    assert check_student_id(student) == student


def known(notebook: dict[str, Any]) -> list[str]:
    return [
        cell["metadata"]["nbgrader"]["grade_id"]
        for cell in notebook["cells"]
        if "nbgrader" in cell["metadata"]
    ]


def by_id(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def test_an_honest_submission_keeps_its_order_and_its_own_cells(
    instructor: Any, released: list[dict[str, Any]]
) -> None:
    mine = {"cell_type": "markdown", "source": "my notes"}
    notebook, remarks = restore([*released[:4], mine, *released[4:]], instructor)
    assert remarks == []
    assert [cell["source"] for cell in notebook["cells"]] == [
        cell["source"] for cell in [*released[:4], mine, *released[4:]]
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_removed_doubled_and_shuffled_cells_do_not_change_the_instructors_structure(
    instructor: Any, released: list[dict[str, Any]], data: st.DataObject
) -> None:
    cells = data.draw(st.lists(st.sampled_from(released), max_size=20))
    retagged = [
        cell | {"grade_id": data.draw(st.sampled_from(["scale", "scale-values", "nonsense"]))}
        if data.draw(st.booleans())
        else cell
        for cell in cells
    ]
    notebook, _ = restore(retagged, instructor)
    assert known(notebook) == [cell.grade_id for cell in instructor.cells]
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in instructor.cells:
        found = by_id(notebook, cell.cell_id)
        assert found["metadata"]["nbgrader"] == cell.nbgrader_metadata
        if cell.is_fixed:
            assert found["source"] == cell.visible_source


def test_of_a_doubled_answer_the_last_one_counts_and_the_first_one_still_runs(
    instructor: Any, released: list[dict[str, Any]]
) -> None:
    at = next(i for i, cell in enumerate(released) if cell.get("grade_id") == "total")
    first, last = (released[at] | {"source": f"answer = {n}"} for n in (1, 2))
    notebook, remarks = restore([*released[:at], first, last, *released[at + 1 :]], instructor)
    assert by_id(notebook, "total")["source"] == "answer = 2"
    assert [c["source"] for c in notebook["cells"]].count("answer = 1") == 1
    assert any("total appears more than once" in remark for remark in remarks)


def test_an_answer_whose_grade_id_was_changed_is_found_by_its_cell_id(
    instructor: Any, released: list[dict[str, Any]]
) -> None:
    cells = [
        cell | {"grade_id": "other", "source": "mine"} if cell.get("grade_id") == "total" else cell
        for cell in released
    ]
    notebook, remarks = restore(cells, instructor)
    assert by_id(notebook, "total")["source"] == "mine"
    assert remarks == []


def test_a_test_that_was_emptied_made_cheaper_or_edited_is_the_instructors_again(
    instructor: Any, released: list[dict[str, Any]]
) -> None:
    cells = [
        cell | {"source": "pass", "cell_type": "raw"} if "values" in str(cell.get("id")) else cell
        for cell in released
    ]
    notebook, _ = restore(cells, instructor)
    test = by_id(notebook, "total-values")
    assert "6.5" in test["source"]
    assert test["metadata"]["nbgrader"]["points"] == 2


def test_a_test_that_is_never_run_does_not_look_like_one_that_passed(instructor: Any) -> None:
    notebook, _ = restore([], instructor)
    assert by_id(notebook, "total-values")["outputs"][0]["output_type"] == "error"


def test_a_file_name_does_not_reach_a_web_page_as_html(submitted: Path, instructor: Any) -> None:
    name = "<img src=x onerror=alert(1)>[a](javascript:alert(2)).ipynb"
    (submitted / "ada" / "sums" / name).write_text("{}")
    (submitted / "ada" / "sums" / "<b>folder").symlink_to(submitted)
    assert read(submitted).remarks == ("?b?folder is a link and was left out.",)
    with pytest.raises(NotGradableError) as refused:
        find_notebook(read(submitted), instructor)
    assert not re.search(r"[<>\[\]]", str(refused.value))
    page = not_graded_notebook(instructor, "because <script>")["cells"][0]["source"]
    assert "because &lt;script>" in page or "because &lt;script&gt;" in page
