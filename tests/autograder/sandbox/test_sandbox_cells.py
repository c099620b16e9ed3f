"""A process in the sandbox behaves like a notebook kernel to honest work, and answers calls."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import nbformat
import numpy as np
import pytest
import torch

from autograder.protocol.errors import ProcessEnded, StudentError, WireError
from autograder.protocol.limits import Limits
from autograder.protocol.values import Instance
from autograder.sandbox.process import Peer, StudentProcess
from autograder.sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(cell_seconds=20, call_seconds=5, output_bytes=100_000)) as warm:
        yield warm


@pytest.fixture
def child(sandbox: Sandbox) -> StudentProcess:
    return sandbox.start({"data.txt": b"hello", "folder/more.bin": b"\x00\xff"})


def printed(child: StudentProcess, source: str) -> str:
    result = child.run_cell(source)
    assert result.ok, result.outputs
    return "".join(output["text"] for output in result.outputs if "text" in output)


def test_cells_share_their_names_and_print_in_order(child: StudentProcess) -> None:
    child.run_cell("a = 1")
    outputs = child.run_cell(
        "import sys\nprint(a); print('w', file=sys.stderr); print('x', end='')\na + 1"
    ).outputs
    assert [output.get("name", output["output_type"]) for output in outputs] == [
        "stdout",
        "stderr",
        "stdout",
        "execute_result",
    ]
    assert outputs[-1]["data"] == {"text/plain": "2"}
    assert child.run_cell("a + 1;").outputs == []


def test_what_is_printed_after_a_clearing_that_waits_takes_the_place_of_what_was(
    child: StudentProcess,
) -> None:
    clear = "from IPython.display import clear_output\nprint(1)\nclear_output(wait=True)\n"
    assert printed(child, clear + "print(2)") == "2\n"
    assert printed(child, clear) == "1\n"


def test_the_submissions_files_are_there(child: StudentProcess) -> None:
    assert printed(
        child, "print(open('data.txt').read(), open('folder/more.bin','rb').read())"
    ) == ("hello b'\\x00\\xff'\n")


def test_figures_become_pictures(child: StudentProcess) -> None:
    result = child.run_cell(
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);"
    )
    (figure,) = result.outputs
    assert base64.b64decode(figure["data"]["image/png"]).startswith(b"\x89PNG")
    assert child.run_cell("1 + 1").outputs[0]["data"] == {"text/plain": "2"}


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\n%config InlineBackend.figure_format = 'png'",
        "%time 1 + 1",
        "%%time\nsum(range(10))",
        "%load_ext autoreload\n%autoreload 2",
        "!echo hello",
        "import asyncio\nawait asyncio.sleep(0)",
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass",
        "from tqdm.notebook import tqdm\nfor _ in tqdm(range(3)): pass",
        "import ipywidgets\nipywidgets.interact(lambda x: print(x), x=(0, 3))",
        "import ipywidgets\nipywidgets.IntSlider()",
        "from IPython.display import HTML, display\ndisplay(HTML('<b>'))",
        "from IPython.display import clear_output\nprint(1)\nclear_output(wait=True)",
        "import numpy as np\nnp.random.default_rng(0).normal(size=3)",
        "import threading\nt = threading.Thread(target=print)\nt.start(); t.join()",
        "import subprocess\nsubprocess.run(['true'], check=True)",
        "import os\nif os.fork() == 0: os._exit(0)\nos.wait()",
        "import multiprocessing as m\nwith m.Pool(2) as pool: pool.map(abs, range(3))",
        "import torch\ntorch.ones(3, requires_grad=True).sum().backward()",
        "import gtnlab",
        "",
        "# only a comment",
    ],
)
def test_what_notebooks_usually_do_works(child: StudentProcess, source: str) -> None:
    result = child.run_cell(source)
    assert result.ok, result.outputs
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    notebook.cells[0].outputs = [nbformat.from_dict(output) for output in result.outputs]
    for output in notebook.cells[0].outputs:
        json.dumps(output)
    nbformat.validate(notebook)


def test_an_exception_is_shown_as_jupyter_would_without_our_paths(child: StudentProcess) -> None:
    child.run_cell("import numpy as np\ndef f():\n    np.linalg.inv(np.zeros((2, 2)))")
    result = child.run_cell("f()")
    assert not result.ok
    (error,) = result.outputs
    assert (error["output_type"], error["ename"]) == ("error", "LinAlgError")
    text = "\n".join(error["traceback"])
    assert 'File "Cell In[1]", line 3, in f' in text
    assert "np.linalg.inv(np.zeros((2, 2)))" in text
    assert "site-packages" not in text
    assert "autograder" not in text
    assert "IPython" not in text


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def f(:", "SyntaxError"),
        ("  a = 1\n b = 2", "IndentationError"),
        ("import sys; sys.exit(1)", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("input('?')", "EOFError"),
        ("%nonsense", "UsageError"),
        ("def f(): f()\nf()", "RecursionError"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E"),
        ("raise ExceptionGroup('g', [ValueError()])", "ExceptionGroup"),
    ],
)
def test_an_error_of_any_kind_is_an_output_and_the_next_cell_runs(
    child: StudentProcess, source: str, name: str
) -> None:
    result = child.run_cell(source)
    assert not result.ok
    assert result.outputs[-1]["ename"] == name
    assert printed(child, "print('well')") == "well\n"


def test_output_beyond_the_limit_is_cut_and_says_so(child: StudentProcess) -> None:
    outputs = child.run_cell("for _ in range(1000): print('x' * 1000)").outputs
    assert 99_000 < len(outputs[0]["text"]) <= 100_000
    assert "output cut" in outputs[-1]["text"]


def test_a_call_returns_the_value_and_what_became_of_the_arguments(child: StudentProcess) -> None:
    child.run_cell(
        "def f(x, names, *, k=0):\n    x += k\n    names.append('b')\n    return x.sum(), [k]"
    )
    x, names = np.arange(3.0), ["a"]
    result = child.call("f", [x, names], {"k": 2})
    assert result.value == (9.0, [2])
    assert np.array_equal(result.args[0], [2, 3, 4])
    assert result.args[1] == ["a", "b"]
    assert result.kwargs == {"k": 2}
    assert np.array_equal(x, [0, 1, 2])


def test_an_object_is_rebuilt_as_the_students_class_and_comes_back(child: StudentProcess) -> None:
    child.run_cell(
        "class RNN:\n    def __init__(self): raise RuntimeError('not called')\n"
        "def step(self, x):\n    self.W = self.W + x\n    self.f = lambda: 0\n"
        "    return self.W, self\n"
        "RNN.step = step"
    )
    peer = Peer()
    peer.shared, peer.resolve = ["RNN"], lambda told: told
    model = Instance("RNN", {"W": np.eye(2), "k": 3})
    result = child.call("RNN.step", [model, 1.0], peer=peer)
    value, returned = result.value
    assert np.array_equal(value, np.eye(2) + 1)
    assert isinstance(returned, Instance)
    assert returned.state.keys() == {"W", "k"}  # the function that it gained cannot cross
    assert np.array_equal(result.args[0].state["W"], np.eye(2) + 1)


def test_tensors_cross_once_the_student_has_imported_torch(child: StudentProcess) -> None:
    child.run_cell("import torch\ndef f(x): return 2 * x")
    assert torch.equal(child.call("f", [torch.arange(3)]).value, torch.tensor([0, 2, 4]))


def test_an_error_in_a_call_is_the_students_with_a_readable_traceback(
    child: StudentProcess,
) -> None:
    child.run_cell("def inner(x):\n    return x[9]\ndef f(x):\n    return inner(x)")
    with pytest.raises(StudentError, match="IndexError") as error:
        child.call("f", [np.zeros(3)])
    assert error.value.ename == "IndexError"
    assert 'File "Cell In[1]", line 2, in inner' in error.value.traceback
    assert "student.py" not in error.value.traceback
    assert child.call("inner", [list(range(10))]).value == 9


@pytest.mark.parametrize(
    ("source", "export", "name"),
    [
        ("", "f", "NameError"),
        ("class RNN: pass", "RNN.bptt", "AttributeError"),
        ("f = 7", "f", "TypeError"),
        ("def f(): return object()", "f", "WireError"),
        ("def f(): return [lambda: 0]", "f", "WireError"),
        ("def f():\n    a = []\n    a.append(a)\n    return a", "f", "TooLarge"),
        ("def f(): raise SystemExit(0)", "f", "SystemExit"),
    ],
)
def test_what_cannot_be_called_or_returned_is_the_students_error(
    child: StudentProcess, source: str, export: str, name: str
) -> None:
    child.run_cell(source)
    with pytest.raises(StudentError) as error:
        child.call(export)
    assert error.value.ename == name


def test_an_argument_that_cannot_cross_is_the_callers_error_and_costs_nothing(
    child: StudentProcess,
) -> None:
    child.run_cell("def f(x): return x")
    with pytest.raises(WireError, match="function"):
        child.call("f", [lambda: 0])
    assert child.call("f", [1]).value == 1


def test_prints_of_a_call_show_up_nowhere(child: StudentProcess) -> None:
    child.run_cell("def f(): print('noise' * 100_000)")
    assert child.call("f").value is None
    assert child.run_cell("1;").outputs == []


def test_every_life_starts_from_its_own_random_state(sandbox: Sandbox) -> None:
    draws: set[Any] = set()
    for _ in range(3):
        draws.add(
            printed(
                sandbox.start(), "import random, numpy\nprint(random.random(), numpy.random.rand())"
            )
        )
    assert len(draws) == 3


def test_a_life_that_ended_stays_ended_and_says_why(child: StudentProcess) -> None:
    with pytest.raises(ProcessEnded, match="exit status 3") as end:
        child.run_cell("import os; os._exit(3)")
    assert end.value.kind == "exit"
    with pytest.raises(ProcessEnded, match="exit status 3"):
        child.call("f")
    child.close()


def test_starting_a_life_ends_the_one_before(sandbox: Sandbox) -> None:
    first, second = sandbox.start(), sandbox.start()
    assert second.run_cell("1").ok
    with pytest.raises(ProcessEnded):
        first.run_cell("1")
    assert second.run_cell("1").ok


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../b"])
def test_files_stay_inside_the_submission(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(ValueError, match="not a name inside"):
        sandbox.start({name: b""})
    assert sandbox.start().run_cell("1").ok


def test_files_that_do_not_fit_are_a_reason_not_a_crash() -> None:
    with Sandbox(Limits(disk_bytes=1 << 20), preload=()) as small:
        with pytest.raises(ProcessEnded, match="did not fit"):
            small.start({"large.bin": bytes(2 << 20)})
        assert small.start().run_cell("1").ok
