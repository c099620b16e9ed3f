"""The one exception family of the autograder that a person may see."""

from __future__ import annotations


class AutograderError(Exception):
    """Grading could not do what was asked; the message says what to do about it."""
