"""Typical mistakes in the RNN homework, as edits of the reference answer. For the grader only.

exercise → family → label → ``says`` (what was probably done), ``hint`` (which equation to look at)
and ``variants``: each a list of edits ``(old text, new text)`` that turn the reference answer into
one way of making the mistake. The grader reads this table as data and never runs this file.

The old text is written as ``ast.unparse`` prints the reference function (no comments, one
statement per line), so that reformatting the notebook does not matter; it must occur once.
Continuation lines of a text are indented relative to its first line. Of the mistakes marked
``often``, two at a time are tried as well.
"""

MISCONCEPTIONS = {
    "bptt": {
        "chain rule": {
            "no-steps-back-in-time": {
                "says": "the error is used at its own time step and never sent back through W",
                "hint": (
                    "the sum over k in the equation of ∂E₃/∂W: it starts at k = 0, not at k = 3"
                ),
                "often": True,
                "variants": [[("np.arange(max(0, t - self.bptt_truncate), t + 1)[::-1]", "[t]")]],
            },
            "dLdU-without-earlier-steps": {
                "says": (
                    "dLdU gets the error of the current step only, although U is used at every step"
                ),
                "hint": (
                    "the equation of ∂E₃/∂W, which holds for U as well: the sum over k has a "
                    "term per earlier step"
                ),
                "often": True,
                "variants": [
                    [
                        ("dLdU[:, x[bptt_step]] += delta_t", "pass"),
                        ("(1 - s[t] ** 2)", "(1 - s[t] ** 2)\ndLdU[:, x[t]] += delta_t"),
                    ]
                ],
            },
            "dLdW-without-earlier-steps": {
                "says": (
                    "dLdW gets the error of the current step only, although W is used at every step"
                ),
                "hint": "the sum over k in the equation of ∂E₃/∂W",
                "often": True,
                "variants": [
                    [
                        ("dLdW += np.outer(delta_t, s[bptt_step - 1])", "pass"),
                        ("(1 - s[t] ** 2)", "(1 - s[t] ** 2)\ndLdW += np.outer(delta_t, s[t - 1])"),
                    ]
                ],
            },
            "delta-never-updated": {
                "says": "the same delta is used at every step back in time",
                "hint": "the hop from δ⁽³⁾₃ to δ⁽³⁾₂ in section 4: δ changes at every hop",
                "often": True,
                "variants": [
                    [("delta_t = self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] ** 2)", "pass")]
                ],
            },
            "delta-without-W": {
                "says": (
                    "the step back in time applies the derivative of tanh but not the "
                    "recurrent weights"
                ),
                "hint": (
                    "the hop from δ⁽³⁾₃ to δ⁽³⁾₂: the state before reaches the next one through W"
                ),
                "often": True,
                "variants": [
                    [
                        (
                            "self.W.T.dot(delta_t) * (1 - s[bptt_step - 1]",
                            "delta_t * (1 - s[bptt_step - 1]",
                        )
                    ]
                ],
            },
            "delta-updated-too-early": {
                "says": "delta is sent one step back before it is used for the gradients",
                "hint": (
                    "the sentence below the definition of δ⁽ᵗ⁾ₖ: step k's contributions come "
                    "first, then the hop"
                ),
                "often": True,
                "variants": [
                    [
                        ("delta_t = self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] ** 2)", "pass"),
                        (
                            "dLdW += np.outer(delta_t, s[bptt_step - 1])",
                            (
                                "delta_t = self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] ** "
                                "2)\n"
                                "dLdW += np.outer(delta_t, s[bptt_step - 1])"
                            ),
                        ),
                    ]
                ],
            },
            "delta-updated-between-W-and-U": {
                "says": (
                    "delta is already sent one step back when the second of dLdW and dLdU uses it"
                ),
                "hint": (
                    "the sentence below the definition of δ⁽ᵗ⁾ₖ: both contributions of step "
                    "k come from the same δ"
                ),
                "variants": [
                    [
                        ("dLdU[:, x[bptt_step]] += delta_t", "pass"),
                        (
                            "(1 - s[bptt_step - 1] ** 2)",
                            "(1 - s[bptt_step - 1] ** 2)\ndLdU[:, x[bptt_step]] += delta_t",
                        ),
                    ],
                    [
                        ("dLdW += np.outer(delta_t, s[bptt_step - 1])", "pass"),
                        (
                            "(1 - s[bptt_step - 1] ** 2)",
                            (
                                "(1 - s[bptt_step - 1] ** 2)\n"
                                "dLdW += np.outer(delta_t, s[bptt_step - 1])"
                            ),
                        ),
                    ],
                ],
            },
            "delta-summed-instead-of-replaced": {
                "says": "the new delta is added to the old one instead of replacing it",
                "hint": (
                    "the hop from δ⁽³⁾₃ to δ⁽³⁾₂: the old δ is a factor of the new one, not "
                    "a term beside it"
                ),
                "variants": [[("delta_t = self.W.T.dot", "delta_t = delta_t + self.W.T.dot")]],
            },
            "outputs-counted-twice": {
                "says": (
                    "while one output is sent back, the errors of the earlier outputs are "
                    "added on the way, and then counted again by the outer loop"
                ),
                "hint": (
                    "the equation of ∂E₃/∂W, which speaks of one error E₃: either one loop "
                    "carries all errors, or two loops one each"
                ),
                "variants": [
                    [
                        (
                            "self.W.T.dot(delta_t) * (1 -",
                            (
                                "(self.W.T.dot(delta_t) + (self.V.T.dot(delta_o[bptt_step - "
                                "1]) if bptt_step > 0 else 0)) * (1 -"
                            ),
                        )
                    ],
                    [
                        (
                            "delta_o[np.arange(T), y] -= 1.0",
                            "delta_o[np.arange(T), y] -= 1.0\ndelta_t = 0",
                        ),
                        (
                            "delta_t = self.V.T.dot(delta_o[t])",
                            "delta_t = delta_t * (t < T - 1) + self.V.T.dot(delta_o[t])",
                        ),
                    ],
                ],
            },
            "softmax-derivative-twice": {
                "says": (
                    "the derivative of the softmax is applied to ŷ − y, which contains it already"
                ),
                "hint": "the equation of ∂E₃/∂V: ŷ₃ − y₃ is ∂E₃/∂z₃, with the softmax in it",
                "often": True,
                "variants": [
                    [("y] -= 1.0", "y] -= 1.0\ndelta_o = delta_o * o * (1 - o)")],
                    [
                        (
                            "y] -= 1.0",
                            (
                                "y] -= 1.0\n"
                                "delta_o = o * (delta_o - (delta_o * o).sum(axis=1, "
                                "keepdims=True))"
                            ),
                        )
                    ],
                ],
            },
            "softmax-derivative-missing": {
                "says": (
                    "the derivative of the logarithm is there, the derivative of the softmax is not"
                ),
                "hint": (
                    "the equation of ∂E₃/∂V: ŷ₃ − y₃ is the slope of softmax and "
                    "cross-entropy together"
                ),
                "variants": [
                    [
                        (
                            "y] -= 1.0",
                            (
                                "y] -= 1.0\n"
                                "delta_o = np.zeros(o.shape)\n"
                                "delta_o[np.arange(T), y] = -1 / o[np.arange(T), y]"
                            ),
                        )
                    ],
                    [("y] -= 1.0", "y] = -1 / o[np.arange(T), y]")],
                ],
            },
            "probability-of-the-target-only": {
                "says": "only the target's entry of ŷ − y is kept, the other digits get no error",
                "hint": "the equation of ∂E₃/∂V: ŷ₃ − y₃ is a whole vector, also where y₃ is 0",
                "variants": [
                    [
                        (
                            "y] -= 1.0",
                            (
                                "y] -= 1.0\n"
                                "mask = np.zeros(o.shape)\n"
                                "mask[np.arange(len(y)), y] = 1\n"
                                "delta_o = delta_o * mask"
                            ),
                        )
                    ]
                ],
            },
            "V-skips-the-tanh-of-its-own-step": {
                "says": "dLdV contains a derivative of tanh, although V acts after the tanh",
                "hint": "the equation of ∂E₃/∂V: s₃ stands in it as it is",
                "variants": [
                    [
                        (
                            "np.outer(delta_o[t], s[t])",
                            "np.outer(delta_o[t], s[t] * (1 - s[t] ** 2))",
                        )
                    ],
                    [("np.outer(delta_o[t], s[t])", "np.outer(delta_o[t], 1 - s[t] ** 2)")],
                ],
            },
            "scores-for-probabilities": {
                "says": "the scores Vsₜ are used where their softmax belongs",
                "hint": "the equation of ∂E₃/∂V: ŷ₃ is a softmax",
                "variants": [[("o.copy()", "s[:-1].dot(self.V.T)")]],
            },
        },
        "tanh derivative": {
            "no-tanh-derivative-at-the-output": {
                "says": "the first delta of each output leaves out the derivative of tanh",
                "hint": (
                    "the definition of δ⁽³⁾₃: it is the gradient with respect to what stands "
                    "inside the tanh of step 3"
                ),
                "often": True,
                "variants": [
                    [("self.V.T.dot(delta_o[t]) * (1 - s[t] ** 2)", "self.V.T.dot(delta_o[t])")]
                ],
            },
            "no-tanh-derivative-going-back": {
                "says": (
                    "the step back in time multiplies by the recurrent weights but not by "
                    "the derivative of tanh"
                ),
                "hint": (
                    "the definition of δ⁽³⁾₂: it, too, is the gradient with respect to what "
                    "stands inside a tanh, that of step 2"
                ),
                "often": True,
                "variants": [
                    [
                        (
                            "self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] ** 2)",
                            "self.W.T.dot(delta_t)",
                        )
                    ]
                ],
            },
            "no-tanh-derivative": {
                "says": "the derivative of tanh is missing everywhere",
                "hint": (
                    "the first equation of the model: sₜ is a tanh of its argument, not the "
                    "argument"
                ),
                "often": True,
                "variants": [
                    [
                        ("self.V.T.dot(delta_o[t]) * (1 - s[t] ** 2)", "self.V.T.dot(delta_o[t])"),
                        (
                            "self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] ** 2)",
                            "self.W.T.dot(delta_t)",
                        ),
                    ]
                ],
            },
            "tanh-derivative-without-the-square": {
                "says": (
                    "the derivative of tanh is taken as 1 − s instead of what the square gives"
                ),
                "hint": "the derivative of tanh, written with tanh itself",
                "often": True,
                "variants": [
                    [
                        ("(1 - s[t] ** 2)", "(1 - s[t])"),
                        ("(1 - s[bptt_step - 1] ** 2)", "(1 - s[bptt_step - 1])"),
                    ],
                    [("(1 - s[t] ** 2)", "(1 - s[t])")],
                    [("(1 - s[bptt_step - 1] ** 2)", "(1 - s[bptt_step - 1])")],
                ],
            },
            "tanh-derivative-square-outside": {
                "says": (
                    "the derivative of tanh is taken as (1 − s)²: the square is in the wrong place"
                ),
                "hint": "the derivative of tanh, written with tanh itself",
                "often": True,
                "variants": [
                    [
                        ("(1 - s[t] ** 2)", "(1 - s[t]) ** 2"),
                        ("(1 - s[bptt_step - 1] ** 2)", "(1 - s[bptt_step - 1]) ** 2"),
                    ],
                    [("(1 - s[t] ** 2)", "(1 - s[t]) ** 2")],
                    [("(1 - s[bptt_step - 1] ** 2)", "(1 - s[bptt_step - 1]) ** 2")],
                ],
            },
            "sigmoid-derivative": {
                "says": "the derivative of the sigmoid, s(1 − s), is used for tanh",
                "hint": "the first equation of the model: which function makes sₜ?",
                "often": True,
                "variants": [
                    [
                        ("(1 - s[t] ** 2)", "(s[t] * (1 - s[t]))"),
                        (
                            "(1 - s[bptt_step - 1] ** 2)",
                            "(s[bptt_step - 1] * (1 - s[bptt_step - 1]))",
                        ),
                    ],
                    [("(1 - s[t] ** 2)", "(s[t] * (1 - s[t]))")],
                    [
                        (
                            "(1 - s[bptt_step - 1] ** 2)",
                            "(s[bptt_step - 1] * (1 - s[bptt_step - 1]))",
                        )
                    ],
                ],
            },
            "relu-derivative": {
                "says": "the derivative of the ReLU (0 or 1) is used for tanh",
                "hint": "the first equation of the model: which function makes sₜ?",
                "often": True,
                "variants": [
                    [
                        ("(1 - s[t] ** 2)", "(s[t] > 0)"),
                        ("(1 - s[bptt_step - 1] ** 2)", "(s[bptt_step - 1] > 0)"),
                    ],
                    [("(1 - s[t] ** 2)", "(s[t] > 0)")],
                    [("(1 - s[bptt_step - 1] ** 2)", "(s[bptt_step - 1] > 0)")],
                ],
            },
            "tanh-of-a-state": {
                "says": (
                    "tanh is applied once more to s inside its derivative, but s is a tanh already"
                ),
                "hint": (
                    "the first equation of the model: sₜ is a tanh already, and its slope "
                    "can be written with sₜ as it is"
                ),
                "variants": [
                    [
                        ("(1 - s[t] ** 2)", "(1 - np.tanh(s[t]) ** 2)"),
                        ("(1 - s[bptt_step - 1] ** 2)", "(1 - np.tanh(s[bptt_step - 1]) ** 2)"),
                    ],
                    [("(1 - s[t] ** 2)", "(1 - np.tanh(s[t]) ** 2)")],
                    [("(1 - s[bptt_step - 1] ** 2)", "(1 - np.tanh(s[bptt_step - 1]) ** 2)")],
                ],
            },
            "tanh-derivative-is-the-square": {
                "says": "the derivative of tanh is taken as s², without the 1 −",
                "hint": (
                    "the derivative of tanh at 0, which is 1: which expression in s gives that?"
                ),
                "variants": [
                    [
                        ("(1 - s[t] ** 2)", "s[t] ** 2"),
                        ("(1 - s[bptt_step - 1] ** 2)", "s[bptt_step - 1] ** 2"),
                    ],
                    [("(1 - s[t] ** 2)", "s[t] ** 2")],
                    [("(1 - s[bptt_step - 1] ** 2)", "s[bptt_step - 1] ** 2")],
                ],
            },
            "tanh-derivative-with-plus": {
                "says": "the derivative of tanh is taken as 1 + s²",
                "hint": "the slope of tanh: it is never more than 1",
                "variants": [
                    [
                        ("(1 - s[t] ** 2)", "(1 + s[t] ** 2)"),
                        ("(1 - s[bptt_step - 1] ** 2)", "(1 + s[bptt_step - 1] ** 2)"),
                    ],
                    [("(1 - s[t] ** 2)", "(1 + s[t] ** 2)")],
                    [("(1 - s[bptt_step - 1] ** 2)", "(1 + s[bptt_step - 1] ** 2)")],
                ],
            },
            "tanh-itself-for-its-derivative": {
                "says": "delta is multiplied by s itself, not by the derivative of tanh",
                "hint": "the definition of δ⁽³⁾₃: it needs the slope of the tanh, not its value",
                "variants": [
                    [
                        ("(1 - s[t] ** 2)", "s[t]"),
                        ("(1 - s[bptt_step - 1] ** 2)", "s[bptt_step - 1]"),
                    ],
                    [("(1 - s[t] ** 2)", "s[t]")],
                    [("(1 - s[bptt_step - 1] ** 2)", "s[bptt_step - 1]")],
                ],
            },
            "tanh-derivative-twice": {
                "says": "the derivative of tanh is applied twice at the same step",
                "hint": (
                    "the definition of δ⁽ᵗ⁾ₖ: the tanh of step k is in it, and need not be "
                    "met again"
                ),
                "variants": [
                    [
                        (
                            "np.outer(delta_t, s[bptt_step - 1])",
                            "np.outer(delta_t * (1 - s[bptt_step] ** 2), s[bptt_step - 1])",
                        ),
                        (
                            "x[bptt_step]] += delta_t",
                            "x[bptt_step]] += delta_t * (1 - s[bptt_step] ** 2)",
                        ),
                    ],
                    [
                        (
                            "np.outer(delta_t, s[bptt_step - 1])",
                            "np.outer(delta_t * (1 - s[bptt_step] ** 2), s[bptt_step - 1])",
                        )
                    ],
                    [
                        (
                            "x[bptt_step]] += delta_t",
                            "x[bptt_step]] += delta_t * (1 - s[bptt_step] ** 2)",
                        )
                    ],
                    [
                        ("(1 - s[t] ** 2)", "(1 - s[t] ** 2) ** 2"),
                        ("(1 - s[bptt_step - 1] ** 2)", "(1 - s[bptt_step - 1] ** 2) ** 2"),
                    ],
                    [("self.W.T.dot(delta_t)", "self.W.T.dot(delta_t * (1 - s[bptt_step] ** 2))")],
                ],
            },
            "tanh-derivative-before-W": {
                "says": (
                    "the derivative of tanh at the earlier step is applied before the "
                    "recurrent weights, not after them"
                ),
                "hint": (
                    "the hop from δ⁽³⁾₃ to δ⁽³⁾₂: which does it meet first, W or the tanh of "
                    "step 2?"
                ),
                "variants": [
                    [
                        (
                            "self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] ** 2)",
                            "self.W.T.dot(delta_t * (1 - s[bptt_step - 1] ** 2))",
                        )
                    ]
                ],
            },
            "gradient-with-respect-to-the-state": {
                "says": (
                    "dLdU and dLdW use the error of sₖ itself, not that of the argument of its tanh"
                ),
                "hint": (
                    "the definition of δ⁽ᵗ⁾ₖ: U and W stand inside the tanh, so that is the "
                    "gradient they need"
                ),
                "often": True,
                "variants": [
                    [
                        ("self.V.T.dot(delta_o[t]) * (1 - s[t] ** 2)", "self.V.T.dot(delta_o[t])"),
                        (
                            "self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] ** 2)",
                            "self.W.T.dot(delta_t * (1 - s[bptt_step] ** 2))",
                        ),
                    ]
                ],
            },
        },
        "one-hot": {
            "target-not-subtracted": {
                "says": "the error of the output is taken as ŷ: the target y was never subtracted",
                "hint": "the equation of ∂E₃/∂V: ŷ₃ − y₃",
                "often": True,
                "variants": [
                    [("delta_o[np.arange(T), y] -= 1.0", "pass")],
                    [("np.outer(delta_o[t], s[t])", "np.outer(o[t], s[t])")],
                    [("self.V.T.dot(delta_o[t])", "self.V.T.dot(o[t])")],
                ],
            },
            "target-row-mixed-up": {
                "says": (
                    "1 is subtracted in the columns of all targets at every time step, not "
                    "at each step's own target"
                ),
                "hint": "y₃ in the equation of ∂E₃/∂V: it is the one-hot vector of that one step",
                "often": True,
                "variants": [
                    [("delta_o[np.arange(T), y] -= 1.0", "delta_o[:, y] -= 1.0")],
                    [
                        (
                            "delta_o[np.arange(T), y] -= 1.0",
                            "np.subtract.at(delta_o, (slice(None), y), 1.0)",
                        )
                    ],
                ],
            },
            "target-value-not-one-hot": {
                "says": (
                    "the digit itself is subtracted from every output, instead of a one-hot vector"
                ),
                "hint": "y₃ in the equation of ∂E₃/∂V: it has one 1 and otherwise zeros",
                "variants": [
                    [("delta_o[np.arange(T), y] -= 1.0", "delta_o -= np.asarray(y)[:, None]")],
                    [("delta_o[np.arange(T), y] -= 1.0", "delta_o[np.arange(T), y] -= y")],
                ],
            },
            "input-taken-for-target": {
                "says": "the input digit is subtracted from the output, not the target digit",
                "hint": "the equation of the loss: it compares o with y",
                "often": True,
                "variants": [
                    [("delta_o[np.arange(T), y] -= 1.0", "delta_o[np.arange(len(y)), x] -= 1.0")]
                ],
            },
            "every-column-of-U": {
                "says": (
                    "every column of dLdU gets every delta, although only one input digit is on"
                ),
                "hint": "the product Uxₜ: xₜ is one-hot, so only one column of U takes part",
                "often": True,
                "variants": [[("dLdU[:, x[bptt_step]] += delta_t", "dLdU += delta_t[:, None]")]],
            },
            "digit-value-in-dLdU": {
                "says": (
                    "delta is multiplied by the value of the digit, as if x were a number "
                    "and not a one-hot vector"
                ),
                "hint": "the product Uxₜ: every digit switches its column on with the same 1",
                "often": True,
                "variants": [
                    [("x[bptt_step]] += delta_t", "x[bptt_step]] += delta_t * x[bptt_step]")],
                    [
                        (
                            "dLdU[:, x[bptt_step]] += delta_t",
                            "dLdU += (delta_t * x[bptt_step])[:, None]",
                        )
                    ],
                ],
            },
            "target-column-of-U": {
                "says": "dLdU is filled at the column of the target digit, not of the input digit",
                "hint": "the product Uxₜ: which digit chooses the column?",
                "variants": [
                    [("dLdU[:, x[bptt_step]] += delta_t", "dLdU[:, y[bptt_step]] += delta_t")]
                ],
            },
            "column-shifted-by-one": {
                "says": (
                    "the column of dLdU is one beside the digit's own, as if digits were "
                    "counted from 1"
                ),
                "hint": "the one-hot encoding: digit 0 is the first column",
                "variants": [
                    [("dLdU[:, x[bptt_step]] += delta_t", "dLdU[:, x[bptt_step] - 1] += delta_t")],
                    [
                        (
                            "dLdU[:, x[bptt_step]] += delta_t",
                            "dLdU[:, (x[bptt_step] + 1) % self.input_dim] += delta_t",
                        )
                    ],
                ],
            },
            "repeated-digits-lost": {
                "says": (
                    "when a digit occurs twice, only one of its contributions to dLdU "
                    "survives: NumPy's `A[:, x] += B` adds a repeated column once"
                ),
                "hint": (
                    "the sum over k in ∂E₃/∂U: two steps with the same digit share a column "
                    "and both count"
                ),
                "often": True,
                "variants": [
                    [
                        (
                            (
                                "for bptt_step in np.arange(max(0, t - self.bptt_truncate), "
                                "t + 1)[::-1]:\n"
                                "    dLdW += np.outer(delta_t, s[bptt_step - 1])\n"
                                "    dLdU[:, x[bptt_step]] += delta_t\n"
                                "    delta_t = self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] "
                                "** 2)"
                            ),
                            (
                                "steps = np.arange(max(0, t - self.bptt_truncate), t + "
                                "1)[::-1]\n"
                                "deltas = []\n"
                                "for bptt_step in steps:\n"
                                "    dLdW += np.outer(delta_t, s[bptt_step - 1])\n"
                                "    deltas.append(delta_t)\n"
                                "    delta_t = self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] "
                                "** 2)\n"
                                "dLdU[:, x[steps]] += np.array(deltas).T"
                            ),
                        )
                    ],
                    [
                        (
                            "delta_o = o.copy()",
                            "deltas = np.zeros((T, self.hidden_dim))\ndelta_o = o.copy()",
                        ),
                        ("dLdU[:, x[bptt_step]] += delta_t", "deltas[bptt_step] += delta_t"),
                        ("return", "dLdU[:, x] += deltas.T\nreturn"),
                    ],
                ],
            },
            "prediction-taken-for-target": {
                "says": "1 is subtracted at the most probable digit, not at the target",
                "hint": "the equation of ∂E₃/∂V: what is y₃?",
                "variants": [
                    [
                        (
                            "delta_o[np.arange(T), y] -= 1.0",
                            "delta_o[np.arange(T), o.argmax(axis=1)] -= 1.0",
                        )
                    ]
                ],
            },
            "target-subtracted-twice": {
                "says": "the target is subtracted twice",
                "hint": "the equation of ∂E₃/∂V: ŷ₃ − y₃",
                "variants": [[("y] -= 1.0", "y] -= 2.0")]],
            },
            "input-and-target-exchanged": {
                "says": "input and target are exchanged",
                "hint": (
                    "the equation of the loss: the network reads x, its outputs are compared with y"
                ),
                "variants": [
                    [("self.forward_propagation(x)", "self.forward_propagation(y)")],
                    [("T = len(y)", "T = len(y)\nx, y = y, x")],
                ],
            },
        },
        "transpose": {
            "W-not-transposed": {
                "says": "the error goes back through W as if it went forward",
                "hint": "∂sₖ/∂sₖ₋₁: going back, entry (i, j) of W carries from i to j",
                "often": True,
                "variants": [[("self.W.T.dot(delta_t)", "self.W.dot(delta_t)")]],
            },
            "dLdW-transposed": {
                "says": "dLdW is the transpose of what it should be",
                "hint": (
                    "the product Wsₜ₋₁: which index of W meets the new state, and which the "
                    "old one?"
                ),
                "often": True,
                "variants": [
                    [("np.outer(delta_t, s[bptt_step - 1])", "np.outer(s[bptt_step - 1], delta_t)")]
                ],
            },
            "dLdV-transposed": {
                "says": "dLdV is the transpose of what it should be",
                "hint": "the order of the two vectors around ⊗ in the equation of ∂E₃/∂V",
                "variants": [
                    [
                        ("np.zeros(self.V.shape)", "np.zeros(self.V.T.shape)"),
                        ("np.outer(delta_o[t], s[t])", "np.outer(s[t], delta_o[t])"),
                    ]
                ],
            },
            "dLdU-transposed": {
                "says": "dLdU is the transpose of what it should be",
                "hint": "the product Uxₜ: a digit chooses a column of U, not a row",
                "variants": [
                    [
                        ("np.zeros(self.U.shape)", "np.zeros(self.U.T.shape)"),
                        ("dLdU[:, x[bptt_step]]", "dLdU[x[bptt_step]]"),
                    ]
                ],
            },
        },
        "time index": {
            "dLdW-with-the-new-state": {
                "says": "dLdW pairs delta with the state of the same step",
                "hint": "the first equation of the model: W multiplies the state before, sₜ₋₁",
                "often": True,
                "variants": [
                    [("np.outer(delta_t, s[bptt_step - 1])", "np.outer(delta_t, s[bptt_step])")]
                ],
            },
            "dLdW-with-a-fixed-state": {
                "says": (
                    "dLdW uses the state of the step where the error arose, at every step back"
                ),
                "hint": (
                    "the sum over k in ∂E₃/∂W: the last factor is ∂sₖ/∂W, with k and not with 3"
                ),
                "variants": [
                    [("np.outer(delta_t, s[bptt_step - 1])", "np.outer(delta_t, s[t - 1])")],
                    [("np.outer(delta_t, s[bptt_step - 1])", "np.outer(delta_t, s[t])")],
                ],
            },
            "dLdV-with-another-state": {
                "says": "dLdV pairs the error of a step with the state of another step",
                "hint": "the equation of ∂E₃/∂V: both vectors carry the same index",
                "often": True,
                "variants": [
                    [("np.outer(delta_o[t], s[t])", "np.outer(delta_o[t], s[t - 1])")],
                    [("np.outer(delta_o[t], s[t])", "np.outer(delta_o[t], s[t + 1])")],
                    [("np.outer(delta_o[t], s[t])", "np.outer(delta_o[t], s[T - 1])")],
                    [("np.outer(delta_o[t], s[t])", "np.outer(delta_o[t], s[T - 1 - t])")],
                ],
            },
            "dLdU-with-a-fixed-input": {
                "says": (
                    "dLdU uses the digit of the step where the error arose, at every step back"
                ),
                "hint": "∂sₖ/∂U in the sum over k: which digit entered at step k?",
                "often": True,
                "variants": [[("x[bptt_step]", "x[t]")]],
            },
            "tanh-derivative-of-another-step-going-back": {
                "says": "the step back multiplies by the derivative of tanh at the wrong step",
                "hint": "the definition of δ⁽³⁾₂: which step's tanh does it stand inside?",
                "often": True,
                "variants": [
                    [("(1 - s[bptt_step - 1] ** 2)", "(1 - s[bptt_step] ** 2)")],
                    [("(1 - s[bptt_step - 1] ** 2)", "(1 - s[t] ** 2)")],
                    [("(1 - s[bptt_step - 1] ** 2)", "(1 - s[t - 1] ** 2)")],
                    [("(1 - s[bptt_step - 1] ** 2)", "(1 - s[bptt_step - 2] ** 2)")],
                ],
            },
            "tanh-derivative-of-another-step-at-the-output": {
                "says": "the first delta takes the derivative of tanh at a neighbouring step",
                "hint": "the definition of δ⁽³⁾₃: everything in it belongs to step 3",
                "often": True,
                "variants": [
                    [("(1 - s[t] ** 2)", "(1 - s[t - 1] ** 2)")],
                    [("(1 - s[t] ** 2)", "(1 - s[t + 1] ** 2)")],
                ],
            },
            "states-shifted-by-one": {
                "says": (
                    "all states are read one place too far, as if the initial state stood first"
                ),
                "hint": "where forward propagation keeps s₋₁: at the end, not at the beginning",
                "variants": [
                    [
                        (
                            "o, s = self.forward_propagation(x)",
                            "o, s = self.forward_propagation(x)\ns = np.roll(s, -1, axis=0)",
                        )
                    ],
                    [
                        (
                            "o, s = self.forward_propagation(x)",
                            "o, s = self.forward_propagation(x)\ns = np.roll(s, 1, axis=0)",
                        )
                    ],
                ],
            },
            "first-output-skipped": {
                "says": "the error of the first output is left out",
                "hint": "the sum over all time steps in the loss: it starts at the first digit",
                "often": True,
                "variants": [[("np.arange(T)[::-1]", "np.arange(1, T)[::-1]")]],
            },
            "last-output-skipped": {
                "says": "the error of the last output is left out",
                "hint": "the sum over all time steps in the loss: it ends with the last digit",
                "often": True,
                "variants": [[("np.arange(T)[::-1]", "np.arange(T - 1)[::-1]")]],
            },
            "first-step-skipped": {
                "says": "going back in time stops before the first step",
                "hint": (
                    "the sum over k in ∂E₃/∂W: k = 0 is part of it (for U it is not even zero)"
                ),
                "often": True,
                "variants": [
                    [
                        (
                            "np.arange(max(0, t - self.bptt_truncate), t + 1)",
                            "np.arange(max(1, t - self.bptt_truncate), t + 1)",
                        )
                    ]
                ],
            },
            "current-step-skipped": {
                "says": (
                    "going back in time starts at the step before the error, so the error's "
                    "own step is left out"
                ),
                "hint": "the sum over k in ∂E₃/∂W: k = 3 is part of it",
                "often": True,
                "variants": [
                    [
                        (
                            "np.arange(max(0, t - self.bptt_truncate), t + 1)",
                            "np.arange(max(0, t - self.bptt_truncate), t)",
                        )
                    ]
                ],
            },
            "inner-loop-forward-in-time": {
                "says": "the steps back in time are taken in forward order",
                "hint": (
                    "the hops in section 4: δ⁽³⁾₂ is made from δ⁽³⁾₃, so the order of the "
                    "steps matters"
                ),
                "variants": [[("t + 1)[::-1]", "t + 1)")]],
            },
            "targets-shifted": {
                "says": "each output is compared with the target of a neighbouring step",
                "hint": "the equation of Eₜ in section 3: oₜ and yₜ carry the same index",
                "often": True,
                "variants": [
                    [
                        (
                            "delta_o[np.arange(T), y] -= 1.0",
                            "delta_o[np.arange(T - 1), y[1:]] -= 1.0",
                        )
                    ],
                    [
                        (
                            "delta_o[np.arange(T), y] -= 1.0",
                            "delta_o[np.arange(T), np.roll(y, -1)] -= 1.0",
                        )
                    ],
                    [
                        (
                            "delta_o[np.arange(T), y] -= 1.0",
                            "delta_o[np.arange(T), np.roll(y, 1)] -= 1.0",
                        )
                    ],
                ],
            },
            "end-of-range-excluded": {
                "says": (
                    "the loop over the steps back ends one step early, as `range` does not "
                    "reach its own end"
                ),
                "hint": (
                    "the sum over k in ∂E₃/∂W: k = 0 is part of it; and what `range(a, b, "
                    "-1)` does with b"
                ),
                "often": True,
                "variants": [
                    [
                        (
                            "np.arange(max(0, t - self.bptt_truncate), t + 1)",
                            "np.arange(max(0, t - self.bptt_truncate) + 1, t + 1)",
                        )
                    ]
                ],
            },
            "initial-state-not-zero": {
                "says": (
                    "at the first step the state before is another than the zero initial state"
                ),
                "hint": (
                    "s₋₁ in the first equation of the model, and the place where forward "
                    "propagation keeps it"
                ),
                "often": True,
                "variants": [
                    [
                        (
                            "np.outer(delta_t, s[bptt_step - 1])",
                            "np.outer(delta_t, s[max(bptt_step - 1, 0)])",
                        )
                    ],
                    [
                        (
                            "np.outer(delta_t, s[bptt_step - 1])",
                            "np.outer(delta_t, s[:T][bptt_step - 1])",
                        )
                    ],
                    [
                        (
                            "o, s = self.forward_propagation(x)",
                            "o, s = self.forward_propagation(x)\ns = s[:T]",
                        )
                    ],
                ],
            },
            "dLdU-with-another-input": {
                "says": "dLdU uses the digit of another step",
                "hint": "the first equation of the model: U multiplies xₜ, W multiplies sₜ₋₁",
                "often": True,
                "variants": [
                    [("x[bptt_step]", "x[bptt_step - 1]")],
                    [("x[bptt_step]", "x[min(bptt_step + 1, T - 1)]")],
                    [("x[bptt_step]", "x[T - 1 - bptt_step]")],
                ],
            },
        },
        "truncation": {
            "one-step-too-few": {
                "says": "going back in time stops one step too early",
                "hint": (
                    "the rule of truncation in section 4: how many hops does output t make, "
                    "and how many contributions?"
                ),
                "often": True,
                "variants": [[("t - self.bptt_truncate", "t - self.bptt_truncate + 1")]],
            },
            "one-step-too-many": {
                "says": "going back in time stops one step too late",
                "hint": (
                    "the rule of truncation in section 4: how many hops does output t make, "
                    "and how many contributions?"
                ),
                "often": True,
                "variants": [[("t - self.bptt_truncate", "t - self.bptt_truncate - 1")]],
            },
            "truncation-ignored": {
                "says": (
                    "the error always goes back to the first step: bptt_truncate has no effect"
                ),
                "hint": (
                    "the rule of truncation in section 4: how far back may the error of step t go?"
                ),
                "often": True,
                "variants": [[("max(0, t - self.bptt_truncate)", "0")]],
            },
            "truncation-from-the-beginning": {
                "says": (
                    "the first steps of the sequence are kept, instead of the last steps "
                    "before the error"
                ),
                "hint": (
                    "the rule of truncation in section 4: it counts back from t, not forward from 0"
                ),
                "variants": [
                    [
                        (
                            "np.arange(max(0, t - self.bptt_truncate), t + 1)",
                            "np.arange(0, min(t, self.bptt_truncate) + 1)",
                        )
                    ],
                    [
                        (
                            "np.arange(max(0, t - self.bptt_truncate), t + 1)",
                            "np.arange(min(t, self.bptt_truncate), t + 1)",
                        )
                    ],
                ],
            },
            "truncation-in-blocks": {
                "says": (
                    "the sequence is cut into blocks, so that some errors go back fewer "
                    "steps than others"
                ),
                "hint": (
                    "the rule of truncation in section 4: every error may go back the same "
                    "number of steps"
                ),
                "variants": [
                    [
                        (
                            "max(0, t - self.bptt_truncate)",
                            "t // (self.bptt_truncate + 1) * (self.bptt_truncate + 1)",
                        )
                    ],
                    [
                        (
                            "max(0, t - self.bptt_truncate)",
                            "t // max(1, self.bptt_truncate) * max(1, self.bptt_truncate)",
                        )
                    ],
                ],
            },
            "outputs-truncated": {
                "says": "truncation limits which outputs count, not how far back each error goes",
                "hint": (
                    "the rule of truncation in section 4: the loss still sums over all outputs"
                ),
                "variants": [
                    [
                        (
                            "np.arange(T)[::-1]",
                            "np.arange(max(0, T - 1 - self.bptt_truncate), T)[::-1]",
                        ),
                        ("max(0, t - self.bptt_truncate)", "0"),
                    ],
                    [("np.arange(T)[::-1]", "np.arange(max(0, T - self.bptt_truncate), T)[::-1]")],
                    [
                        (
                            "np.arange(T)[::-1]",
                            "np.arange(max(0, T - 1 - self.bptt_truncate), T)[::-1]",
                        )
                    ],
                    [
                        (
                            "np.arange(T)[::-1]",
                            "np.arange(max(0, T - self.bptt_truncate), T)[::-1]",
                        ),
                        ("max(0, t - self.bptt_truncate)", "0"),
                    ],
                ],
            },
            "steps-before-the-beginning": {
                "says": (
                    "near the start of the sequence the steps back run below 0, where NumPy "
                    "counts from the end"
                ),
                "hint": "the sum over k in ∂E₃/∂W: no k is below 0, whatever the truncation",
                "variants": [[("max(0, t - self.bptt_truncate)", "t - self.bptt_truncate")]],
            },
            "truncation-counted-from-the-end": {
                "says": (
                    "the steps back are limited by a fixed step of the sequence, not by the "
                    "distance from the error"
                ),
                "hint": (
                    "the rule of truncation in section 4: it counts back from each t, not "
                    "from the end of the sequence"
                ),
                "variants": [
                    [("t - self.bptt_truncate", "T - self.bptt_truncate")],
                    [("t - self.bptt_truncate", "T - 1 - self.bptt_truncate")],
                ],
            },
        },
        "accumulation": {
            "dLdV-overwritten": {
                "says": "dLdV is overwritten at each time step instead of summed",
                "hint": "the loss: it is a sum over time steps, and so is its gradient",
                "often": True,
                "variants": [
                    [("dLdV += ", "dLdV = ")],
                    [("np.arange(T)[::-1]", "np.arange(T)"), ("dLdV += ", "dLdV = ")],
                ],
            },
            "dLdU-overwritten": {
                "says": "the columns of dLdU are overwritten instead of summed",
                "hint": "the sum over k in ∂E₃/∂U, and the sum of the losses over time",
                "often": True,
                "variants": [
                    [("dLdU[:, x[bptt_step]] += delta_t", "dLdU[:, x[bptt_step]] = delta_t")],
                    [
                        ("np.arange(T)[::-1]", "np.arange(T)"),
                        ("dLdU[:, x[bptt_step]] += delta_t", "dLdU[:, x[bptt_step]] = delta_t"),
                    ],
                ],
            },
            "gradients-reset-at-each-output": {
                "says": (
                    "the gradients start from zero again at each output, so that only the "
                    "output handled last counts"
                ),
                "hint": "the loss: it is a sum over time steps, and so is its gradient",
                "variants": [
                    [
                        (
                            "dLdV += np.outer",
                            (
                                "dLdU = np.zeros(self.U.shape)\n"
                                "dLdV = np.zeros(self.V.shape)\n"
                                "dLdW = np.zeros(self.W.shape)\n"
                                "dLdV += np.outer"
                            ),
                        )
                    ],
                    [
                        (
                            "dLdV += np.outer",
                            (
                                "dLdU = np.zeros(self.U.shape)\n"
                                "dLdW = np.zeros(self.W.shape)\n"
                                "dLdV += np.outer"
                            ),
                        )
                    ],
                ],
            },
            "only-the-last-output": {
                "says": (
                    "only the error of the last output counts (for instance a `return` "
                    "inside the loop)"
                ),
                "hint": "the loss: it is a sum over time steps, and so is its gradient",
                "often": True,
                "variants": [
                    [("np.arange(T)[::-1]", "[T - 1]")],
                    [
                        ("np.arange(T)[::-1]", "[T - 1]"),
                        ("dLdV += np.outer(delta_o[t], s[t])", "dLdV += delta_o.T.dot(s[:T])"),
                    ],
                ],
            },
            "dLdV-counted-at-every-step-back": {
                "says": (
                    "dLdV is summed in the inner loop, so that late errors count several times"
                ),
                "hint": "the equation of ∂E₃/∂V: it has no sum over k",
                "variants": [
                    [
                        ("dLdV += np.outer(delta_o[t], s[t])", "pass"),
                        (
                            "dLdU[:, x[bptt_step]] += delta_t",
                            "dLdU[:, x[bptt_step]] += delta_t\ndLdV += np.outer(delta_o[t], s[t])",
                        ),
                    ],
                    [
                        ("dLdV += np.outer(delta_o[t], s[t])", "pass"),
                        (
                            "dLdU[:, x[bptt_step]] += delta_t",
                            (
                                "dLdU[:, x[bptt_step]] += delta_t\n"
                                "dLdV += np.outer(delta_o[bptt_step], s[bptt_step])"
                            ),
                        ),
                    ],
                ],
            },
            "first-step-back-only": {
                "says": (
                    "the function returns from within the loop over the steps back, after "
                    "its first step"
                ),
                "hint": "both sums: over the outputs, and over k in ∂E₃/∂W",
                "variants": [
                    [
                        ("np.arange(T)[::-1]", "[T - 1]"),
                        ("np.arange(max(0, t - self.bptt_truncate), t + 1)[::-1]", "[t]"),
                    ]
                ],
            },
            "dLdW-overwritten": {
                "says": "dLdW is overwritten at each step instead of summed",
                "hint": "the sum over k in ∂E₃/∂W, and the sum of the losses over time",
                "often": True,
                "variants": [[("np.arange(T)[::-1]", "np.arange(T)"), ("dLdW += ", "dLdW = ")]],
            },
            "dLdW-zero": {
                "says": (
                    "dLdW comes back as zero: either nothing is added to it, or it is "
                    "overwritten, the last time with the zero initial state"
                ),
                "hint": "the sum over k in ∂E₃/∂W, and the sum of the losses over time",
                "often": True,
                "variants": [
                    [("dLdW += ", "dLdW = ")],
                    [("dLdW += np.outer(delta_t, s[bptt_step - 1])", "pass")],
                ],
            },
        },
        "sign/scale": {
            "sign-of-the-error": {
                "says": "the sign is the opposite: the error is taken as y − ŷ",
                "hint": "the equation of ∂E₃/∂V: ŷ₃ − y₃, in this order",
                "often": True,
                "variants": [[("y] -= 1.0", "y] -= 1.0\ndelta_o = -delta_o")]],
            },
            "target-added": {
                "says": "the one-hot target is added to ŷ instead of subtracted",
                "hint": "the equation of ∂E₃/∂V: ŷ₃ − y₃",
                "often": True,
                "variants": [[("y] -= 1.0", "y] += 1.0")]],
            },
            "mean-instead-of-sum": {
                "says": "the sum is divided by the number of time steps",
                "hint": "the loss: it is the total over the sequence, not the mean",
                "often": True,
                "variants": [[("y] -= 1.0", "y] -= 1.0\ndelta_o = delta_o / T")]],
            },
            "squared-error": {
                "says": "there is a factor 2, as from a squared error",
                "hint": (
                    "the equation of the loss: cross-entropy, whose derivative with the "
                    "softmax is ŷ − y"
                ),
                "often": True,
                "variants": [[("y] -= 1.0", "y] -= 1.0\ndelta_o = 2 * delta_o")]],
            },
            "divided-by-the-steps-back": {
                "says": "each error's contribution is divided by the number of steps it goes back",
                "hint": "the sum over k in ∂E₃/∂W: it is a sum, not a mean",
                "variants": [
                    [("(1 - s[t] ** 2)", "(1 - s[t] ** 2) / (min(t, self.bptt_truncate) + 1)")]
                ],
            },
        },
        "side effect": {
            "parameters-updated-in-bptt": {
                "says": (
                    "the parameters U, V, W are changed inside the function, which should "
                    "only compute gradients"
                ),
                "hint": (
                    "the update rule: it belongs to the SGD step, and here only ∂L/∂U, ∂L/∂V "
                    "and ∂L/∂W are asked for"
                ),
                "variants": [
                    [
                        (
                            "return",
                            (
                                "self.U -= 0.005 * dLdU\n"
                                "self.V -= 0.005 * dLdV\n"
                                "self.W -= 0.005 * dLdW\n"
                                "return"
                            ),
                        )
                    ]
                ],
            },
            "gradients-kept-between-calls": {
                "says": (
                    "the gradients of earlier calls are still in the sum: the second call "
                    "returns something else"
                ),
                "hint": "what a call is about: ∂L/∂U, ∂L/∂V and ∂L/∂W of one sequence alone",
                "variants": [
                    [
                        (
                            "dLdU = np.zeros(self.U.shape)",
                            "dLdU = self.__dict__.setdefault('dLdU', np.zeros(self.U.shape))",
                        ),
                        (
                            "dLdV = np.zeros(self.V.shape)",
                            "dLdV = self.__dict__.setdefault('dLdV', np.zeros(self.V.shape))",
                        ),
                        (
                            "dLdW = np.zeros(self.W.shape)",
                            "dLdW = self.__dict__.setdefault('dLdW', np.zeros(self.W.shape))",
                        ),
                    ]
                ],
            },
            "truncation-changed": {
                "says": "the model's bptt_truncate is changed by the function",
                "hint": (
                    "the rule of truncation in section 4: it is a setting of the model, to "
                    "be read only"
                ),
                "variants": [
                    [("T = len(y)", "T = len(y)\nself.bptt_truncate = min(self.bptt_truncate, T)")],
                    [("T = len(y)", "T = len(y)\nself.bptt_truncate = T")],
                ],
            },
            "states-overwritten": {
                "says": "the hidden states are overwritten in place while they are still needed",
                "hint": (
                    "what every output needs: sₖ₋₁ itself, and the derivative of tanh at step k − 1"
                ),
                "variants": [
                    [
                        ("delta_o = o.copy()", "s *= s\ndelta_o = o.copy()"),
                        ("(1 - s[t] ** 2)", "(1 - s[t])"),
                        ("(1 - s[bptt_step - 1] ** 2)", "(1 - s[bptt_step - 1])"),
                    ],
                    [
                        ("delta_o = o.copy()", "s[:] = 1 - s ** 2\ndelta_o = o.copy()"),
                        ("(1 - s[t] ** 2)", "s[t]"),
                        ("(1 - s[bptt_step - 1] ** 2)", "s[bptt_step - 1]"),
                    ],
                ],
            },
            "inputs-changed": {
                "says": "the caller's x or y is changed by the function",
                "hint": (
                    "x and y: they belong to the training set, and the next epoch reads them again"
                ),
                "variants": [
                    [("return", "y[:] = 0\nreturn")],
                    [("return", "x[:] = x[::-1].copy()\nreturn")],
                ],
            },
        },
        "precision": {
            "single-precision": {
                "says": "the numbers carry about seven digits, as in float32",
                "hint": (
                    "the type of the arrays that hold the sums; nothing is wrong with the equations"
                ),
                "variants": [
                    [
                        ("np.zeros(self.U.shape)", "np.zeros(self.U.shape, np.float32)"),
                        ("np.zeros(self.V.shape)", "np.zeros(self.V.shape, np.float32)"),
                        ("np.zeros(self.W.shape)", "np.zeros(self.W.shape, np.float32)"),
                    ]
                ],
            },
            "half-precision": {
                "says": "the numbers carry about three digits, as in float16",
                "hint": (
                    "the type of the arrays that hold the sums; nothing is wrong with the equations"
                ),
                "variants": [
                    [
                        ("np.zeros(self.U.shape)", "np.zeros(self.U.shape, np.float16)"),
                        ("np.zeros(self.V.shape)", "np.zeros(self.V.shape, np.float16)"),
                        ("np.zeros(self.W.shape)", "np.zeros(self.W.shape, np.float16)"),
                    ]
                ],
            },
        },
        "not-backprop": {
            "parameters-returned": {
                "says": "the parameters themselves come back instead of gradients",
                "hint": (
                    "what ∂L/∂U means: it has the shape of U, but says how the loss changes with it"
                ),
                "variants": [
                    [
                        (
                            "return [dLdU, dLdV, dLdW]",
                            "return [self.U.copy(), self.V.copy(), self.W.copy()]",
                        )
                    ]
                ],
            },
            "zeros-returned": {
                "says": "all gradients are zero: nothing is added to them yet",
                "hint": "∂E₃/∂V, the shortest of the three equations, to start with",
                "variants": [[("np.arange(T)[::-1]", "[]")]],
            },
            "only-dLdV": {
                "says": "nothing is added to dLdU and dLdW yet",
                "hint": (
                    "δ⁽³⁾₃, the next thing to compute, and then ∂E₃/∂W and ∂E₃/∂U at the "
                    "error's own step"
                ),
                "variants": [[("np.arange(max(0, t - self.bptt_truncate), t + 1)[::-1]", "[]")]],
            },
        },
    },
    "forward_propagation": {
        "chain rule": {
            "no-tanh": {
                "says": "the hidden state is not squashed by tanh",
                "hint": "the first equation of the model: what stands around Uxₜ + Wsₜ₋₁?",
                "variants": [
                    [
                        (
                            "np.tanh(self.U[:, x[t]] + self.W.dot(s[t - 1]))",
                            "self.U[:, x[t]] + self.W.dot(s[t - 1])",
                        )
                    ]
                ],
            },
            "sigmoid-for-tanh": {
                "says": "the hidden state is squashed by a sigmoid, not by tanh",
                "hint": "the first equation of the model, with f = tanh",
                "variants": [
                    [
                        (
                            "np.tanh(self.U[:, x[t]] + self.W.dot(s[t - 1]))",
                            "1 / (1 + np.exp(-(self.U[:, x[t]] + self.W.dot(s[t - 1]))))",
                        )
                    ]
                ],
            },
            "relu-for-tanh": {
                "says": "the hidden state goes through a ReLU, not through tanh",
                "hint": "the first equation of the model, with f = tanh",
                "variants": [
                    [
                        (
                            "np.tanh(self.U[:, x[t]] + self.W.dot(s[t - 1]))",
                            "np.maximum(0, self.U[:, x[t]] + self.W.dot(s[t - 1]))",
                        )
                    ]
                ],
            },
            "tanh-of-the-input-only": {
                "says": "tanh covers only one of the two terms",
                "hint": "the first equation of the model: where does its bracket close?",
                "variants": [
                    [
                        (
                            "np.tanh(self.U[:, x[t]] + self.W.dot(s[t - 1]))",
                            "np.tanh(self.U[:, x[t]]) + self.W.dot(s[t - 1])",
                        )
                    ],
                    [
                        (
                            "np.tanh(self.U[:, x[t]] + self.W.dot(s[t - 1]))",
                            "np.tanh(self.W.dot(s[t - 1])) + self.U[:, x[t]]",
                        )
                    ],
                ],
            },
            "no-memory": {
                "says": (
                    "the state before has no influence (nor has s[t], which is still zero "
                    "while it is computed)"
                ),
                "hint": "the first equation of the model: its second term",
                "variants": [
                    [(" + self.W.dot(s[t - 1])", "")],
                    [("self.W.dot(s[t - 1])", "self.W.dot(s[t])")],
                ],
            },
            "no-softmax": {
                "says": "the outputs are scores, not probabilities",
                "hint": "the second equation of the model: what stands around Vsₜ?",
                "variants": [[("softmax(self.V.dot(s[t]))", "self.V.dot(s[t])")]],
            },
            "softmax-of-the-state": {
                "says": "the output is squashed in another way than by the softmax",
                "hint": "the second equation of the model: what stands around Vsₜ?",
                "variants": [
                    [("softmax(self.V.dot(s[t]))", "np.tanh(self.V.dot(s[t]))")],
                    [("softmax(self.V.dot(s[t]))", "1 / (1 + np.exp(-self.V.dot(s[t])))")],
                ],
            },
        },
        "sign/scale": {
            "softmax-not-normalised": {
                "says": "the outputs are exponentials that were not divided by their sum",
                "hint": "the definition of the softmax: probabilities sum to 1",
                "variants": [[("softmax(self.V.dot(s[t]))", "np.exp(self.V.dot(s[t]))")]],
            },
            "log-probabilities": {
                "says": "the logarithm of the probabilities is returned",
                "hint": "the second equation of the model: there is no logarithm in it",
                "variants": [[("softmax(self.V.dot(s[t]))", "np.log(softmax(self.V.dot(s[t])))")]],
            },
            "softmax-over-all-steps": {
                "says": (
                    "the probabilities of all time steps together sum to 1, not those of each step"
                ),
                "hint": "the second equation of the model: one softmax for each t",
                "variants": [
                    [
                        ("softmax(self.V.dot(s[t]))", "self.V.dot(s[t])"),
                        ("return [o, s]", "return [softmax(o), s]"),
                    ]
                ],
            },
        },
        "one-hot": {
            "digit-as-a-number": {
                "says": "U is multiplied by the value of the digit",
                "hint": (
                    "the product Uxₜ: xₜ is one-hot, so every digit switches one column on "
                    "with the same 1"
                ),
                "variants": [
                    [("self.U[:, x[t]]", "self.U[:, x[t]] * x[t]")],
                    [("self.U[:, x[t]]", "self.U.sum(axis=1) * x[t]")],
                ],
            },
            "column-shifted-by-one": {
                "says": (
                    "the column of U is one beside the digit's own, as if digits were "
                    "counted from 1"
                ),
                "hint": "the one-hot encoding: digit 0 is the first column",
                "variants": [[("self.U[:, x[t]]", "self.U[:, x[t] - 1]")]],
            },
        },
        "transpose": {
            "W-transposed": {
                "says": "W is used the wrong way round",
                "hint": "the product Wsₜ₋₁: rows of W belong to the new state",
                "variants": [[("self.W.dot(s[t - 1])", "self.W.T.dot(s[t - 1])")]],
            },
        },
        "time index": {
            "state-two-steps-before": {
                "says": "the state is read one step too early",
                "hint": "the first equation of the model: the index of s on its right-hand side",
                "variants": [[("self.W.dot(s[t - 1])", "self.W.dot(s[t - 2])")]],
            },
            "output-from-the-state-before": {
                "says": "the output is computed from the state before the digit was read",
                "hint": "the second equation of the model: both indices are t",
                "variants": [[("self.V.dot(s[t])", "self.V.dot(s[t - 1])")]],
            },
            "input-of-another-step": {
                "says": "the digit of a neighbouring step is read",
                "hint": "the first equation of the model: the index of x",
                "variants": [[("x[t]", "x[t - 1]")], [("x[t]", "x[min(t + 1, T - 1)]")]],
            },
            "last-step-missing": {
                "says": "the loop ends before the last digit",
                "hint": "the sequence: it has T digits, and each of them has an output",
                "variants": [[("np.arange(T)", "np.arange(T - 1)")]],
            },
            "initial-state-first": {
                "says": "the states stand one row too low: the zero state is the first row",
                "hint": "the docstring: which row holds the zero state?",
                "variants": [[("return [o, s]", "return [o, np.roll(s, 1, axis=0)]")]],
            },
        },
        "accumulation": {
            "state-added-to-the-state-before": {
                "says": "the new state is added to the old one",
                "hint": "the first equation of the model: sₜ₋₁ appears inside tanh only",
                "variants": [[("s[t] = np.tanh(", "s[t] = s[t - 1] + np.tanh(")]],
            },
        },
        "side effect": {
            "input-changed": {
                "says": "the caller's x is changed by the function",
                "hint": "the docstring: what does it say about x?",
                "variants": [[("return [o, s]", "x[:] = 0\nreturn [o, s]")]],
            },
        },
    },
    "calculate_total_loss": {
        "sign/scale": {
            "sign": {
                "says": "the loss is negative: the minus sign is missing",
                "hint": (
                    "the equation of the loss: logarithms of probabilities are below 0, a "
                    "loss is not"
                ),
                "variants": [[("L += -np.sum", "L += np.sum")]],
            },
            "mean-over-steps": {
                "says": "each sequence counts with its mean over time steps, not with its sum",
                "hint": "the docstring: the total loss is a sum over i and t",
                "variants": [[("-np.sum(", "-np.mean(")]],
            },
            "mean-over-sequences": {
                "says": "the sum is divided by the number of sequences",
                "hint": "the docstring: the total loss is a sum over i and t",
                "variants": [[("return L", "return L / len(y)")]],
            },
            "mean-over-digits": {
                "says": "the sum is divided by the number of digits",
                "hint": "the docstring: this is the total; calculate_loss divides it",
                "variants": [[("return L", "return L / sum((len(y_i) for y_i in y))")]],
            },
            "another-logarithm": {
                "says": "the logarithm is not the natural one",
                "hint": "the docstring: the loss is in nats",
                "variants": [[("np.log(", "np.log2(")], [("np.log(", "np.log10(")]],
            },
        },
        "chain rule": {
            "log-of-the-sum": {
                "says": "the probabilities are summed before the logarithm is taken",
                "hint": "the equation of the loss: which comes first, the sum or the logarithm?",
                "variants": [
                    [
                        (
                            "-np.sum(np.log(correct_digit_probabilities))",
                            "-np.log(np.sum(correct_digit_probabilities))",
                        )
                    ]
                ],
            },
            "no-logarithm": {
                "says": "the probabilities are summed without a logarithm",
                "hint": "the equation of the loss",
                "variants": [
                    [("np.log(correct_digit_probabilities)", "correct_digit_probabilities")],
                    [("np.log(correct_digit_probabilities)", "(correct_digit_probabilities - 1)")],
                ],
            },
            "squared-error": {
                "says": "the loss is a squared error, not a cross-entropy",
                "hint": "the equation of the loss",
                "variants": [
                    [
                        (
                            "-np.sum(np.log(correct_digit_probabilities))",
                            "np.sum((1 - correct_digit_probabilities) ** 2)",
                        )
                    ],
                    [
                        (
                            "-np.sum(np.log(correct_digit_probabilities))",
                            "np.sum((o - np.eye(self.input_dim)[y[i]]) ** 2)",
                        )
                    ],
                ],
            },
            "entropy": {
                "says": "the entropy of the predictions is summed; the target has no influence",
                "hint": "the equation of Eₜ in section 3: whose probability is in the logarithm?",
                "variants": [
                    [("-np.sum(np.log(correct_digit_probabilities))", "-np.sum(o * np.log(o))")]
                ],
            },
        },
        "one-hot": {
            "all-digits-counted": {
                "says": (
                    "the logarithms of all probabilities are summed, not only that of the "
                    "correct digit"
                ),
                "hint": "the equation of Eₜ in section 3: one probability per step",
                "variants": [
                    [("o[np.arange(len(y[i])), y[i]]", "o")],
                    [("o[np.arange(len(y[i])), y[i]]", "o[:, y[i]]")],
                ],
            },
            "best-guess-for-target": {
                "says": "the largest probability is taken, whichever digit is correct",
                "hint": "the equation of the loss: which digit's probability counts?",
                "variants": [[("o[np.arange(len(y[i])), y[i]]", "o.max(axis=1)")]],
            },
            "input-for-target": {
                "says": "the probability of the input digit is taken",
                "hint": "the equation of the loss: it compares o with y",
                "variants": [[("o[np.arange(len(y[i])), y[i]]", "o[np.arange(len(y[i])), x[i]]")]],
            },
        },
        "accumulation": {
            "only-the-last-sequence": {
                "says": "only the last sequence counts",
                "hint": "the docstring: the sum over i",
                "variants": [[("L += -np.sum", "L = -np.sum")]],
            },
            "only-the-first-sequence": {
                "says": "only the first sequence counts (for instance a `return` inside the loop)",
                "hint": "the docstring: the sum over i",
                "variants": [[("np.arange(len(y)):", "np.arange(1):")]],
            },
        },
        "time index": {
            "only-the-last-step": {
                "says": "only the last time step of each sequence counts",
                "hint": "the docstring: the sum over t",
                "variants": [
                    [
                        (
                            "np.sum(np.log(correct_digit_probabilities))",
                            "np.log(correct_digit_probabilities[-1])",
                        )
                    ]
                ],
            },
            "first-step-missing": {
                "says": "the first time step of each sequence is left out",
                "hint": "the docstring: the sum over t",
                "variants": [
                    [
                        (
                            "np.sum(np.log(correct_digit_probabilities))",
                            "np.sum(np.log(correct_digit_probabilities[1:]))",
                        )
                    ]
                ],
            },
            "targets-shifted": {
                "says": "each output is compared with the target of a neighbouring step",
                "hint": "the equation of Eₜ in section 3: oₜ and yₜ carry the same index",
                "variants": [
                    [
                        (
                            "o[np.arange(len(y[i])), y[i]]",
                            "o[np.arange(len(y[i])), np.roll(y[i], 1)]",
                        )
                    ],
                    [
                        (
                            "o[np.arange(len(y[i])), y[i]]",
                            "o[np.arange(len(y[i])), np.roll(y[i], -1)]",
                        )
                    ],
                ],
            },
        },
    },
    "sgd_step": {
        "sign/scale": {
            "uphill": {
                "says": "the parameters move along the gradient, so the loss goes up",
                "hint": "the update rule: the gradient points uphill",
                "variants": [
                    [
                        ("self.U -=", "self.U +="),
                        ("self.V -=", "self.V +="),
                        ("self.W -=", "self.W +="),
                    ]
                ],
            },
            "no-learning-rate": {
                "says": "the learning rate has no effect",
                "hint": "the update rule: how long is the step?",
                "variants": [
                    [
                        ("learning_rate * dLdU", "dLdU"),
                        ("learning_rate * dLdV", "dLdV"),
                        ("learning_rate * dLdW", "dLdW"),
                    ]
                ],
            },
            "divided-by-the-length": {
                "says": "the step is divided by the length of the sequence",
                "hint": "the update rule: the gradient is used as bptt returns it",
                "variants": [
                    [
                        (
                            "dLdU, dLdV, dLdW = self.bptt(x, y)",
                            (
                                "dLdU, dLdV, dLdW = self.bptt(x, y)\n"
                                "learning_rate = learning_rate / len(y)"
                            ),
                        )
                    ]
                ],
            },
            "unit-step": {
                "says": "only the signs of the gradient are used",
                "hint": "the update rule: steep directions take longer steps",
                "variants": [
                    [
                        ("learning_rate * dLdU", "learning_rate * np.sign(dLdU)"),
                        ("learning_rate * dLdV", "learning_rate * np.sign(dLdV)"),
                        ("learning_rate * dLdW", "learning_rate * np.sign(dLdW)"),
                    ]
                ],
            },
        },
        "accumulation": {
            "not-stored": {
                "says": "the new parameters are computed but not stored in the model",
                "hint": "the docstring: the parameters of the model move",
                "variants": [
                    [
                        ("self.U -= learning_rate * dLdU", "U = self.U - learning_rate * dLdU"),
                        ("self.V -= learning_rate * dLdV", "V = self.V - learning_rate * dLdV"),
                        ("self.W -= learning_rate * dLdW", "W = self.W - learning_rate * dLdW"),
                    ]
                ],
            },
            "overwritten": {
                "says": "the parameters are replaced by the step instead of moved by it",
                "hint": "the update rule: the old parameter is a term of the new one",
                "variants": [
                    [
                        ("self.U -= learning", "self.U = -learning"),
                        ("self.V -= learning", "self.V = -learning"),
                        ("self.W -= learning", "self.W = -learning"),
                    ]
                ],
            },
            "U-forgotten": {
                "says": "U does not move",
                "hint": "the docstring: all three parameters move",
                "variants": [[("self.U -= learning_rate * dLdU", "pass")]],
            },
            "V-forgotten": {
                "says": "V does not move",
                "hint": "the docstring: all three parameters move",
                "variants": [[("self.V -= learning_rate * dLdV", "pass")]],
            },
            "W-forgotten": {
                "says": "W does not move",
                "hint": "the docstring: all three parameters move",
                "variants": [[("self.W -= learning_rate * dLdW", "pass")]],
            },
            "two-steps": {
                "says": "two steps are taken instead of one",
                "hint": "the docstring: one step on one sequence",
                "variants": [
                    [
                        (
                            "self.W -= learning_rate * dLdW",
                            (
                                "self.W -= learning_rate * dLdW\n"
                                "dLdU, dLdV, dLdW = self.bptt(x, y)\n"
                                "self.U -= learning_rate * dLdU\n"
                                "self.V -= learning_rate * dLdV\n"
                                "self.W -= learning_rate * dLdW"
                            ),
                        )
                    ],
                    [
                        (
                            "dLdU, dLdV, dLdW = self.bptt(x, y)",
                            (
                                "dLdU, dLdV, dLdW = self.bptt(x, y)\n"
                                "learning_rate = 2 * learning_rate"
                            ),
                        )
                    ],
                ],
            },
        },
        "chain rule": {
            "gradient-taken-again": {
                "says": "the gradient is computed again after the first parameter has moved",
                "hint": "the update rule: all three gradients belong to the same parameters",
                "variants": [
                    [
                        (
                            "self.V -= learning_rate * dLdV",
                            "self.V -= learning_rate * self.bptt(x, y)[1]",
                        ),
                        (
                            "self.W -= learning_rate * dLdW",
                            "self.W -= learning_rate * self.bptt(x, y)[2]",
                        ),
                    ]
                ],
            },
        },
        "transpose": {
            "W-moved-by-the-transpose": {
                "says": "W moves by the transpose of its gradient",
                "hint": (
                    "the update rule: entry by entry, the gradient stands where its "
                    "parameter stands"
                ),
                "variants": [[("learning_rate * dLdW", "learning_rate * dLdW.T")]],
            },
        },
        "one-hot": {
            "input-and-target-exchanged": {
                "says": "input and target are exchanged",
                "hint": "the docstring of bptt: the order of its arguments",
                "variants": [[("self.bptt(x, y)", "self.bptt(y, x)")]],
            },
        },
    },
    "train_with_sgd": {
        "accumulation": {
            "epochs-recorded": {
                "says": "epochs are counted instead of the examples seen",
                "hint": "the docstring: what the list holds",
                "variants": [
                    [("losses.append((num_examples_seen, loss))", "losses.append((epoch, loss))")],
                    [
                        ("    num_examples_seen += 1", "    pass"),
                        ("if epoch == nepoch:", "num_examples_seen += 1\nif epoch == nepoch:"),
                    ],
                ],
            },
            "count-never-raised": {
                "says": "the number of examples seen stays 0",
                "hint": "the docstring: what the list holds",
                "variants": [[("num_examples_seen += 1", "pass")]],
            },
            "only-the-first-example": {
                "says": "only the first example is used for training",
                "hint": "the docstring: each epoch goes through the whole training set",
                "variants": [[("range(len(y_train))", "range(1)")]],
            },
            "last-example-left-out": {
                "says": "the last example is never used for training",
                "hint": "the docstring: each epoch goes through the whole training set",
                "variants": [[("range(len(y_train))", "range(len(y_train) - 1)")]],
            },
        },
        "time index": {
            "no-final-loss": {
                "says": "the loss after the last epoch is not recorded",
                "hint": "the docstring: when the loss is measured",
                "variants": [
                    [
                        (
                            "epoch % evaluate_loss_after == 0 or epoch == nepoch",
                            "epoch % evaluate_loss_after == 0 and epoch < nepoch",
                        )
                    ]
                ],
            },
            "no-first-loss": {
                "says": "the loss before the first epoch is not recorded",
                "hint": "the docstring: when the loss is measured",
                "variants": [
                    [
                        (
                            "epoch % evaluate_loss_after == 0 or epoch == nepoch",
                            "epoch and (epoch % evaluate_loss_after == 0 or epoch == nepoch)",
                        )
                    ]
                ],
            },
            "loss-every-epoch": {
                "says": "the loss is measured at every epoch, whatever evaluate_loss_after says",
                "hint": "the docstring: when the loss is measured",
                "variants": [[("epoch % evaluate_loss_after == 0 or epoch == nepoch", "True")]],
            },
            "one-epoch-more": {
                "says": "training goes on for one epoch too many",
                "hint": "the docstring: nepoch is how many times to go through the training set",
                "variants": [[("if epoch == nepoch:\n    break", "pass")]],
            },
            "reversed-order": {
                "says": "the training set is gone through in another order",
                "hint": "the docstring: in the order of the training set",
                "variants": [[("range(len(y_train))", "range(len(y_train))[::-1]")]],
            },
        },
        "sign/scale": {
            "total-loss": {
                "says": "the total loss is recorded instead of the mean per digit",
                "hint": (
                    "the docstring: what the list holds, and which function of the model gives it"
                ),
                "variants": [
                    [
                        (
                            "model.calculate_loss(X_train, y_train)",
                            "model.calculate_total_loss(X_train, y_train)",
                        )
                    ]
                ],
            },
            "rate-never-halved": {
                "says": "the learning rate never changes",
                "hint": "the docstring: what happens when the loss has gone up",
                "variants": [[("learning_rate = learning_rate * 0.5", "pass")]],
            },
            "rate-halved-when-falling": {
                "says": "the learning rate is halved when the loss falls",
                "hint": "the docstring: when is a smaller step needed?",
                "variants": [[("losses[-1][1] > losses[-2][1]", "losses[-1][1] < losses[-2][1]")]],
            },
            "rate-halved-every-time": {
                "says": "the learning rate is halved at every measurement",
                "hint": "the docstring: when is a smaller step needed?",
                "variants": [
                    [("len(losses) > 1 and losses[-1][1] > losses[-2][1]", "len(losses) > 1")],
                    [("len(losses) > 1 and losses[-1][1] > losses[-2][1]", "True")],
                ],
            },
            "rate-doubled": {
                "says": "the learning rate is doubled when the loss has gone up",
                "hint": "the docstring: what happens when the loss has gone up",
                "variants": [[("learning_rate * 0.5", "learning_rate * 2")]],
            },
            "rate-divided-by-ten": {
                "says": "the learning rate is lowered by another factor than one half",
                "hint": "the docstring: what happens when the loss has gone up",
                "variants": [
                    [("learning_rate * 0.5", "learning_rate * 0.1")],
                    [("learning_rate * 0.5", "learning_rate * 0.9")],
                ],
            },
            "compared-with-the-first-loss": {
                "says": "the loss is compared with the first one measured",
                "hint": "the docstring: the loss measured before it",
                "variants": [[("losses[-2][1]", "losses[0][1]")]],
            },
        },
        "one-hot": {
            "input-and-target-exchanged": {
                "says": "input and target are exchanged",
                "hint": "the docstring of sgd_step: the order of its arguments",
                "variants": [
                    [
                        (
                            "model.sgd_step(X_train[i], y_train[i], learning_rate)",
                            "model.sgd_step(y_train[i], X_train[i], learning_rate)",
                        )
                    ]
                ],
            },
        },
    },
    "bptt_linear_time": {
        "chain rule": {
            "later-outputs-forgotten": {
                "says": "what later outputs say about a step is not added",
                "hint": (
                    "∂E₃/∂W in section 4: s₂ reaches E₂, and through W also E₃ and every later one"
                ),
                "variants": [[("from_outputs[t] + later", "from_outputs[t]")]],
            },
            "only-the-last-output": {
                "says": "only the error of the last output is sent back",
                "hint": (
                    "the loss, a sum over time steps: each step adds its own error on the way back"
                ),
                "variants": [
                    [("from_outputs[t] + later", "(from_outputs[t] if t == T - 1 else 0) + later")]
                ],
            },
            "later-kept-adding": {
                "says": (
                    "what arrives from later steps is summed over all of them, not passed on "
                    "step by step"
                ),
                "hint": "the hop from δ⁽³⁾₃ to δ⁽³⁾₂: W is crossed once per hop",
                "variants": [
                    [("later = self.W.T.dot(delta[t])", "later = later + self.W.T.dot(delta[t])")]
                ],
            },
            "delta-without-W": {
                "says": "going back a step, the recurrent weights are left out",
                "hint": (
                    "the hop from δ⁽³⁾₃ to δ⁽³⁾₂: the state before reaches the next one through W"
                ),
                "variants": [[("later = self.W.T.dot(delta[t])", "later = delta[t]")]],
            },
        },
        "tanh derivative": {
            "no-tanh-derivative": {
                "says": "the derivative of tanh is missing",
                "hint": (
                    "the definition of δ⁽³⁾₃: it is the gradient with respect to what stands "
                    "inside the tanh of step 3"
                ),
                "variants": [[("* slope[t]", "")]],
            },
            "no-tanh-derivative-going-back": {
                "says": "the derivative of tanh is applied to the step's own error only",
                "hint": (
                    "the definition of δ⁽³⁾₂: it, too, is the gradient with respect to what "
                    "stands inside a tanh, that of step 2"
                ),
                "variants": [
                    [("(from_outputs[t] + later) * slope[t]", "from_outputs[t] * slope[t] + later")]
                ],
            },
            "no-tanh-derivative-at-the-output": {
                "says": "the derivative of tanh is applied only to what comes from later steps",
                "hint": (
                    "the definition of δ⁽³⁾₃: it is the gradient with respect to what stands "
                    "inside the tanh of step 3"
                ),
                "variants": [
                    [("(from_outputs[t] + later) * slope[t]", "from_outputs[t] + later * slope[t]")]
                ],
            },
            "tanh-derivative-without-the-square": {
                "says": (
                    "the derivative of tanh is taken as 1 − s instead of what the square gives"
                ),
                "hint": "the derivative of tanh, written with tanh itself",
                "variants": [[("1 - s ** 2", "1 - s")]],
            },
            "sigmoid-derivative": {
                "says": "the derivative of the sigmoid, s(1 − s), is used for tanh",
                "hint": "the first equation of the model: which function makes sₜ?",
                "variants": [[("1 - s ** 2", "s * (1 - s)")]],
            },
        },
        "one-hot": {
            "target-not-subtracted": {
                "says": "the error of the output is taken as ŷ: the target y was never subtracted",
                "hint": "the equation of ∂E₃/∂V: ŷ₃ − y₃",
                "variants": [[("delta_o[np.arange(T), y] -= 1.0", "pass")]],
            },
            "repeated-digits-lost": {
                "says": (
                    "when a digit occurs twice, only one of its contributions to dLdU "
                    "survives: NumPy's `A[:, x] += B` adds a repeated column once"
                ),
                "hint": (
                    "the sum over k in ∂E₃/∂U: two steps with the same digit share a column "
                    "and both count"
                ),
                "variants": [[("np.add.at(dLdU.T, x, delta)", "dLdU[:, x] += delta.T")]],
            },
        },
        "transpose": {
            "W-not-transposed": {
                "says": "the error goes back through W as if it went forward",
                "hint": "∂sₖ/∂sₖ₋₁: going back, entry (i, j) of W carries from i to j",
                "variants": [[("self.W.T.dot(delta[t])", "self.W.dot(delta[t])")]],
            },
            "dLdW-transposed": {
                "says": "dLdW is the transpose of what it should be",
                "hint": (
                    "the product Wsₜ₋₁: which index of W meets the new state, and which the "
                    "old one?"
                ),
                "variants": [[("delta[1:].T.dot(s[:T - 1])", "s[:T - 1].T.dot(delta[1:])")]],
            },
        },
        "time index": {
            "tanh-derivative-of-another-step": {
                "says": "the derivative of tanh is taken at a neighbouring step",
                "hint": "the definition of δ⁽³⁾₂: which step's tanh does it stand inside?",
                "variants": [[("slope[t]", "slope[t - 1]")], [("slope[t]", "slope[t + 1]")]],
            },
            "dLdW-with-the-new-state": {
                "says": "dLdW pairs delta with the state of the same step",
                "hint": "the first equation of the model: W multiplies the state before, sₜ₋₁",
                "variants": [[("delta[1:].T.dot(s[:T - 1])", "delta.T.dot(s[:T])")]],
            },
            "dLdV-with-another-state": {
                "says": "dLdV pairs the error of a step with the state of a neighbouring step",
                "hint": "the equation of ∂E₃/∂V: both vectors carry the same index",
                "variants": [
                    [("delta_o.T.dot(s[:-1])", "delta_o.T.dot(np.roll(s, 1, axis=0)[:-1])")],
                    [("delta_o.T.dot(s[:-1])", "delta_o.T.dot(s[1:])")],
                ],
            },
            "first-step-skipped": {
                "says": "the sweep stops before the first step",
                "hint": (
                    "the sum over k in ∂E₃/∂W: k = 0 is part of it (for U it is not even zero)"
                ),
                "variants": [[("np.arange(T)[::-1]", "np.arange(1, T)[::-1]")]],
            },
        },
        "truncation": {
            "truncated": {
                "says": "the sweep follows bptt_truncate",
                "hint": "the docstring: bptt_truncate plays no part here",
                "variants": [
                    [
                        (
                            "np.arange(T)[::-1]",
                            "np.arange(max(0, T - 1 - self.bptt_truncate), T)[::-1]",
                        )
                    ]
                ],
            },
            "truncated-as-bptt": {
                "says": "the truncated gradient is returned, as bptt gives it",
                "hint": "the docstring: bptt_truncate plays no part here",
                "variants": [[("T = len(y)", "return self.bptt(x, y)")]],
            },
        },
        "sign/scale": {
            "sign-of-the-error": {
                "says": "the sign is the opposite: the error is taken as y − ŷ",
                "hint": "the equation of ∂E₃/∂V: ŷ₃ − y₃, in this order",
                "variants": [[("y] -= 1.0", "y] -= 1.0\ndelta_o = -delta_o")]],
            },
            "mean-instead-of-sum": {
                "says": "the gradients are divided by the number of time steps",
                "hint": "the loss: it is the total over the sequence, not the mean",
                "variants": [[("y] -= 1.0", "y] -= 1.0\ndelta_o = delta_o / T")]],
            },
        },
    },
}
