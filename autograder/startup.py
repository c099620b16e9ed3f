"""What a command does before it imports nbgrader: half of that import serves no command."""

from __future__ import annotations

import importlib.util
import sys

_FORMATS_OF_NO_NOTEBOOK = ("rfc3987_syntax", "rfc3986_validator")


def import_less() -> None:
    """Leave out of later imports what takes longest and is of no use here.

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
