"""The student's functions as the tests see them.

A proxy stands where the student's function belongs, as a plain function or as a method of one of
the notebook's classes. It sends its arguments as data to the sandbox and brings data back. What
the student's function did to its arguments is done to the caller's own objects, so that a test
for side effects works as if the function had run here.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from autograder.errors import AutograderError
from autograder.protocol.errors import StudentError
from autograder.protocol.values import Instance
from autograder.sandbox.process import CallResult


class StudentCodeError(Exception):
    """The student's function raised; the class that a test sees is named after the original."""

    student_traceback = ""


class Caller(Protocol):
    """How a proxy reaches the student's code: `Session.call`."""

    def __call__(
        self, export: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> CallResult: ...


def install(namespace: dict[str, Any], export: str, call: Caller) -> None:
    """Put a proxy for `export` (`name` or `Class.name`) where the instructor's cells look for it.

    Raises:
        AutograderError: the class is not in the namespace.
    """
    *owner, name = export.split(".")
    proxy = make_proxy(namespace, export, call)
    if not owner:
        namespace[name] = proxy
    elif len(owner) == 1 and isinstance(namespace.get(owner[0]), type):
        setattr(namespace[owner[0]], name, proxy)
    else:
        raise AutograderError(
            f"A solution cell exports {export}, but no locked cell above it defines the class "
            f"{'.'.join(owner)}. Correct the cell's metadata in the source notebook."
        )


def make_proxy(namespace: Mapping[str, Any], export: str, call: Caller) -> Callable[..., Any]:
    """A function that calls the student's `export`; as a class attribute it is a method.

    It raises what the student's function raised, as a `StudentCodeError` that is also of the
    original built-in type where there is one, and `ProcessEnded` when the student's process ended.
    """

    def proxy(*args: Any, **kwargs: Any) -> Any:
        sent = [_to_data(arg, namespace) for arg in args]
        sent_by_name = {key: _to_data(arg, namespace) for key, arg in kwargs.items()}
        try:
            result = call(export, sent, sent_by_name)
        except StudentError as error:
            raise _as_exception(error) from None
        for mine, returned in zip(args, result.args, strict=False):
            _write_back(mine, returned, namespace)
        for key, mine in kwargs.items():
            if key in result.kwargs:
                _write_back(mine, result.kwargs[key], namespace)
        return _to_object(result.value, namespace)

    proxy.__name__ = export.rpartition(".")[2]
    proxy.__qualname__ = export
    proxy.__doc__ = f"The student's {export}."
    return proxy


def _as_exception(error: StudentError) -> StudentCodeError:
    name = error.ename if error.ename.isidentifier() else "Exception"
    original = getattr(builtins, name, None)
    bases: tuple[type[Exception], ...] = (StudentCodeError,)
    # Others need arguments of their own, or mean something to the code around the test.
    if original in (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, RuntimeError):
        bases = (StudentCodeError, original)
    raised: StudentCodeError = type(name, bases, {})(error.evalue)
    raised.student_traceback = error.traceback
    return raised


def _is_notebook_object(value: Any, namespace: Mapping[str, Any]) -> bool:
    return namespace.get(type(value).__name__) is type(value) and hasattr(value, "__dict__")


def _to_data(value: Any, namespace: Mapping[str, Any]) -> Any:
    if _is_notebook_object(value, namespace):
        state = {name: _to_data(item, namespace) for name, item in vars(value).items()}
        return Instance(type(value).__name__, state)
    if isinstance(value, list):
        return [_to_data(item, namespace) for item in value]
    if isinstance(value, tuple):
        return tuple(_to_data(item, namespace) for item in value)
    if isinstance(value, dict):
        return {key: _to_data(item, namespace) for key, item in value.items()}
    return value


def _to_object(value: Any, namespace: Mapping[str, Any]) -> Any:
    """Data from the sandbox as the tests expect it: `Instance` becomes the instructor's class."""
    if isinstance(value, Instance):
        kind = namespace.get(value.class_name)
        if not isinstance(kind, type):
            raise StudentCodeError(
                f"an object of your own class {value.class_name} came back; "
                "return numbers, strings, lists or arrays"
            )
        made: Any = object.__new__(kind)
        vars(made).update({name: _to_object(i, namespace) for name, i in value.state.items()})
        return made
    if isinstance(value, list):
        return [_to_object(item, namespace) for item in value]
    if isinstance(value, tuple):
        return tuple(_to_object(item, namespace) for item in value)
    if isinstance(value, dict):
        return {key: _to_object(item, namespace) for key, item in value.items()}
    return value


def _write_back(mine: Any, returned: Any, namespace: Mapping[str, Any]) -> bool:
    """Make the caller's object equal to its copy after the call; False where it cannot be."""
    if isinstance(mine, np.ndarray):
        return _write_array(mine, returned)
    if type(mine).__module__ == "torch" and type(mine) is type(returned):
        if mine.shape != returned.shape or mine.dtype != returned.dtype:
            return False
        mine.detach().copy_(returned.detach())
        return True
    if isinstance(mine, list) and isinstance(returned, list):
        mine[:] = _merged(mine, returned, namespace)
        return True
    if isinstance(mine, tuple) and isinstance(returned, tuple) and len(mine) == len(returned):
        written = [_write_back(a, b, namespace) for a, b in zip(mine, returned, strict=True)]
        return all(written)
    if isinstance(mine, dict) and isinstance(returned, dict):
        _write_attributes(mine, returned, namespace)
        return True
    if isinstance(returned, Instance) and _is_notebook_object(mine, namespace):
        _write_attributes(vars(mine), returned.state, namespace)
        return True
    return False


def _merged(mine: list[Any], returned: list[Any], namespace: Mapping[str, Any]) -> list[Any]:
    kept = [
        old if _write_back(old, new, namespace) else _to_object(new, namespace)
        for old, new in zip(mine, returned, strict=False)
    ]
    return kept + [_to_object(new, namespace) for new in returned[len(mine) :]]


def _write_attributes(
    mine: dict[Any, Any], returned: Mapping[Any, Any], namespace: Mapping[str, Any]
) -> None:
    for name in set(mine) - set(returned):
        del mine[name]
    for name, new in returned.items():
        if name not in mine or not _write_back(mine[name], new, namespace):
            mine[name] = _to_object(new, namespace)


def _write_array(mine: np.ndarray[Any, Any], returned: Any) -> bool:
    if not isinstance(returned, np.ndarray):
        return False
    if mine.shape != returned.shape or mine.dtype != returned.dtype:
        return False
    if mine.tobytes() != returned.tobytes():
        if not mine.flags.writeable:
            return False
        mine[...] = returned
    return True
