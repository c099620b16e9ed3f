"""The grader's end of references: what the student's things look like here, and callbacks.

Data arrives as data. A function, class, iterator or object of the student's stays in the sandbox;
here it is a proxy that sends each operation there. Objects of the classes that the instructor's
own cells define cross with their attributes and are put together again here.
"""

from __future__ import annotations

import builtins
import operator
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.errors import AutograderError
from autograder.protocol.errors import StudentError, WireError
from autograder.protocol.values import Instance, Reference
from autograder.sandbox.inside.effects import returned_arrays
from autograder.sandbox.process import CallResult, Peer
from autograder.testing.proxies import (
    FunctionProxy,
    Handle,
    IteratorProxy,
    ObjectProxy,
    ProxyClass,
    StudentCodeError,
    make_class,
)
from autograder.testing.side_effects import write_back

_KEPT_CALLS = 8
_ERROR_SETTINGS = {"ignore", "warn", "raise", "print"}
_PLAIN_ERRORS = (
    *(ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, RuntimeError),
    *(NotImplementedError, RecursionError, OverflowError, ArithmeticError, LookupError),
    *(AttributeError, NameError, AssertionError, OSError, FileNotFoundError, FileExistsError),
    *(PermissionError, IsADirectoryError, NotADirectoryError, TimeoutError, EOFError, ImportError),
    *(ModuleNotFoundError, MemoryError, FloatingPointError, BufferError, UnboundLocalError),
    Exception,
)
# Their errors are ordinary ones. Those of test libraries mean something to the code around a test.
_LIBRARIES = {"numpy", "pandas", "scipy", "json", "decimal", "torch", "sklearn", "zoneinfo"}


# How a proxy reaches the student's code: `Session.call`.
Caller = Callable[[str, Sequence[Any], Mapping[str, Any], Peer], CallResult]


class Remote(Peer):
    """One namespace of the instructor's, connected with the student's process.

    Args:
        names: the namespace that the instructor's cells run in.
        call: `Session.call`.
        effects: what the student's functions print, and do to NumPy's state and to arrays that
            they returned before, happens here too.
    """

    def __init__(self, names: dict[str, Any], call: Caller, *, effects: bool = True) -> None:
        self.names = names
        self.effects = effects
        self._returned: dict[int, list[np.ndarray[Any, Any]]] = {}
        self.shared: Collection[str] = ()
        self._call = call
        self._proxies: dict[tuple[str, int], Any] = {}
        self._classes: dict[int, type] = {}
        self._mine: list[Any] = []
        self._tokens: dict[int, int] = {}
        self.share_classes()

    def share_classes(self) -> None:
        """From here on, objects of the classes in the namespace cross as data."""
        self.shared = [
            name
            for name, value in self.names.items()
            if isinstance(value, type)
            and not isinstance(value, ProxyClass)
            and (value.__module__, value.__name__) == ("__main__", name)
            and not issubclass(value, BaseException)
        ]

    def function(self, export: str) -> FunctionProxy:
        """The student's function of a dotted name, whatever it is bound to when it is called."""
        return FunctionProxy(self.operate, Reference("sandbox", "name", 0, {"name": export}))

    def operate(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the student's, or do an operation on one of their things, there.

        What it does to its arguments is done to the caller's own objects.

        Raises:
            StudentCodeError: it raised; the error is also of the original class where that is an
                ordinary one.
            ProcessEnded: the student's process ended.
            WireError: an argument cannot cross.
        """
        try:
            result = self._call(operation, args, kwargs, self)
        except StudentError as error:
            self._print(error.printed)
            raise self._as_exception(error) from None
        self._print(result.printed)
        write_back([*args], result.args, self.is_notebook_object)
        write_back({**kwargs}, result.kwargs, self.is_notebook_object)
        if self.effects:
            self._do_the_same(result)
        return result.value

    def _do_the_same(self, result: CallResult) -> None:
        """Do to the grader's side what the call did to its own, as far as tests look at it."""
        if result.left.get("random") is True:
            np.random.random_sample()
        settings = result.left.get("errstate")
        if isinstance(settings, dict) and set(settings.values()) <= _ERROR_SETTINGS:
            np.seterr(**{name: how for name, how in settings.items() if name in np.geterr()})
        for entry in result.left.get("overwritten", ()):
            match entry:
                case [int(number), int(place), np.ndarray() as array]:
                    mine = self._returned.get(number, [])
                    if 0 <= place < len(mine):
                        write_back(mine[place], array, self.is_notebook_object)
        self._returned[result.number] = list(returned_arrays(result.value))
        while len(self._returned) > _KEPT_CALLS:
            del self._returned[next(iter(self._returned))]

    def is_notebook_object(self, value: Any) -> bool:
        """Whether a value is of a class that the instructor's cells define."""
        kind = type(value)
        ours = self.names.get(kind.__name__) is kind and not isinstance(kind, ProxyClass)
        return ours and hasattr(value, "__dict__")

    def refer(self, value: Any, last: bool) -> Any:
        """What to send in place of a value; see `protocol.values.Refer`."""
        if isinstance(value, ObjectProxy):
            return Reference("sandbox", "object", value._token)
        if isinstance(value, ProxyClass):
            if (token := vars(value).get("_class_token")) is None:
                raise WireError("a class that a test derives from a student's class cannot cross")
            return Reference("sandbox", "class", token)
        if isinstance(value, Handle):
            return value._reference
        if isinstance(value, StudentCodeError) and value.handle is not None:
            return Reference("sandbox", "object", value.handle)
        if isinstance(value, type) and value.__name__ in self.shared:
            return Reference("notebook", "class", 0, {"name": value.__name__})
        if type(value).__name__ in self.shared and self.is_notebook_object(value):
            return Instance(type(value).__name__, vars(value))
        if not last:
            return None
        if (name := _library_name(value)) is not None:
            return Reference("library", "function", 0, {"name": name})
        if callable(value) and not isinstance(value, type):
            name = str(getattr(value, "__name__", "function"))
            return Reference("grader", "function", self._own(value), {"name": name})
        if isinstance(value, Iterator):
            return Reference("grader", "iterator", self._own(value))
        return None

    def resolve(self, told: Reference | Instance) -> Any:
        """What a reference or an instance from the sandbox stands for; WireError for nothing."""
        if isinstance(told, Instance):
            return self._put_together(told)
        if told.owner == "notebook":
            kind = self.names.get(str(told.facts.get("name")))
            if isinstance(kind, type):
                return kind
            raise WireError("it refers to a class that the notebook does not have")
        if told.owner == "grader":
            return self._given(told.token)
        if told.owner != "sandbox":
            raise WireError("it refers to something that is nobody's")
        if told.kind == "class":
            return self._class(told.token, told.facts)
        key = (told.kind, told.token)
        if key not in self._proxies:
            self._proxies[key] = self._proxy(told)
        return self._proxies[key]

    def called(self, token: int, args: Any, kwargs: Any) -> dict[str, Any]:
        """Call one of the grader's own functions for the student's code."""
        thing = self._given(token)
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise WireError("it calls a function of the grader's without arguments")
        try:
            return {"value": next(thing) if isinstance(thing, Iterator) else thing(*args, **kwargs)}
        except Exception as error:
            told = {"ename": type(error).__name__, "evalue": str(error), "token": self._own(error)}
            return {"error": told}

    def _own(self, thing: Any) -> int:
        if id(thing) not in self._tokens:
            self._tokens[id(thing)] = len(self._mine)
            self._mine.append(thing)  # kept: its id stays its own
        return self._tokens[id(thing)]

    def _given(self, token: Any) -> Any:
        if type(token) is not int or not 0 <= token < len(self._mine):
            raise WireError("it refers to a thing of the grader's that it was not given")
        return self._mine[token]

    def _proxy(self, told: Reference) -> Any:
        if told.kind == "function":
            return FunctionProxy(self.operate, told)
        if told.kind == "iterator":
            return IteratorProxy(self.operate, told)
        match told.facts.get("class"):
            case [int(token), dict(facts)] if told.kind == "object":
                kind = self._class(token, facts)
                if issubclass(kind, StudentCodeError):
                    error: Any = kind.__new__(kind)
                    error.__dict__.update(handle=told.token)
                    return error
                made = object.__new__(kind)
                object.__setattr__(made, "_token", told.token)
                return made
        raise WireError("it refers to a thing without a class")

    def _class(self, token: int, facts: Mapping[str, Any], depth: int = 0) -> type:
        if token not in self._classes:
            if depth > 8:
                raise WireError("it refers to a class with too many bases")
            bases: list[type] = []
            for base in facts.get("bases", []):
                match base:
                    case [int(own), dict(more)]:
                        bases.append(self._class(own, more, depth + 1))
                    case str(name):
                        bases += _error_class(*name.split(":", 1))
            self._classes[token] = make_class(self.operate, token, facts, bases)
        return self._classes[token]

    def _put_together(self, told: Instance) -> Any:
        kind = self.names.get(told.class_name)
        if told.class_name not in self.shared or not isinstance(kind, type):
            raise WireError(f"it sends an object of the unknown class {told.class_name}")
        made: Any = object.__new__(kind)
        vars(made).update(told.state)
        return made

    def _print(self, printed: Sequence[tuple[str, str]]) -> None:
        if self.effects:
            for stream, text in printed:
                (sys.stderr if stream == "stderr" else sys.stdout).write(text)

    def _as_exception(self, error: StudentError) -> Exception:
        if error.token is not None:
            own = self._given(error.token)
            if isinstance(own, Exception):
                return own
        values = error.values or (error.evalue,)
        if isinstance(error.raised, StudentCodeError):
            raised = error.raised
            raised.args = values
        else:
            found = _error_class(error.module, error.ename)
            kept = [base for base in found if base is not Exception]
            name = error.ename if error.ename.isidentifier() else "Exception"
            raised = type(name, (StudentCodeError, *kept), {})(*values)
        raised.text, raised.student_traceback = error.evalue, error.traceback
        return raised


def install(namespace: dict[str, Any], export: str, remote: Remote) -> None:
    """Put a proxy for `export` (`name` or `Class.name`) where the instructor's cells look for it.

    Raises AutograderError where the class is not in the namespace.
    """
    *owner, name = export.split(".")
    proxy = remote.function(export)
    if not owner:
        namespace[name] = proxy
    elif len(owner) == 1 and isinstance(namespace.get(owner[0]), type):
        setattr(namespace[owner[0]], name, proxy)
    else:
        raise AutograderError(
            f"A solution cell exports {export}, but no locked cell above it defines the class "
            f"{'.'.join(owner)}. Correct the cell's metadata in the source notebook."
        )


def _error_class(module: str, name: str) -> list[type[Exception]]:
    """The ordinary exception class of this name, as a list; empty where there is none."""
    if module == "builtins":
        found = getattr(builtins, name, None)
        return [found] if found in _PLAIN_ERRORS else []
    if module.partition(".")[0] in _LIBRARIES:
        found = vars(sys.modules.get(module, builtins)).get(name)
        return [found] if isinstance(found, type) and issubclass(found, Exception) else []
    return []


def _library_name(value: Any) -> str | None:
    """`module:path` of a function or class of an imported library; None for anything else."""
    module = getattr(value, "__module__", None)
    path = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    owner = getattr(value, "__objclass__", None)
    if module is None and owner is not None:  # str.upper
        module, path = owner.__module__, f"{owner.__qualname__}.{getattr(value, '__name__', '')}"
    if isinstance(value, type(getattr)) and getattr(value, "__self__", None) is None:
        module = module or "builtins"
    if not isinstance(module, str) or not isinstance(path, str) or module == "__main__":
        return None
    try:
        found = operator.attrgetter(path)(sys.modules[module])
    except (KeyError, AttributeError):
        return None
    return f"{module}:{path}" if found is value else None
