"""A class of submissions: many workers grade, one process writes.

Takes the name of an assignment and gives the results of every submission, written one by one.
Workers are processes of this machine or of a Dask cluster. Called by `cli`; nbgrader's
preprocessors use `worker` alone. May import everything below it.
"""
