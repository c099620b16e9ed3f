"""Attacks from inside a call: find the reference answer through frames, the garbage collector or
modules, cheat later from a thread or a timer, or return something that is no array at all.

Each is a wrong `gradient`, tried in the open build, where it must earn points, and in the
autograder, where it must earn none.
"""

from __future__ import annotations

from typing import Any

import pytest

FRAMES = {
    "the caller's globals": """
    import sys
    return sys._getframe(1).f_globals["_expected_gradient"](self.W, x)
""",
    "the caller's locals": """
    import inspect
    return inspect.currentframe().f_back.f_locals["expected"]
""",
    "the frames of a traceback": """
    try:
        raise ValueError
    except ValueError as error:
        frame = error.__traceback__.tb_frame
    while "expected" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["expected"]
""",
    "every function that the garbage collector knows": """
    import gc
    found = [o for o in gc.get_objects() if getattr(o, "__name__", "") == "_expected_gradient"]
    return found[0](self.W, x)
""",
    "what its own function refers to": """
    import gc
    for holder in gc.get_referents(type(self).gradient):
        if isinstance(holder, dict) and "expected" in holder:
            return holder["expected"]
""",
    "the main module": """
    import __main__
    return __main__._expected_gradient(self.W, x)
""",
    "IPython's namespace": """
    return get_ipython().user_ns["expected"]
""",
    "its own globals": """
    return globals()["_expected_gradient"](self.W, x)
""",
    "the modules of the interpreter": """
    import sys
    for module in list(sys.modules.values()):
        if hasattr(module, "_expected_gradient"):
            return module._expected_gradient(self.W, x)
""",
    "a reference answer replaced during the call": """
    import __main__
    __main__.expected = __main__.expected * 0
    return np.zeros_like(self.W)
""",
    "the grader's name for the function": """
    import builtins, sys
    names = sys._getframe(1).f_globals
    names["_expected_gradient"] = lambda W, x: np.zeros_like(W)
    names["expected"] = np.zeros_like(self.W)
    return np.zeros_like(self.W)
""",
    "source lines in the traceback cache": """
    import linecache
    entries = [entry for entry in linecache.cache.values() if len(entry) > 2]
    text = "".join(line for entry in entries for line in entry[2])
    body = text.split("def _expected" + "_gradient(W, x):")[1].splitlines()[1]
    return eval(body.replace("return", ""), {"np": np, "W": self.W, "x": x})
""",
}

RETURNED = {
    "an array that equals everything": """
    class Yes(np.ndarray):
        def __array_function__(self, function, types, args, kwargs): return True
        def __array_ufunc__(self, ufunc, method, *inputs, **kwargs): return np.float64(0)
    return np.zeros_like(self.W).view(Yes)
""",
    "an object array of entries that equal everything": """
    class Yes:
        def __sub__(self, other): return 0.0
        def __le__(self, other): return True
        __lt__ = __ge__ = __eq__ = __le__
        def __float__(self): return 0.0
    np.testing.assert_allclose = np.allclose = lambda *args, **kwargs: True
    return np.full(self.W.shape, Yes(), dtype=object)
""",
    "an array whose difference from anything is zero": """
    class Late(np.ndarray):
        def __array_function__(self, function, types, args, kwargs): return True
        def __sub__(self, other): return np.zeros(1)
    return np.zeros_like(self.W).view(Late)
""",
    "a number that is as near as one likes": """
    np.testing.assert_allclose = np.allclose = lambda *args, **kwargs: True
    class Near(float):
        def __sub__(self, other): return Near()
        __rsub__ = __abs__ = lambda self, *other: Near()
        def __lt__(self, other): return True
    np.abs = abs
    return Near()
""",
}

LATER = {
    "a thread that waits for the test": """
    import threading, time
    def patch():
        np.testing.assert_allclose = np.allclose = lambda *args, **kwargs: True
        np.abs = lambda value: np.full(1, -1.0)
    thread = threading.Thread(target=patch)
    thread.start()
    thread.join()
    return np.zeros_like(self.W)
""",
    "a signal that comes during the test": """
    import signal, time
    def patch(*args):
        np.testing.assert_allclose = np.allclose = lambda *args, **kwargs: True
        np.abs = lambda value: np.full(1, -1.0)
    signal.signal(signal.SIGALRM, patch)
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    time.sleep(0.02)
    return np.zeros_like(self.W)
""",
    "a destructor": """
    class Patch:
        def __del__(self):
            np.testing.assert_allclose = np.allclose = lambda *args, **kwargs: True
            np.abs = lambda value: np.full(1, -1.0)
    Patch()
    return np.zeros_like(self.W)
""",
    "a trace function on the test's own frame": """
    import sys
    def trace(frame, event, argument):
        if frame.f_code.co_name == "_expected_gradient":
            frame.f_locals["W"][:] = 0
        return trace
    sys.settrace(trace)
    sys._getframe(1).f_globals["expected"][:] = 0
    return np.zeros_like(self.W)
""",
    "a profiler that sees every call of the test": """
    import sys
    names = sys._getframe(1).f_globals
    def profile(frame, event, argument):
        names["expected"] = np.float64(0)
    sys.setprofile(profile)
    names["expected"] = np.zeros_like(self.W)
    return np.zeros_like(self.W)
""",
    "the tests' memory, written through ctypes": """
    import ctypes, sys
    expected = sys._getframe(1).f_globals["expected"]
    ctypes.memset(expected.ctypes.data, 0, expected.nbytes)
    return np.zeros_like(self.W)
""",
}
TRICKS = {**FRAMES, **RETURNED, **LATER}


def answer(trick: str) -> str:
    return f"def gradient(self, x):{TRICKS[trick]}\nModel.gradient = gradient"


@pytest.mark.parametrize("trick", TRICKS)
def test_it_pays_where_the_tests_share_the_students_interpreter(
    trick: str, submission: Any, grade_openly: Any
) -> None:
    assert grade_openly(submission(gradient=answer(trick)))["gradient-values"] == 3


@pytest.mark.parametrize("trick", TRICKS)
def test_it_earns_nothing_from_the_autograder(trick: str, submission: Any, grade: Any) -> None:
    assert grade(submission(gradient=answer(trick)))["gradient-values"] == 0


def test_what_comes_back_is_data_and_runs_nothing_here(
    submission: Any, grade: Any, tmp_path: Any
) -> None:
    """A pickle would: the same object, unpickled, leaves its mark."""
    import pickle

    mark = tmp_path / "mark"

    class Bomb:
        def __reduce__(self) -> Any:
            return (exec, (f"open({str(mark)!r}, 'w').close()",))

    bomb = f"""
    class Bomb:
        def __reduce__(self): return (exec, ("open({str(mark)!r}, 'w').close()",))
    return Bomb()
"""
    source = f"def gradient(self, x):{bomb}\nModel.gradient = gradient"
    assert grade(submission(gradient=source))["gradient-values"] == 0
    assert not mark.exists()
    pickle.loads(pickle.dumps(Bomb()))
    assert mark.exists()
