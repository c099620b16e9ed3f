"""Attacks on the conversation with the grader: forged, early, endless, slow and malformed answers.

A submission holds one socket and may write to it what it likes. It can end its own process
that way; it cannot say anything that its functions could not have returned.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from autograder.protocol.errors import ProcessEnded
from autograder.protocol.limits import Limits
from autograder.sandbox.sandbox import Sandbox

# an answer to request 2, as the right code would give it
_FORGE = """
import os, socket, time
from autograder.protocol.wire import encode
grader = socket.socket(fileno=os.dup(3))
def answer(number, **fields):
    return encode(dict(number=number, **fields))
"""
BREACHES = {
    "an answer before the question": _FORGE + "grader.sendall(answer(2, value=1.0))",
    "answers to all questions to come": _FORGE
    + "grader.sendall(b''.join(answer(n, value=1.0, args=[], kwargs={}) for n in range(50)))",
    "two answers to one question": _FORGE + "grader.sendall(answer(1, ok=True, outputs=[]) * 2)",
    "an answer without a number": _FORGE + "grader.sendall(encode({'ok': True, 'outputs': []}))",
    "an answer that is no dictionary": _FORGE + "grader.sendall(encode([1, 2, 3]))",
    "an answer without its parts": _FORGE + "grader.sendall(answer(1)); os._exit(0)",
    "outputs that are no list": _FORGE
    + "grader.sendall(answer(1, ok=True, outputs=7)); os._exit(0)",
    "bytes at random": _FORGE + "grader.sendall(os.urandom(4096)); os._exit(0)",
    "bytes to every open descriptor": """
import os
for descriptor in range(1024):
    try: os.write(descriptor, b"AGW1" + bytes(60))
    except OSError: pass
""",
    "a header that is nested without end": _FORGE
    + "import struct\nh = b'[' * 100_000\n"
    + "grader.sendall(struct.pack('<4sIQ', b'AGW1', len(h), 0) + h); os._exit(0)",
    "an array of Python objects": _FORGE
    + 'import struct\nh = b\'["a","|O",[1]]\'\n'
    + "grader.sendall(struct.pack('<4sIQ', b'AGW1', len(h), 8) + h + bytes(8)); os._exit(0)",
    "a pickle": _FORGE + "import pickle\ngrader.sendall(pickle.dumps({'number': 1})); os._exit(0)",
    "half an answer, then the end": _FORGE + "grader.sendall(answer(1, ok=True)[:20]); os._exit(0)",
    "a closed connection": "import os; os.close(3)",
    "a connection that only listens": _FORGE + "grader.shutdown(socket.SHUT_WR)",
}
LARGE = {
    "a length of an exabyte": _FORGE
    + "import struct\ngrader.sendall(struct.pack('<4sIQ', b'AGW1', 10, 1 << 60)); os._exit(0)",
    "more values than anyone needs": _FORGE
    + "import struct\nh = b'[\"l\"' + b',1' * 300_000 + b']'\n"
    + "grader.sendall(struct.pack('<4sIQ', b'AGW1', len(h), 0) + h); os._exit(0)",
}


@pytest.mark.parametrize("attack", [*BREACHES, *LARGE])
def test_tampering_ends_the_life_and_the_next_submission_is_answered(
    attack: str, sandbox: Sandbox
) -> None:
    child = sandbox.start()
    with pytest.raises(ProcessEnded) as end:  # noqa: PT012 (now, or when it is asked again)
        child.run_cell({**BREACHES, **LARGE}[attack])
        child.run_cell("1")
    assert end.value.kind in (("output",) if attack in LARGE else ("protocol", "exit"))
    assert sandbox.start().run_cell("print('well')").outputs[0]["text"] == "well\n"


@pytest.mark.parametrize("attack", BREACHES)
def test_a_forged_answer_earns_nothing(attack: str, submission: Any, grade: Any) -> None:
    body = BREACHES[attack].strip().replace("\n", "\n    ")
    wrong = f"def gradient(self, x):\n    {body}\n    return np.zeros_like(self.W)\n"
    points = grade(submission(gradient=wrong + "Model.gradient = gradient"))
    assert points == {"gradient-values": 0, "norm-values": 2}


def test_a_forged_answer_says_no_more_than_the_function_could_have_returned(
    sandbox: Sandbox,
) -> None:
    """The open door is shown: a forged answer arrives, and is worth what a returned value is."""
    child = sandbox.start()
    child.run_cell(
        _FORGE + "def f(x):\n    grader.sendall(answer(2, value=7, args=[x], kwargs={}))"
    )
    result = child.call("f", [np.arange(2)])
    assert result.value == 7
    with pytest.raises(ProcessEnded):  # and it was the last: the real answer is one too many
        child.call("f", [np.arange(2)])


def test_an_answer_that_drips_in_is_as_late_as_one_that_never_comes(sandboxed: None) -> None:
    drip = _FORGE + "while True:\n    grader.sendall(b'A'); time.sleep(0.05)"
    with Sandbox(Limits(cell_seconds=1), preload=()) as sandbox:
        started = time.monotonic()
        with pytest.raises(ProcessEnded) as end:
            sandbox.start().run_cell(drip.replace("b'A'", "b'AGW1'[:1]"))
        assert time.monotonic() - started < 4
    assert end.value.kind in ("timeout", "protocol")


def test_an_answer_that_drips_inside_its_frame_is_cut_off_in_time(sandboxed: None) -> None:
    drip = _FORGE + (
        "whole = answer(1, ok=True, outputs=['x' * 5000])\n"
        "for byte in whole:\n    grader.sendall(bytes([byte])); time.sleep(0.05)"
    )
    with (
        Sandbox(Limits(cell_seconds=1), preload=()) as sandbox,
        pytest.raises(ProcessEnded) as end,
    ):
        sandbox.start().run_cell(drip)
    assert end.value.kind == "timeout"


def test_a_question_that_nobody_reads_times_out(sandboxed: None) -> None:
    with Sandbox(Limits(call_seconds=1), preload=()) as sandbox:
        child = sandbox.start()
        child.run_cell("import threading, time\ndef f(x): time.sleep(60)")
        with pytest.raises(ProcessEnded) as end:
            child.call("f", [np.zeros(4_000_000)])
    assert end.value.kind == "timeout"
