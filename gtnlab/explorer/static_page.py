"""The explorer without a kernel: HTML that holds all it shows, and a still picture.

Nothing in it asks any host for anything. Where scripts may not run (GitHub, a notebook that is
not trusted) the picture is what remains of it.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gtnlab.curriculum import Curriculum
from gtnlab.errors import GtnError
from gtnlab.explorer.frames import tiled
from gtnlab.explorer.picture import draw
from gtnlab.explorer.playback import SHOWN_ORDERS, Playback, variant_of
from gtnlab.explorer.recordings import find_curricula, names
from gtnlab.explorer.stage import CURVE, STYLE
from gtnlab.files import written_whole
from gtnlab.training.run import open_curriculum

SCRIPT = CURVE + (Path(__file__).parent / "static_page.js").read_text(encoding="utf-8")

NOTEBOOK_BYTES = 700_000
PAGE_BYTES = 4_500_000
QUALITY = 80
STILL_DPI = 60


def still(played: Sequence[Playback]) -> bytes:
    """The last snapshot of each on one page, as PNG: images, accuracy and rates by step."""
    pages = []
    for each in played:
        file = io.BytesIO()
        draw(each.curriculum).savefig(file, dpi=STILL_DPI, format="png")
        pages.append(Image.open(file).convert("RGB"))
    sheet = Image.new(
        "RGB", (max(page.width for page in pages), sum(page.height for page in pages)), "white"
    )
    top = 0
    for page_ in pages:
        sheet.paste(page_, (0, top))
        top += page_.height
    file = io.BytesIO()
    # 64 colours are enough for grey images and a few lines, and take a third of the room.
    sheet.quantize(64).save(file, "PNG", optimize=True)
    return file.getvalue()


def fragment(
    played: Sequence[Playback], picture: bytes | None = None, *, limit: int = NOTEBOOK_BYTES
) -> str:
    """HTML with its data and script inside, to stand in a notebook's output or on a page.

    The first recording shows, and ``picture``, a PNG, to readers without scripts. Snapshots are
    left out to keep the images to ``limit`` bytes.
    """
    found = [_facts(each, limit // len(played)) for each in played]
    data = json.dumps(found, separators=(",", ":")).replace("<", "\\u003c")
    alt = "; ".join(f"A recorded curriculum: {each.title()}" for each in played)
    image = f'<img alt="{html.escape(alt)}" src="{_url(picture)}">' if picture else ""
    return (
        f'<div class="gtn-static"><style>{STYLE}</style>{image}'
        f'<script type="application/json">{data}</script>'
        "<script>(() => { const root = document.currentScript.parentElement;\n"
        f"{SCRIPT}\n"
        "staticExplorer(root, "
        "JSON.parse(root.querySelector('script[type=\"application/json\"]').textContent));"
        "})();</script></div>"
    )


def page(title: str, played: Sequence[Playback]) -> str:
    """A whole HTML page of at most 5 MB, to open from disk."""
    provenance = json.dumps([each.curriculum.provenance for each in played], indent=1)
    picture = _url(still(played))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
body {{ font-family: system-ui, sans-serif; color: #222; }}
body {{ max-width: 1100px; margin: 1.5em auto; padding: 0 1em; }}
</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
<p>A teacher network made these images, one batch for each step of a learner's training.
Move the sliders, or click a step of the curve: which batch comes when, what the learner can do
after it, and how the batches came to be.</p>
<noscript><img alt="The recorded curricula, one after the other." src="{picture}"></noscript>
{fragment(played, limit=PAGE_BYTES)}
<details><summary>Where this comes from</summary><pre>{html.escape(provenance)}</pre></details>
</body>
</html>
"""


def export_page(name: str, out: Path, folder: Path | None = None) -> list[str]:
    """Write the page; an earlier one stays whole if this fails.

    Args:
        name: an experiment (all its recorded variants), one recording, a file or a run directory.
        folder: where the recordings lie; found by itself if not given.

    Returns:
        The names of the recordings on the page.

    Raises:
        GtnError: there is no such recording, or the page cannot be written.
    """
    played = _played(name, folder)
    content = page(f"A generated curriculum: {name.rstrip('/')}", played)
    with written_whole(out) as scratch:
        scratch.write_text(content, encoding="utf-8")
    return [each.name for each in played]


def _played(name: str, folder: Path | None) -> list[Playback]:
    path = Path(name)
    if path.suffix == ".npz" or path.is_dir():
        return [Playback(path.stem, open_curriculum(path))]
    place = folder or find_curricula()
    found = [each for each in names(place) if name in (each, variant_of(each)[0])]
    if not found:
        raise GtnError(
            f"There is no recording of {name!r} in {place}, only of {', '.join(names(place))}. "
            "Name one of them, a file (.npz) or a run directory."
        )
    return [Playback(each, Curriculum.load(place / f"{each}.npz")) for each in found]


def _facts(played: Playback, limit: int) -> dict[str, Any]:
    """One recording as plain JSON values, with as many snapshots as fit the limit."""
    recorded = played.curriculum
    soft = [_bytes(each) for each in recorded.targets] if recorded.targets is not None else []
    chosen, sheets = _sheets(recorded.images, limit - sum(map(len, soft)))
    views = {order: Playback(played.name, recorded, order) for order in SHOWN_ORDERS}
    left_out = ""
    if len(chosen) < played.snapshots:
        left_out = f" {len(chosen)} of {played.snapshots} snapshots are on this page."
    return {
        "name": played.name,
        "steps": played.steps,
        "batch": played.batch,
        "labels": recorded.labels.tolist(),
        "outer_step": recorded.outer_step[chosen].tolist(),
        "lr": _short(recorded.lr[chosen]),
        "momentum": _short(recorded.momentum[chosen]),
        "measures": list(played.measures),
        "orders": list(recorded.orders),
        "accuracy": {
            order: {
                measure: _short(np.stack([_recorded(view, at, measure) for at in chosen]))
                for measure in played.measures
            }
            for order, view in views.items()
            if order in recorded.orders
        },
        "index": {order: view.index.tolist() for order, view in views.items()},
        "caption": {order: (view.caption() + left_out).strip() for order, view in views.items()},
        "sheets": sheets,
        "targets": [soft[place] for place in chosen] if soft else None,
    }


def _recorded(view: Playback, snapshot: int, measure: str) -> Any:
    found = view.accuracy(snapshot, measure)
    assert found is not None
    return found


def _sheets(images: Any, limit: int) -> tuple[list[int], list[str]]:
    """Which snapshots fit, the first and the last among them, and a data URL for each.

    A sheet holds all images of a snapshot: a row for each step, a column for each image.
    """
    last = len(images) - 1

    @cache  # to compress them takes most of the time, so only those in question
    def encoded(place: int) -> str:
        return _url(_sheet(images[place]), "webp")

    most = min(len(images), max(1, limit // len(encoded(last))))
    for count in range(most, 0, -1):
        spread = np.linspace(last, 0, count).round().astype(int)
        chosen = sorted({int(place) for place in spread})
        if sum(len(encoded(place)) for place in chosen) <= limit:
            break
    return chosen, [encoded(place) for place in chosen]


def _sheet(images: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(tiled(images)).save(file, "WEBP", quality=QUALITY)
    return file.getvalue()


def _bytes(targets: Any) -> str:
    """A snapshot's soft labels as bytes 0 to 255: a row of ten for each image."""
    return base64.b64encode((255 * targets).round().astype(np.uint8).tobytes()).decode()


def _url(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _short(values: Any) -> Any:
    """Four digits after the point: what is shown has three."""
    return np.asarray(values, np.float64).round(5).tolist()
