"""The outer loop: teach a fresh learner, differentiate its loss on real digits, improve the teacher.

In comes an experiment; out come a run directory and a recorded curriculum. Called by `explorer`
(live training) and `cli`. May import `evaluation` and the files of `gtnlab` itself.
"""
