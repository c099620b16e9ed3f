"""Inside the sandbox: a test cell run beside the student's code, with controls around it.

Whoever shares a process with a test can change what the test relies on. The controls find the
usual ways: functions of libraries and builtins that were replaced, objects that equal everything,
a tracer that jumps over assertions, assertions that no longer fail. And the same cell must fail
on the untouched stub, in a forked copy of the process, so that whatever makes every test pass is
seen to do so. SECURITY.md says what this promises and what it does not.
"""

from __future__ import annotations

import ast
import builtins
import gc
import importlib
import os
import select
import signal
import sys
import types
import unittest
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from IPython.core.inputtransformer2 import TransformerManager

_ALWAYS = ("builtins", "unittest", "numpy.testing", "math", "operator", "sys", "numpy")
# Libraries that replace functions of their own while they work: there only what the student's
# cells put in counts.
_LIVELY = {"matplotlib", "IPython", "torch", "seaborn", "tqdm", "ipywidgets", "sys"}
_WITH_CLASSES = {"unittest", "pandas", "pytest", "_pytest", "numpy"}
_TOUCHED = ("numpy._core.numeric", "numpy._core.fromnumeric")
# IPython puts these among the builtins while it runs a cell.
_COME_AND_GO = {"get_ipython", "display", "exit", "quit"}
_PROBE = "no value that a test expects \ue000"


class Tampered(BaseException):
    """A control does not hold; the message says which, in words."""


# What the libraries were before the student's cells ran.
_modules: dict[str, types.ModuleType] = {}
_members: dict[tuple[str, str], tuple[Any, Any, Any]] = {}
"""(module or class, name) to that module or class, its callable of this name and the code of it."""


def remember(modules: Sequence[str]) -> None:
    """Note what the libraries' functions are, before any cell of the student's runs."""
    for name in (*_ALWAYS, *modules):
        with suppress(ImportError):
            importlib.import_module(name)
    roots = {_root(name) for name in (*_ALWAYS, *modules)}
    for name, module in list(sys.modules.items()):
        # what is private to a library, its tools for tests excepted, would only cost time
        private = "._" in name and ".testing." not in name and name not in _TOUCHED
        if _root(name) in roots and not private and isinstance(module, types.ModuleType):
            _modules[name] = module
            _note(name, module)
            if _root(name) in _WITH_CLASSES:
                for kind in list(vars(module).values()):
                    if isinstance(kind, type) and kind.__module__ == name:
                        _note(f"{name}.{kind.__qualname__}", kind)


def _root(name: str) -> str:
    return name.partition(".")[0]


def _note(label: str, owner: Any) -> None:
    for name, member in vars(owner).items():
        if callable(member) and name not in _COME_AND_GO:
            _members[label, name] = owner, member, _code(member)


def _code(member: Any) -> Any:
    # not for objects that make up their attributes, such as unittest.mock.call
    return member.__code__ if isinstance(member, types.FunctionType) else None


def _replaced() -> Iterator[str]:
    """Names of the libraries' functions that are not what they were."""
    for name, module in _modules.items():
        if sys.modules.get(name) is not module:
            yield name
    for (label, name), (owner, member, code) in _members.items():
        now = vars(owner).get(name)
        if now is member and _code(now) is code:
            continue
        if _root(label) not in _LIVELY or _is_students(now):
            yield f"{label}.{name}"


def _is_students(thing: Any) -> bool:
    return getattr(thing, "__module__", None) == "__main__" or type(thing).__module__ == "__main__"


@dataclass(frozen=True)
class InsideTest:
    """A test cell and what its controls need, as the grader sends it.

    Attributes:
        name: its grade_id.
        source: the instructor's cell.
        helpers: functions of the instructor's that it calls, defined again before it runs.
        unbind: names that the cells below bind, dotted for attributes of classes.
        stub: the instructor's cells from the first blank on, blanks untouched; None where this
            is no control for the test.
        seconds: how long the run on the stub may take.
    """

    name: str
    source: str
    helpers: str
    unbind: Sequence[str]
    stub: Sequence[str] | None
    seconds: float


def run_test(told: Mapping[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """Run a test cell in the student's namespace.

    Returns:
        `value`, what its last line gives, as a number or None; `error`, the exception; `control`,
        which control did not hold, or the empty string.
    """
    test = InsideTest(**told)
    try:
        _check_libraries(names, test.source)
        if test.helpers:
            exec(_python(test.helpers, "<helpers>"), names)
        if test.stub is not None:
            _must_fail_on_the_stub(test, names)
        seen: set[int] = set()
        code, last, asserts = _instrumented(test)
        value, error = _executed(code, last, names, seen)
        if error is None and not asserts <= seen:
            raise Tampered("a line of the test was jumped over")
        _check_libraries(names, test.source)
        falsehood = compile("assert 1 == 2", "<control>", "exec")
        if type(_executed(falsehood, None, names, set())[1]) is not AssertionError:
            raise Tampered("an assertion that is false does not fail in your notebook")
    except Tampered as control:
        return {"value": None, "error": None, "control": str(control)}
    if isinstance(value, (bool, np.bool_)):
        value = bool(value)
    elif isinstance(value, (int, float, np.integer, np.floating)):
        value = float(value)
    else:
        value = None
    return {"value": value, "error": error, "control": ""}


def _executed(
    code: types.CodeType, last: types.CodeType | None, names: dict[str, Any], seen: set[int]
) -> tuple[Any, BaseException | None]:
    def note(place: int, value: Any) -> Any:
        seen.add(place)
        return value

    names.update(__checked__=_checked, __seen__=note)
    skip = unittest.case.SkipTest
    unittest.case.SkipTest = _Skip  # type: ignore[assignment, misc]
    try:
        exec(code, names)
        return (None if last is None else eval(last, names)), None
    except Tampered:
        raise
    except BaseException as error:
        return None, error
    finally:
        unittest.case.SkipTest = skip  # type: ignore[misc]
        for own in ("__checked__", "__seen__"):
            names.pop(own, None)


class _Skip(Exception):
    """What a test of `unittest` raises to be skipped: a student's function cannot."""


def _check_libraries(names: Mapping[str, Any], source: str) -> None:
    if sys.gettrace() is not None or sys.getprofile() is not None:
        raise Tampered("your code watches every line that is run (sys.settrace)")
    if (changed := next(_replaced(), None)) is not None:
        raise Tampered(f"your notebook replaced {changed}, which the test relies on")
    for node in ast.walk(_tree(source, "<test>")):
        if not isinstance(node, ast.Name) or not hasattr(builtins, node.id):
            continue
        meaning = names.get(node.id)
        if _is_students(meaning) and not isinstance(meaning, type):
            raise Tampered(
                f"your notebook gives {node.id}, a function of Python's, another meaning"
            )


def _must_fail_on_the_stub(test: InsideTest, names: dict[str, Any]) -> None:
    """Run the test on the untouched stub in a forked copy of this process."""
    assert test.stub is not None
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        gc.disable()  # it would copy every page that it looks at
        passed = b"f"  # a control that does not hold is not a pass
        try:
            for name in test.unbind:
                _unbind(name, names)
            if "matplotlib.pyplot" in sys.modules:
                sys.modules["matplotlib.pyplot"].close("all")  # they are the answer's
            for source in test.stub:
                with suppress(BaseException):
                    exec(_python(source, "<stub>"), names)
            code, last, _ = _instrumented(test)
            value, error = _executed(code, last, names, set())
            scored = isinstance(value, (int, float, np.number, np.bool_))
            if error is None and (not scored or float(value) > 0):
                passed = b"p"
        finally:
            os.write(writing, passed)
            os._exit(0)
    os.close(writing)
    try:
        done = select.select([reading], [], [], test.seconds)[0]
        said = os.read(reading, 1) if done else b"f"
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if said == b"p":
        raise Tampered("the test also passes where your answer is taken out")


def _unbind(name: str, names: dict[str, Any]) -> None:
    owner, _, attribute = name.rpartition(".")
    if not owner:
        names.pop(name, None)
    elif isinstance(names.get(owner), type):
        with suppress(AttributeError):
            delattr(names[owner], attribute)


def _python(source: str, filename: str) -> types.CodeType:
    return compile(_tree(source, filename), filename, "exec")


def _tree(source: str, filename: str) -> ast.Module:
    try:
        return ast.parse(source, filename)
    except SyntaxError:
        plain: str = TransformerManager().transform_cell(source)
        return ast.parse(plain, filename)


def _instrumented(
    test: InsideTest,
) -> tuple[types.CodeType, types.CodeType | None, set[int]]:
    """The cell's code, its last expression apart, and the places of its top-level assertions."""
    filename = f"<{test.name}>"
    tree = _tree(test.source, filename)
    asserts = {place: node for place, node in enumerate(tree.body) if isinstance(node, ast.Assert)}
    for place, node in asserts.items():
        node.test = _call("__seen__", ast.Constant(place), node.test)
    tree = ast.fix_missing_locations(_Checks().visit(tree))
    last = None
    shown = not test.source.rstrip().endswith(";")
    if shown and tree.body and isinstance(tree.body[-1], ast.Expr):
        last = compile(ast.Expression(tree.body.pop().value), filename, "eval")
    return compile(tree, filename, "exec"), last, set(asserts)


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(args), [])


class _Checks(ast.NodeTransformer):
    """Every value that a call, an attribute or an item gives is looked at by `_checked`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        # super() looks at the frame that it is called from
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "__seen__", "__checked__"):
            return node
        return ast.copy_location(_call("__checked__", node), node)

    def _if_read(self, node: ast.Attribute | ast.Subscript | ast.Name) -> ast.AST:
        self.generic_visit(node)
        internal = isinstance(node, ast.Name) and node.id.startswith("__")
        if not isinstance(node.ctx, ast.Load) or internal:
            return node
        return ast.copy_location(_call("__checked__", node), node)

    def _as_it_is(self, node: ast.AST) -> ast.AST:
        return node

    visit_Attribute = visit_Subscript = visit_Name = _if_read
    visit_JoinedStr = _as_it_is  # a message
    visit_Delete = visit_AnnAssign = visit_MatchValue = visit_MatchClass = _as_it_is


def _checked(value: Any, depth: int = 0) -> Any:
    """The value itself; Tampered for an object that says that it equals anything."""
    kind = type(value)
    if kind.__module__ == "__main__" and any(
        "__eq__" in vars(base) for base in kind.__mro__ if base.__module__ == "__main__"
    ):
        for name in ("__array_ufunc__", "__array_function__", "__torch_function__"):
            if name in vars(kind):
                raise Tampered(f"an object of your class {kind.__name__} answers for NumPy")
        for probe in (object(), _PROBE, 0.123456789e-300):
            with suppress(Exception):
                if value == probe:
                    raise Tampered(f"an object of your class {kind.__name__} equals everything")
    elif kind in (list, tuple, set, frozenset, dict) and depth < 3 and len(value) < 1000:
        for item in list(value.values() if kind is dict else value):
            _checked(item, depth + 1)
    elif kind is np.ndarray and value.dtype == object and value.size < 1000:
        for item in value.ravel().tolist():
            _checked(item, depth + 1)
    return value
