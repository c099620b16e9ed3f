"""Submissions to grades: a sandbox, trusted tests, a diagnosis, one gradebook."""
