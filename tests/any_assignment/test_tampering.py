"""The usual ways to tamper with a test that runs beside the student's code gain nothing.

Each would gain all points from plain nbgrader, or from a run without the controls.
"""

from __future__ import annotations

from typing import Any

import pytest
from kinds_of_assignment import reasons

EQUALS_ALL = """\
class Any({base}):
    def __eq__(self, other):
        return True

    __hash__ = None

    def __array__(self, *a, **k):
        return np.array(4.0)
"""

# name -> (what the answer's cell holds, what the feedback says)
TAMPERED = {
    "an assertion function of NumPy's": (
        "np.testing.assert_allclose = lambda *a, **k: None\n"
        "def solve(x):\n    return 9 if x == 3 else 16",
        "replaced numpy.testing",
    ),
    "the code of an assertion function": (
        "np.testing.assert_allclose.__code__ = (lambda *a, **k: None).__code__\n"
        "def solve(x):\n    return 9 if x == 3 else 16",
        "replaced numpy.testing",
    ),
    "what an assertion function calls": (
        "import numpy.testing._private.utils as u\nu.assert_array_compare = lambda *a, **k: None\n"
        "def solve(x):\n    return 9 if x == 3 else 16",
        "replaced numpy.testing",
    ),
    "a method of unittest": (
        "unittest.TestCase.assertEqual = lambda *a: None\n"
        "def solve(x):\n    return {3: 9, 2: 4}.get(x)",
        "replaced unittest",
    ),
    "the runner of unittest": (
        "unittest.TestResult.wasSuccessful = lambda self: True\n"
        "def solve(x):\n    return {3: 9, 2: 4}[x]",
        "replaced unittest",
    ),
    "a builtin": (
        "import builtins\nbuiltins.callable = lambda x: True\nsolve = 3",
        "replaced builtins",
    ),
    "a function by another of the same name": (
        "callable = lambda x: True\ndef solve(x):\n    return Any()",
        "gives callable, a function of Python's, another meaning",
    ),
    "a module": (
        "import sys, types\nfake = types.ModuleType('unittest')\nsys.modules['unittest'] = fake\n"
        "def solve(x):\n    return {3: 9, 2: 4}.get(x)",
        "replaced unittest",
    ),
    "an object that equals everything": (
        EQUALS_ALL.format(base="") + "def solve(x):\n    return Any()",
        "equals everything",
    ),
    "a number that equals everything": (
        EQUALS_ALL.format(base="int") + "def solve(x):\n    return Any(4)",
        "equals everything",
    ),
    "skipped tests": (
        "def solve(x):\n    if x == 4:\n        raise unittest.SkipTest('no')\n"
        "    return {3: 9, 2: 4}[x]",
        "In the test, at",
    ),
    "an exit": ("def solve(x):\n    import sys\n    sys.exit(0)", "SystemExit"),
    "a hard exit": ("def solve(x):\n    import os\n    os._exit(0)", "stopped"),
    "a tracer that jumps over lines": (
        "import sys\n"
        "def jump(frame, event, arg):\n"
        "    if 'tampering-test-0' in frame.f_code.co_filename and event == 'line':\n"
        "        try:\n            frame.f_lineno = 17\n"
        "        except ValueError:\n            pass\n"
        "    return jump\n"
        "def solve(x):\n    frame = sys._getframe(1)\n    frame.f_trace = jump\n"
        "    sys.settrace(jump)\n"
        "    return 9",
        "",
    ),
    "IPython's own way to run cells": (
        "shell = get_ipython()\nshell.run_cell = lambda *a, **k: None\n"
        "shell.showtraceback = lambda *a, **k: None\n"
        "shell.set_custom_exc((Exception,), lambda *a, **k: None)\n"
        "def solve(x):\n    return 0",
        "In the test, at",
    ),
    "IPython's transformers": (
        "import ast\n"
        "class Drop(ast.NodeTransformer):\n    def visit_Assert(self, node):\n"
        "        return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Drop())\ndef solve(x):\n    return 0",
        "In the test, at",
    ),
    "a number of points": (
        "import sys\ndef solve(x):\n    sys.displayhook(2)\n    print(2)\n    return 0",
        "In the test, at",
    ),
    "the tests' own helper": (
        "class TestSolve(unittest.TestCase):\n    pass\nresult = 1\ndef solve(x):\n    return 0",
        "In the test, at",
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_gains_nothing_and_says_what_was_seen(any_assignment: Any, name: str) -> None:
    source, says = TAMPERED[name]
    any_assignment.kinds["tampering"].answers[name] = source
    scores, notebook = any_assignment.grade("tampering", name)
    assert scores == {"tampering-test-0": 0}
    assert says in reasons(notebook)


@pytest.mark.parametrize(
    "source",
    [
        "sum = 3\ndef solve(x):\n    return x * x",
        "from numpy import *\ndef solve(x):\n    return multiply(x, x)",
        "import matplotlib.pyplot as plt\nplt.switch_backend('agg')\nplt.plot([1])\n"
        "def solve(x):\n    return x**2",
        "np.set_printoptions(precision=3)\nnp.random.seed(3)\n"
        "class Number(float):\n    pass\ndef solve(x):\n    return Number(x * x)",
        "import threading\nthreading.Thread(target=print).start()\ndef solve(x):\n    return x * x",
    ],
    ids=["a name of a builtin", "a star import", "figures", "options and classes", "a thread"],
)
def test_what_honest_notebooks_do_is_no_tampering(any_assignment: Any, source: str) -> None:
    any_assignment.kinds["tampering"].answers["honest"] = source
    scores, notebook = any_assignment.grade("tampering", "honest")
    assert scores == {"tampering-test-0": 2}, reasons(notebook)
