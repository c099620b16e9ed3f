"""The one exception family of the authoring package that a person may see."""

from __future__ import annotations


class AuthoringError(Exception):
    """A course file could not be built or read; the message names the file and the fix."""
