"""Attacks that change what the tests are made of: NumPy, builtins, the model, IPython's hooks.

Each is added to a `gradient` that is always zero and tried twice: in the open build, where it
must earn points for that, and in the autograder, where it must earn none.
"""

from __future__ import annotations

from typing import Any

import pytest

WRONG = """def gradient(self, x):
    return np.zeros_like(self.W)


Model.gradient = gradient
"""

MONKEYPATCHES = {
    "assertions of NumPy that never fail": """
np.testing.assert_allclose = lambda *args, **kwargs: None
np.allclose = lambda *args, **kwargs: True
np.abs = lambda value: np.full(1, -1.0)
""",
    "the comparison itself": """
np.testing.assert_allclose = np.allclose = np.all = lambda *args, **kwargs: True
""",
    "zeros wherever random numbers are drawn": """
class Zeros:
    def standard_normal(self, size): return np.zeros(size)
np.random.default_rng = lambda *seed: Zeros()
""",
    "a model that starts with zero weights": """
def __init__(self, size): self.W = np.zeros((size, size))
Model.__init__ = __init__
""",
    "another class under the model's name": """
class Model:
    def __init__(self, size): self.W = np.zeros((size, size))
    gradient = gradient
""",
    "the operation that the reference answer uses": """
np.outer = lambda a, b: np.zeros((len(a), len(b)))
""",
    "a module in NumPy's place": """
import sys, types
fake = types.ModuleType("numpy")
fake.__dict__.update(np.__dict__)
fake.outer = lambda a, b: np.zeros((len(a), len(b)))
sys.modules["numpy"] = globals()["np"] = fake
""",
    "an import hook": """
import builtins, types
real = builtins.__import__
def hook(name, *args, **kwargs):
    module = real(name, *args, **kwargs)
    if name == "numpy": module.outer = lambda a, b: module.zeros((len(a), len(b)))
    return module
builtins.__import__ = hook
import numpy
""",
    "a seed of its own, drawn from at test time": """
class Known:
    def standard_normal(self, size): return np.zeros(size)
import builtins
builtins.grading_seed = 0
del np.random.default_rng
np.random.default_rng = lambda seed: Known()
""",
    "functions of the numpy module through its dictionary": """
vars(np).update(outer=lambda a, b: np.zeros((len(a), len(b))))
""",
    "code objects swapped inside a function": """
def outer(a, b, out=None):
    from numpy import zeros
    return zeros((len(a), len(b)))
np.outer.__wrapped__ = outer
np.outer = outer
""",
}

HOOKS = {
    "an input transformer that drops the asserts": """
get_ipython().input_transformers_post.append(
    lambda lines: [l for l in lines if "assert" not in l or l.startswith(" " * 8)]
)
""",
    "an AST transformer that drops the asserts": """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
    def visit_Expr(self, node): return ast.Pass() if "assert" in ast.dump(node) else node
get_ipython().ast_transformers.append(Drop())
""",
    "a handler that swallows every exception": """
get_ipython().set_custom_exc((Exception,), lambda *args, **kwargs: [])
""",
    "a traceback that is not shown": """
get_ipython().showtraceback = lambda *args, **kwargs: None
""",
    "a kernel that runs nothing": """
async def nothing(self, *args, **kwargs): return False
type(get_ipython()).run_code = nothing
""",
    "an event before each cell that rewrites the model": """
def rewrite(info):
    def __init__(self, size): self.W = np.zeros((size, size))
    Model.__init__ = __init__
get_ipython().events.register("pre_run_cell", rewrite)
""",
    "a compiler that compiles something else": """
shell = get_ipython()
parse = shell.compile.ast_parse
shell.compile.ast_parse = lambda source, *a, **k: parse(
    source if "expected" not in source else "pass", *a, **k)
""",
    "an exception that IPython is told to display": """
class Quiet(AssertionError): pass
import builtins, sys
get_ipython().custom_exceptions = (BaseException,)
get_ipython().CustomTB = lambda *args, **kwargs: None
""",
    "outputs that are thrown away": """
get_ipython().events.register("post_run_cell", lambda result: get_ipython().outputs.items.clear())
""",
    "the display hook, called with the points": """
import sys
def gradient(self, x):
    sys.displayhook(3.0)
    get_ipython().showtraceback = lambda *args, **kwargs: None
    raise ValueError
Model.gradient = gradient
""",
    "an exit in the middle of the test": """
def gradient(self, x):
    get_ipython().showtraceback = lambda *args, **kwargs: None
    raise SystemExit(0)
Model.gradient = gradient
""",
}
TRICKS = {**MONKEYPATCHES, **HOOKS}


@pytest.mark.parametrize("trick", TRICKS)
def test_it_pays_where_the_tests_share_the_students_interpreter(
    trick: str, submission: Any, grade_openly: Any
) -> None:
    assert grade_openly(submission(gradient=WRONG))["gradient-values"] == 0
    assert grade_openly(submission(gradient=WRONG + TRICKS[trick]))["gradient-values"] == 3


@pytest.mark.parametrize("trick", TRICKS)
def test_it_earns_nothing_from_the_autograder(trick: str, submission: Any, grade: Any) -> None:
    points = grade(submission(gradient=WRONG + TRICKS[trick]))
    assert points["gradient-values"] == 0


def test_honest_work_earns_everything_in_both(
    submission: Any, grade: Any, grade_openly: Any
) -> None:
    assert grade(submission()) == {"gradient-values": 3, "norm-values": 2}
    assert grade_openly(submission()) == {"gradient-values": 3, "norm-values": 2}
