"""Inside the sandbox: things that cannot cross as data stay here; the grader gets handles to them.

Functions, classes, iterators and objects of the student's own classes are kept in a table and
told to the grader by number. What the grader passes in turn, its own functions and iterators, is
called back over the same connection.
"""

from __future__ import annotations

import copy
import functools
import importlib
import operator
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.protocol.errors import WireError
from autograder.protocol.values import Instance, Reference, code_of
from autograder.protocol.wire import encode

_SMALL = 1 << 20
_FUNCTIONS = (
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodWrapperType),
    *(types.MethodDescriptorType, functools.partial, type(functools.lru_cache(len))),
    *(np.ufunc, np.vectorize),
)
_DATA_BASES: tuple[type[Any], ...] = (
    *(dict, list, set, frozenset, tuple, str, bytes, bool, int, float, complex),
)

# Asks the grader: (token of its thing, arguments, keywords) to what it answers.
Ask = Callable[[int, tuple[Any, ...], dict[str, Any]], Any]


class Lost:
    """What a handle stands for whose thing went with a process that ended."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("this object is gone: the process that held it was stopped")


class Callback:
    """A function of the grader's."""

    def __init__(self, ask: Ask, token: int, name: str) -> None:
        self._ask, self._token, self.__name__ = ask, token, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask(self._token, args, kwargs)


class CallbackIterator(Iterator[Any]):
    """An iterator of the grader's."""

    def __init__(self, ask: Ask, token: int) -> None:
        self._ask, self._token = ask, token

    def __next__(self) -> Any:
        return self._ask(self._token, (), {})


class References:
    """The table of what the grader has handles to, and the stubs for what is the grader's.

    Attributes:
        shared: names of the notebook's classes that the grader has too: their objects cross as
            data, with their attributes.
    """

    def __init__(self, names: dict[str, Any], ask: Ask) -> None:
        self.names = names
        self.ask = ask
        self.shared: frozenset[str] = frozenset()
        self._things: list[Any] = []
        self._tokens: dict[int, int] = {}
        self._stubs: dict[int, Any] = {}

    def refer(self, value: Any, last: bool) -> Any:
        """What to send in place of a value; see `protocol.values.Refer`."""
        if isinstance(value, (Callback, CallbackIterator)):
            return Reference("grader", "function", value._token)
        if isinstance(value, type):
            if self._is_shared(value):
                return Reference("notebook", "class", 0, {"name": value.__name__})
            return Reference("sandbox", "class", self._token(value), self._class_facts(value))
        if (instance := self._instance(value)) is not None:
            return instance
        kind = type(value)
        if not last and kind.__module__ != "__main__":
            return None
        if isinstance(value, _FUNCTIONS):
            named = {"name": str(getattr(value, "__name__", "function"))}
            return Reference("sandbox", "function", self._token(value), named)
        if hasattr(kind, "__next__") and kind.__module__ != "__main__":
            return Reference("sandbox", "iterator", self._token(value))
        facts = {"class": [self._token(kind), self._class_facts(kind)]}
        return Reference("sandbox", "object", self._token(value), facts)

    def resolve(self, told: Reference | Instance) -> Any:
        """What the grader refers to."""
        if isinstance(told, Instance):
            kind = self.names.get(told.class_name)
            if not isinstance(kind, type):
                return Lost()
            revived: Any = object.__new__(kind)
            for attribute, item in told.state.items():
                setattr(revived, attribute, item)
            return revived
        name = str(told.facts.get("name"))
        if told.owner == "sandbox":
            if told.kind == "name":
                return self.named(name)
            return self._things[told.token] if told.token < len(self._things) else Lost()
        if told.owner == "notebook":
            return self.names.get(name, Lost())
        if told.owner == "library":
            module, _, path = name.partition(":")
            return operator.attrgetter(path)(importlib.import_module(module))
        if told.kind == "iterator":
            return self._stubs.setdefault(told.token, CallbackIterator(self.ask, told.token))
        return self._stubs.setdefault(told.token, Callback(self.ask, told.token, name))

    def named(self, export: str) -> Any:
        """The student's thing of a dotted name such as `RNN.bptt`."""
        first, *rest = export.split(".")
        if first not in self.names:
            raise NameError(f"name '{first}' is not defined")
        return functools.reduce(getattr, rest, self.names[first])

    def _token(self, thing: Any) -> int:
        if id(thing) not in self._tokens:
            self._tokens[id(thing)] = len(self._things)
            self._things.append(thing)  # kept: its id stays its own
        return self._tokens[id(thing)]

    def _is_shared(self, kind: type) -> bool:
        return kind.__name__ in self.shared and self.names.get(kind.__name__) is kind

    def _instance(self, value: Any, last: bool = True) -> Instance | None:
        """What to send in place of an object of a shared class; None for anything else."""
        if not self._is_shared(type(value)):
            return None
        state = getattr(value, "__dict__", {})
        data = {name: item for name, item in state.items() if self._is_data(item)}
        return Instance(type(value).__name__, data)

    def _is_data(self, value: Any) -> bool:
        if type(value) is np.ndarray and value.nbytes < _SMALL and code_of(value.dtype):
            return True  # most often: do not copy it
        try:
            encode(value, refer=self._instance)
        except WireError:
            return False
        return True

    def _class_facts(self, kind: type) -> dict[str, Any]:
        return {
            "name": kind.__name__,
            "module": kind.__module__,
            "bases": [self._base(base) for base in kind.__bases__ if base is not object],
            **_members(kind),
            "data": issubclass(kind, _DATA_BASES),
        }

    def _base(self, base: type) -> Any:
        if base.__module__ == "__main__":
            return [self._token(base), self._class_facts(base)]
        return f"{base.__module__}:{base.__qualname__}"


@functools.lru_cache(maxsize=512)
def _members(kind: type) -> dict[str, Any]:
    """Names of a class's special methods and of its ordinary ones, inherited ones too."""
    specials, methods = set(), set()
    for owner in kind.__mro__[:-1]:
        for name, member in vars(owner).items():
            if name.startswith("__") and name.endswith("__"):
                if callable(member):
                    specials.add(name)
            elif owner.__module__ == "__main__" and isinstance(member, types.FunctionType):
                methods.add(name)
    return {"specials": sorted(specials), "methods": sorted(methods)}


def _special(thing: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """A special method as Python calls it: looked up on the type."""
    return getattr(type(thing), name)(thing, *args, **kwargs)


def _method(thing: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """An ordinary method of an object."""
    return getattr(thing, name)(*args, **kwargs)


def _as_data(thing: Any) -> Any:
    """An object of a subclass of list, dict, str ... as the plain type."""
    return next(base(thing) for base in _DATA_BASES if isinstance(thing, base))


# What the grader may ask for besides calling the student's functions; its handles use these.
OPERATIONS: dict[str, Callable[..., Any]] = {
    "@getattr": getattr,
    "@setattr": setattr,
    "@delattr": delattr,
    "@next": next,
    "@call": operator.call,
    "@special": _special,
    "@method": _method,
    "@data": _as_data,
    "@copy": copy.copy,
    "@deepcopy": copy.deepcopy,
}
