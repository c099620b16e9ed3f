"""The one exception of gtnlab that a person may see."""

from __future__ import annotations


class GtnError(Exception):
    """What was asked cannot be done; the message says why and what to do about it."""
