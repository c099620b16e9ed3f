"""The outer loop: teach a learner, differentiate its loss on real digits, improve the teacher.

Takes an experiment and gives a run directory and a recorded curriculum. Called by `explorer`
(live training) and `cli`. May import `evaluation` and the files of `gtnlab` itself.
"""
