"""Submissions to grades, for any nbgrader assignment.

Takes the folders of `submitted/` and the instructor's release and gives scores in nbgrader's
gradebook, graded notebooks in `autograded/`, feedback pages and a report on the class. `cli` and
`preprocessors` (nbgrader's and formgrader's way in) are the two doors. A submission goes through
the rooms in this order: `scheduling` hands it out, `submission` reads it, `testing` runs it with
the help of `sandbox`, `protocol` and `diagnosis`, `recording` keeps what came of it, `reporting`
shows it. `docs/architecture.md` draws the way. Of `authoring` only what reads an instructor's
notebook may be imported.
"""
