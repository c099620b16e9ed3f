"""Without a kernel: a still picture, and a page that holds everything it shows."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from gtnlab.cli import app
from gtnlab.curriculum import Curriculum
from gtnlab.explorer.playback import Playback
from gtnlab.explorer.static_page import fragment, page
from gtnlab.explorer.viewer import explore

ELSEWHERE = re.compile(r"(?:https?:)?//[\w-]+\.[\w.]+|@import|url\(")


@pytest.fixture
def folder(curriculum: Curriculum, tmp_path: Path) -> Path:
    for variant in ("learned", "random"):
        curriculum.save(tmp_path / f"class_{variant}.npz")
    return tmp_path


def data_of(content: str) -> list[dict[str, Any]]:
    (found,) = re.findall(r'<script type="application/json">(.*?)</script>', content, re.DOTALL)
    decoded: list[dict[str, Any]] = json.loads(found)
    return decoded


def decoded(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L"))


def test_the_output_of_the_explorer_also_holds_a_picture_and_a_page(folder: Path) -> None:
    bundle, _ = explore(folder, experiment="class", compare=True)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    picture = Image.open(io.BytesIO(bundle["image/png"]))
    assert min(picture.size) > 300
    assert [each["name"] for each in data_of(bundle["text/html"])] == [
        "class_learned",
        "class_random",
    ]
    assert "class, learned: 4 steps × 20 images" in bundle["text/plain"]
    # What is left where scripts are taken out: a picture with words for those who cannot see it.
    assert re.search(r'<img alt="A recorded curriculum: class, learned', bundle["text/html"])


def test_the_page_holds_the_recorded_numbers_and_pictures_of_every_step(
    curriculum: Curriculum,
) -> None:
    (found,) = data_of(fragment([Playback("class_learned", curriculum)]))
    assert found["outer_step"] == [0, 7]
    for measure, values in found["accuracy"]["ordered"].items():
        column = curriculum.measures.index(measure)
        np.testing.assert_allclose(values, curriculum.accuracy[:, 0, column], atol=1e-5)
    assert set(found["accuracy"]) == {"ordered"}  # the others were not recorded
    np.testing.assert_allclose(found["lr"], curriculum.lr, atol=1e-5)
    np.testing.assert_allclose(found["momentum"], curriculum.momentum, atol=1e-5)
    reordered = np.array(found["index"]["reversed"])
    np.testing.assert_array_equal(reordered, np.arange(80).reshape(4, 20)[::-1])
    sheet = decoded(found["sheets"][1]).reshape(4, 28, 20, 28).transpose(0, 2, 1, 3)
    off = np.abs(sheet.astype(int) - curriculum.images[1])
    assert off.mean() < 5  # compressed, but the same images


def test_snapshots_are_left_out_to_keep_to_the_limit_and_the_page_says_so(
    curriculum: Curriculum,
) -> None:
    many = dataclasses.replace(
        curriculum,
        outer_step=np.arange(20),
        **{
            name: getattr(curriculum, name)[np.arange(20) % 2]
            for name in ("images", "lr", "momentum", "accuracy")
        },
    )
    (found,) = data_of(fragment([Playback("x", many)], limit=200_000))
    assert sum(map(len, found["sheets"])) <= 200_000
    assert 2 <= len(found["sheets"]) < 20
    assert (found["outer_step"][0], found["outer_step"][-1]) == (0, 19)
    assert f"{len(found['sheets'])} of 20 snapshots" in found["caption"]["ordered"]


def test_a_name_with_markup_in_it_stays_text(curriculum: Curriculum) -> None:
    wrong = "</script><script>alert(1)</script>"
    content = page(wrong, [Playback(wrong, curriculum)])
    assert "alert(1)</script>" not in content
    assert data_of(content)[0]["name"] == wrong


def test_export_writes_one_page_that_names_no_other_host(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    arguments = ["export", "class", "--html", "-o", str(out), "--curricula", str(folder)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    content = out.read_text()
    assert [each["name"] for each in data_of(content)] == ["class_learned", "class_random"]
    namespace = "http://www.w3.org/2000/svg"
    assert ELSEWHERE.findall(content.replace(namespace, "")) == []
    assert not re.search(r"<(?:link|iframe)\b|\bsrc=(?!\"data:)", content)


def test_export_of_a_file_or_a_run_directory(curriculum: Curriculum, tmp_path: Path) -> None:
    run = tmp_path / "run"
    curriculum.save(run / "curriculum.npz")
    for named in (run, run / "curriculum.npz"):
        out = tmp_path / "page.html"
        done = CliRunner().invoke(app, ["export", str(named), "--html", "-o", str(out)])
        assert done.exit_code == 0, done.output
        assert len(data_of(out.read_text())) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["class"], 2, "--html"),
        (["D", "--html"], 1, "only of class_learned, class_random"),
    ],
)
def test_export_says_what_is_wrong(
    folder: Path, arguments: list[str], status: int, said: str
) -> None:
    done = CliRunner().invoke(app, ["export", *arguments, "--curricula", str(folder)])
    assert done.exit_code == status
    assert said in " ".join(done.output.split())


def test_soft_labels_are_in_the_page_and_go_with_their_image(curriculum: Curriculum) -> None:
    rng = np.random.default_rng(1)
    snapshots, steps, batch = curriculum.images.shape[:3]
    targets = rng.dirichlet(np.ones(10), (snapshots, steps, batch)).astype(np.float32)
    soft = dataclasses.replace(curriculum, targets=targets)
    (found,) = data_of(fragment([Playback("class_learned", soft)]))
    bytes_ = np.frombuffer(base64.b64decode(found["targets"][-1]), np.uint8)
    assert np.abs(bytes_.reshape(-1, 10) / 255 - targets[-1].reshape(-1, 10)).max() <= 0.5 / 255
    assert "soft labels" in found["caption"]["ordered"]
    reversed_ = Playback("class_learned", soft, "reversed")
    np.testing.assert_array_equal(reversed_.targets(0, 0), targets[0, -1])
    (plain,) = data_of(fragment([Playback("class_learned", curriculum)]))
    assert plain["targets"] is None
