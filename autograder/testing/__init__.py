"""Runs one notebook: the student's cells in the sandbox, the instructor's tests here, on proxies.

Takes a notebook in the instructor's structure and gives its outputs, and what the diagnosis
says. Called by `scheduling`. May import `diagnosis`, `sandbox` and what is below them.
"""
