"""The recorded curricula that the course ships, and how a run becomes one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.publishing import publish
from experiments.verify import verify
from gtnlab.cli import app
from gtnlab.curriculum import Curriculum
from gtnlab.digits import Digits, load_digits
from gtnlab.errors import GtnError
from gtnlab.explorer.recordings import MAX_BYTES, MAX_SNAPSHOTS, PROVENANCE, find_curricula, names

SHIPPED = Path(__file__).parents[3] / "data" / "curricula"
ALL = sorted(SHIPPED.glob("*.npz"))


@pytest.fixture(scope="session")
def mnist_test() -> Digits:
    digits = load_digits("test", root=None)
    if digits.source != "mnist":
        pytest.skip("MNIST could not be had: accuracies on it cannot be checked on other digits")
    return digits


def test_the_course_ships_class_in_all_three_variants() -> None:
    assert {"class_learned", "class_random_fixed", "class_random"} <= set(names(SHIPPED))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_shipped_file_is_small_holds_no_pickle_and_says_where_it_comes_from(path: Path) -> None:
    assert path.stat().st_size < MAX_BYTES
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = {1: np.lib.format.read_array_header_1_0}.get(
                    version[0], np.lib.format.read_array_header_2_0
                )
                assert not read(file)[2].hasobject, f"{member} is pickled"
    curriculum = Curriculum.load(path)
    assert len(curriculum.outer_step) <= MAX_SNAPSHOTS
    # Where a second snapshot would be too large, the last one is all there is.
    assert curriculum.outer_step[0] == 0 or path.stat().st_size * 2 > MAX_BYTES
    assert curriculum.outer_step[-1] == curriculum.provenance["outer_steps"]
    assert set(PROVENANCE) <= set(curriculum.provenance)
    assert curriculum.provenance["source"] == "mnist"
    assert "cpu" in curriculum.provenance["hardware"]
    # Nothing of the machine that it was recorded on, but its kind.
    assert not any(word in json.dumps(curriculum.provenance) for word in ("/home", "/tmp", "/work"))


def test_all_shipped_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 25_000_000


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_shipped_file_teaches_fresh_learners_what_it_claims(
    path: Path, mnist_test: Digits
) -> None:
    assert all(check.holds for check in verify(path, mnist_test, quick=True))


def test_the_folder_is_found_from_below_it_and_the_environment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curriculum: Curriculum
) -> None:
    monkeypatch.delenv("GTN_CURRICULA", raising=False)
    course, elsewhere = tmp_path / "course", tmp_path / "elsewhere"
    curriculum.save(course / "data" / "curricula" / "one.npz")
    curriculum.save(elsewhere / "other.npz")
    below = course / "release" / "gtn-lab"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert names(find_curricula()) == ["one"]
    monkeypatch.setenv("GTN_CURRICULA", str(elsewhere))
    assert names(find_curricula()) == ["other"]


def test_the_folder_beside_the_notebook_is_found_and_a_missing_one_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, curriculum: Curriculum
) -> None:
    monkeypatch.delenv("GTN_CURRICULA", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GtnError, match="GTN_CURRICULA"):
        find_curricula()
    curriculum.save(tmp_path / "course-students" / "data" / "curricula" / "one.npz")
    assert find_curricula() == tmp_path / "course-students" / "data" / "curricula"
    curriculum.save(tmp_path / "curricula" / "one.npz")
    assert find_curricula() == tmp_path / "curricula"
    monkeypatch.setenv("GTN_CURRICULA", str(tmp_path / "empty"))
    with pytest.raises(GtnError, match=r"empty holds no recorded curricula.*gtnlab train class"):
        find_curricula()


def test_publishing_leaves_out_snapshots_until_the_file_is_small_and_keeps_the_ends(
    tmp_path: Path, mnist_root: Path
) -> None:
    trained = CliRunner().invoke(
        app, ["train", "class", "--outer-steps", "9", "--out", str(tmp_path / "run")]
    )
    assert trained.exit_code == 0, trained.output
    whole = Curriculum.load(tmp_path / "run" / "curriculum.npz")
    size = (tmp_path / "run" / "curriculum.npz").stat().st_size
    test = load_digits("test", root=mnist_root)
    path = publish(tmp_path / "run", tmp_path / "out", test, note="quick", max_bytes=size // 2)
    small = Curriculum.load(path)
    assert path.name == "class_learned.npz"
    assert path.stat().st_size <= size // 2
    assert 1 < len(small.outer_step) < len(whole.outer_step)
    for end in (0, -1):
        assert small.outer_step[end] == whole.outer_step[end]
        assert np.array_equal(small.images[end], whole.images[end])
        assert np.array_equal(small.accuracy[end], whole.accuracy[end])
    assert small.provenance["note"] == "quick"
    assert len(small.provenance["claim"]["accuracy"]["inference"]["values"]) == 10
    assert not path.with_suffix(".json").exists()
    with pytest.raises(GtnError, match="one snapshot"):
        publish(tmp_path / "run", tmp_path / "out", test, max_bytes=1000)
    assert np.array_equal(Curriculum.load(path).images, small.images)
