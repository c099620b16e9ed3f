"""Proxies for the student's things: functions, classes, objects, iterators, exceptions.

Each operation on one is done in the sandbox and gives data, or another proxy. Nothing of the
student's decides a comparison with the test's own values: only two of the student's own objects
are compared by the student's code.
"""

from __future__ import annotations

import operator
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from autograder.protocol.values import Reference

Operate = Callable[..., Any]
"""Does an operation in the sandbox, given its name and arguments: `Remote.operate`."""


END = "\ue000 end \ue000"
"""What the sandbox answers where an iterator has nothing more."""


class StudentCodeError(Exception):
    """The student's code raised; the class that a test sees is named after the original.

    Attributes:
        student_traceback: the lines of it that are the student's.
        text: the original's message.
        handle: number of the exception in the sandbox, where its class is the student's own.
    """

    student_traceback = ""
    text: str | None = None
    handle: int | None = None
    _operate: Operate

    def __str__(self) -> str:
        return self.text if self.text is not None else super().__str__()

    def __getattr__(self, name: str) -> Any:
        if self.handle is None or name.startswith("__"):
            raise AttributeError(name)
        return self._operate("@getattr", self, name)


class Handle:
    """Something in the sandbox that is used by its number."""

    def __init__(self, operate: Operate, reference: Reference) -> None:
        self._operate = operate
        self._reference = reference

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name not in ("__defaults__", "__annotations__"):
            raise AttributeError(name)
        return self._operate("@getattr", self, name)


class FunctionProxy(Handle):
    """A function of the student's; as a class attribute it is a method."""

    def __init__(self, operate: Operate, reference: Reference) -> None:
        super().__init__(operate, reference)
        name = str(reference.facts.get("name", "function"))
        self.__name__ = self.__qualname__ = name.rpartition(".")[2]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._reference.kind == "name":
            return self._operate(str(self._reference.facts["name"]), *args, **kwargs)
        return self._operate("@call", self, *args, **kwargs)

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else types.MethodType(self, owner)

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self._operate("@getattr", self, "__doc__")

    def __repr__(self) -> str:
        return f"<the student's function {self.__name__}>"


class IteratorProxy(Handle, Iterator[Any]):
    """A generator or other iterator of the student's."""

    def __next__(self) -> Any:
        # an exception cannot say the end: the student's code could raise it anywhere
        found = self._operate("@next", self, END)
        if isinstance(found, str) and found == END:
            raise StopIteration
        return found


def _of_class(cls: type, operation: str, *args: Any, **kwargs: Any) -> Any:
    """An operation on the nearest class that the sandbox has."""
    own: Any = next(base for base in cls.__mro__ if "_class_token" in vars(base))
    return own._operate(operation, own, *args, **kwargs)


def _special_of_class(name: str) -> Callable[..., Any]:
    return lambda cls, *args: _of_class(cls, "@special", name, *args)


class ProxyClass(type):
    """The type of proxy classes: what is done to the class itself is done in the sandbox."""

    _operate: Operate
    _class_token: int

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "_class_token" in vars(cls):
            return cls._operate("@call", cls, *args, **kwargs)
        return super().__call__(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name not in ("__members__", "__annotations__"):
            raise AttributeError(name)
        return _of_class(cls, "@getattr", name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith("_") or name in vars(cls):
            super().__setattr__(name, value)
        else:
            _of_class(cls, "@setattr", name, value)

    __getitem__ = _special_of_class("__getitem__")
    __iter__ = _special_of_class("__iter__")
    __len__ = _special_of_class("__len__")
    __contains__ = _special_of_class("__contains__")

    def __bool__(cls) -> bool:
        return True


class ObjectProxy:
    """An object of the student's."""

    __slots__ = ("_token",)
    _operate: Operate
    _token: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # only for classes that a test derives: the others are made in the sandbox
        made = _of_class(type(self), "@call", *args, **kwargs)
        object.__setattr__(self, "_token", made._token)

    def __getattr__(self, name: str) -> Any:
        if (name.startswith("__") and name != "__dict__") or name in ("_token", "_operate"):
            raise AttributeError(name)
        return self._operate("@getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._operate("@setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._operate("@delattr", self, name)

    def __copy__(self) -> Any:
        return self._operate("@copy", self)

    def __deepcopy__(self, memo: Any) -> Any:
        return self._operate("@deepcopy", self)

    def __repr__(self) -> str:
        return f"<an object of the student's class {type(self).__name__}>"

    __hash__ = object.__hash__


_OWN = ("_token", "_operate", "_class_token", "handle", "text", "args", "student_traceback")
_ARITHMETIC = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow")
_BITS = ("lshift", "rshift", "and", "xor", "or")
_FORWARDED = {
    *(f"__{prefix}{name}__" for name in (*_ARITHMETIC, *_BITS) for prefix in ("", "r", "i")),
    *("__neg__", "__pos__", "__abs__", "__invert__", "__round__", "__trunc__", "__floor__"),
    *("__ceil__", "__int__", "__float__", "__complex__", "__index__", "__bool__", "__len__"),
    *("__length_hint__", "__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__"),
    *("__next__", "__reversed__", "__call__", "__str__", "__repr__", "__format__", "__bytes__"),
    *("__hash__", "__enter__", "__exit__", "__dir__", "__missing__"),
}
_COMPARISONS = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}


def make_class(operate: Operate, token: int, facts: Mapping[str, Any], bases: list[type]) -> type:
    """The proxy class of one of the student's classes, or of a library's.

    Args:
        facts: from `sandbox/inside/references.py`; not trusted.
        bases: proxy classes of its bases, and ordinary exception classes.
    """
    name = str(facts.get("name", "object"))[:200]
    members: dict[str, Any] = {"_operate": operate, "_class_token": token, "__module__": "__main__"}
    specials = {entry for entry in facts.get("specials", []) if isinstance(entry, str)}
    methods = {entry for entry in facts.get("methods", []) if isinstance(entry, str)}
    for method in methods:
        # a special method among them would let the student's code decide comparisons
        if method.isidentifier() and not method.startswith("__") and method not in _OWN:
            members[method] = _forwarding(operate, "@method", method)
    if any(issubclass(base, BaseException) for base in bases) or facts.get("name") == "Exception":
        errors = tuple(base for base in bases if issubclass(base, StudentCodeError))
        return ProxyClass(name, (*(errors or (StudentCodeError,)), *_only(bases, errors)), members)
    for special in specials & _FORWARDED:
        members[special] = _forwarding(operate, "@special", special)
    for special in specials & _COMPARISONS:
        members[special] = _comparison(operate, special, data=facts.get("data") is True)
    if "__eq__" in members and "__hash__" not in specials:
        members["__hash__"] = None
    own = [base for base in bases if issubclass(base, ObjectProxy)]
    return ProxyClass(name, tuple(own) or (ObjectProxy,), {**members, "__slots__": ()})


def _only(bases: list[type], errors: tuple[type, ...]) -> list[type]:
    """The ordinary exception classes that no other base is derived from."""
    plain = [base for base in bases if base not in errors and issubclass(base, BaseException)]
    return [base for base in plain if not any(issubclass(error, base) for error in errors)]


def _forwarding(operate: Operate, operation: str, name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return operate(operation, self, name, *args, **kwargs)

    method.__name__ = name
    return method


def _comparison(operate: Operate, name: str, *, data: bool) -> Callable[..., Any]:
    def compare(self: Any, other: Any) -> Any:
        if isinstance(other, ObjectProxy):
            return operate("@special", self, name, other)
        if data and type(other).__module__ != "__main__":
            return getattr(operator, name)(operate("@data", self), other)
        return NotImplemented

    return compare
