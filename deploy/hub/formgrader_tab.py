"""Makes the formgrader's links right where it has a browser tab of its own.

nbgrader 0.9 writes two kinds of links for a formgrader that JupyterLab shows in a frame, and
JupyterHub lets no page be framed:

- Course List opens /lab?formgrader=true, which would show an empty frame: it leads to the
  formgrader itself;
- the formgrader's links to notebooks and folders begin at the server's root, where the hub is, and
  not at this service: they get its address in front.

A Jupyter server extension; the service that runs the formgrader loads it.
"""

from __future__ import annotations

from pathlib import Path

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from nbgrader.server_extensions.formgrader import handlers
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, PathMatches, Rule
from tornado.web import RedirectHandler, RequestHandler

_SCRIPT = "formgrader/static/js/utils.js"


class _CourseListLink(Matcher):
    def __init__(self, path: str) -> None:
        self.path = path

    def match(self, request: HTTPServerRequest) -> dict[str, str] | None:
        return {} if request.path == self.path and "formgrader" in request.arguments else None


class _Script(RequestHandler):
    """nbgrader's script with the page's `base_url` before every path of a link."""

    def get(self) -> None:
        script = Path(handlers.static_path, "js", "utils.js").read_text(encoding="utf-8")
        for path in ('"/notebooks/"', '"/edit/"', '"/tree/"'):
            script = script.replace(path, f"base_url + {path}")
        self.set_header("Content-Type", "text/javascript")
        self.finish(script)


def _load_jupyter_server_extension(server: ServerApp) -> None:
    base = server.base_url
    target = {"url": url_path_join(base, "formgrader"), "permanent": False}
    server.web_app.default_router.rules[:0] = [
        Rule(_CourseListLink(url_path_join(base, "lab")), RedirectHandler, target),
        Rule(PathMatches(url_path_join(base, _SCRIPT)), _Script),
    ]
