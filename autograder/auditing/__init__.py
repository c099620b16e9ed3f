"""Finds out how each test cell of an assignment is to be run, before anybody is graded by it.

Takes an instructor's notebook and gives verdicts, by running the assignment's own solution and
the untouched stub through every test; keeps them with the course. Called by `scheduling` and by
the commands. May import `testing` and what is below it.
"""
