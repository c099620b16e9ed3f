"""A proxy behaves as if the student's function had run here, and lets nothing but data through."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import AutograderError
from autograder.protocol.errors import StudentError, WireError
from autograder.protocol.values import Instance, Reference
from autograder.protocol.wire import decode, encode
from autograder.sandbox.process import CallResult, Peer
from autograder.testing.proxies import StudentCodeError
from autograder.testing.remote import Remote, install


class Model:
    __module__ = "__main__"  # as the classes of a notebook

    def __init__(self) -> None:
        self.weights = np.arange(3.0)
        self.name = "first"


class Sandbox:
    """Calls `function` in this process, on copies that have crossed the wire."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(
        self, export: str, args: Sequence[Any], kwargs: Mapping[str, Any], peer: Peer
    ) -> CallResult:
        crossed, named = decode(encode([list(args), dict(kwargs)], refer=peer.refer))
        value = self.function(*crossed, **named)
        return CallResult(*decode(encode([value, crossed, named]), resolve=peer.resolve))


def proxy_of(function: Any) -> Any:
    return Remote({"Model": Model}, Sandbox(function)).function("answer")


def raising(error: Exception) -> Any:
    def call(*_: object) -> CallResult:
        raise error

    return Remote({"Model": Model}, call).function("answer")


def test_a_method_gets_the_objects_state_and_gives_back_data() -> None:
    namespace: dict[str, Any] = {"Model": type("Model", (Model,), {"__module__": "__main__"})}
    seen: list[Any] = []

    def double(model: Instance, x: Any, *, factor: int) -> Any:
        seen.append((model.class_name, model.state["name"]))
        return factor * model.state["weights"] * x

    install(namespace, "Model.double", Remote(namespace, Sandbox(double)))
    result = namespace["Model"]().double(np.ones(3), factor=2)
    np.testing.assert_array_equal(result, [0, 2, 4])
    assert seen == [("Model", "first")]


def test_a_plain_function_is_put_under_its_name() -> None:
    namespace: dict[str, Any] = {}
    install(namespace, "total", Remote(namespace, Sandbox(sum)))
    assert namespace["total"]([1, 2]) == 3
    assert namespace["total"].__name__ == "total"


def test_an_export_to_a_class_that_is_not_there_names_the_mistake() -> None:
    with pytest.raises(AutograderError, match="RNN"):
        install({}, "RNN.bptt", Remote({}, Sandbox(sum)))


def test_an_input_that_was_written_to_has_changed_for_the_caller_and_its_aliases() -> None:
    x = np.arange(4.0)
    view = x[1:3]

    def spoil(x: Any) -> None:
        x[1] = 99

    proxy_of(spoil)(x)
    assert x[1] == 99
    assert view[0] == 99


def test_an_input_that_was_only_read_is_the_same_object_with_the_same_bytes() -> None:
    x = np.arange(4.0)
    x.flags.writeable = False
    assert proxy_of(lambda x: float(x.sum()))(x) == 6


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda m: m.state["weights"].__imul__(2), [0.0, 2.0, 4.0]),
        (lambda m: m.state.update(weights=m.state["weights"][:2] + 1), [1.0, 2.0]),
        (lambda m: m.state.update(weights=[1]), [1]),
    ],
)
def test_what_happened_to_a_models_attributes_happens_to_the_callers_model(
    change: Any, expected: Any
) -> None:
    model = Model()

    def answer(m: Instance) -> None:
        change(m)

    proxy_of(answer)(model)
    np.testing.assert_array_equal(model.weights, expected)


def test_attributes_appear_and_disappear_on_the_callers_model() -> None:
    model = Model()

    def rename(m: Any) -> None:
        del m.state["name"]
        m.state["title"] = "second"

    proxy_of(rename)(model)
    assert vars(model).keys() == {"weights", "title"}


def test_lists_dictionaries_and_tensors_are_written_back() -> None:
    rows, options = [np.zeros(2), 5], {"rate": 1}
    tensor = torch.zeros(2)
    kept = rows[0]

    def change(rows: Any, options: Any, tensor: Any) -> None:
        rows[0][0] = 7
        rows.append("new")
        options["rate"] = 2
        tensor[1] = 3

    proxy_of(change)(rows, options=options, tensor=tensor)
    assert kept[0] == 7  # type: ignore[index]
    assert rows[2] == "new"
    assert options == {"rate": 2}
    assert tensor.tolist() == [0, 3]


def test_an_error_keeps_its_name_its_message_and_its_type() -> None:
    with pytest.raises(ValueError, match="too short") as caught:
        raising(StudentError("ValueError", "too short", "line 3"))()
    assert isinstance(caught.value, StudentCodeError)
    assert type(caught.value).__name__ == "ValueError"
    assert caught.value.student_traceback == "line 3"


@pytest.mark.parametrize("name", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "not a name"])
def test_no_error_of_the_students_is_more_than_an_ordinary_exception(name: str) -> None:
    with pytest.raises(StudentCodeError) as caught:
        raising(StudentError(name, "", ""))()
    assert not isinstance(caught.value, SystemExit | KeyboardInterrupt | GeneratorExit)


def test_an_object_of_the_notebooks_class_comes_back_as_the_instructors() -> None:
    returned = proxy_of(lambda: Instance("Model", {"weights": np.ones(1), "name": "mine"}))()
    assert type(returned) is Model
    assert returned.name == "mine"


def test_an_object_of_the_students_own_class_does_not_come_through() -> None:
    with pytest.raises(WireError, match="Forged"):
        proxy_of(lambda: [Instance("Forged", {})])()


def test_a_returned_attribute_cannot_become_code() -> None:
    returned = proxy_of(lambda: Instance("Model", {"__class__": "Forged", "weights": 1}))()
    assert type(returned) is Model


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=100)
@given(DATA)
def test_plain_data_goes_there_and_back_unchanged_and_fresh(data: Any) -> None:
    before = copy.deepcopy(data)
    returned = proxy_of(lambda value: value)(data)
    assert returned == before
    assert data == before
    if isinstance(data, list | dict):
        assert returned is not data


@pytest.mark.parametrize(
    "told",
    [
        Reference("grader", "function", 7),
        Reference("grader", "function", -1),
        Reference("nobody", "function", 1),
        Reference("library", "function", 0, {"name": "os:system"}),
        Reference("notebook", "class", 0, {"name": "Forged"}),
        Reference("sandbox", "object", 1, {}),
        Reference("sandbox", "object", 1, {"class": [1]}),
        Reference("sandbox", "weird", 1, {}),
    ],
    ids=str,
)
def test_a_reference_to_nothing_is_refused(told: Reference) -> None:
    with pytest.raises(WireError):
        Remote({"Model": Model}, raising(Exception())).resolve(told)


def test_a_forged_class_cannot_decide_comparisons_or_stand_for_another() -> None:
    """The sandbox says which methods a class has; some of these names mean something here."""
    facts = {
        "name": "int",
        "bases": ["builtins:KeyboardInterrupt", "unittest.case:SkipTest", "os:system"],
        "specials": ["__eq__", "__class__", "__del__", "__getattribute__", "__instancecheck__", 3],
        "methods": ["__eq__", "__ne__", "_token", "not a name", None],
        "data": False,
    }
    told = Reference("sandbox", "object", 3, {"class": [2, facts]})
    forged = Remote({}, raising(AssertionError("asked the sandbox"))).resolve(told)
    assert not isinstance(forged, BaseException | int)
    assert (forged == 4) is False
    assert (forged != 4) is True
    with pytest.raises(TypeError):
        assert forged < 4


def test_what_a_test_passes_in_is_called_back_with_data() -> None:
    seen: list[Any] = []

    def call(export: str, args: Any, kwargs: Any, peer: Peer) -> CallResult:
        (sent,) = decode(encode([args[0]], refer=peer.refer), resolve=lambda told: told)
        assert sent.owner == "grader"
        reply = peer.called(sent.token, [2, 3], {})
        assert decode(encode(reply, refer=peer.refer)) == {"value": 5}
        failed = peer.called(sent.token, ["a"], {})
        assert failed["error"]["ename"] == "TypeError"
        with pytest.raises(WireError):
            peer.called(sent.token + 5, [], {})
        return CallResult(None, [args[0]], {})

    def add(a: int, b: int) -> int:
        seen.append((a, b))
        return a + b

    Remote({}, call).function("answer")(add)
    assert seen == [(2, 3)]
