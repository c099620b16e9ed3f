"""Lets Course List's link open the formgrader itself.

nbgrader's link, /lab?formgrader=true, shows the formgrader in a frame inside JupyterLab, and
JupyterHub lets no page be framed: nothing would show. A Jupyter server extension; the service that
runs the formgrader loads it.
"""

from __future__ import annotations

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import RedirectHandler


class _CourseListLink(Matcher):
    def __init__(self, path: str) -> None:
        self.path = path

    def match(self, request: HTTPServerRequest) -> dict[str, str] | None:
        return {} if request.path == self.path and "formgrader" in request.arguments else None


def _load_jupyter_server_extension(server: ServerApp) -> None:
    link = _CourseListLink(url_path_join(server.base_url, "lab"))
    target = {"url": url_path_join(server.base_url, "formgrader"), "permanent": False}
    server.web_app.default_router.rules.insert(0, Rule(link, RedirectHandler, target))
