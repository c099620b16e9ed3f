"""Starting quickly: what to leave out of nbgrader's import, and how to import a lot."""

from __future__ import annotations

import gc
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FORMATS_OF_NO_NOTEBOOK = ("rfc3987_syntax", "rfc3986_validator")


def import_less() -> None:
    """Leave out of later imports what takes longest and is not used here.

    - jsonschema builds grammars on import for formats that no notebook's schema uses:
      https://github.com/python-jsonschema/jsonschema/issues/1428
    - nbgrader's `__init__` imports its extensions of the Jupyter server, and with them the server:
      its modules are imported here from a package whose `__init__` was not run.
    """
    for name in _FORMATS_OF_NO_NOTEBOOK:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    if "nbgrader" not in sys.modules:
        found = importlib.util.find_spec("nbgrader")
        if found is not None:
            sys.modules["nbgrader"] = importlib.util.module_from_spec(found)


@contextmanager
def lasting_imports() -> Iterator[None]:
    """Import what stays until the process ends: no garbage collection has to look at it.

    The collections while it is imported, and those of the interpreter when it ends, would take
    longer than grading a submission.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
