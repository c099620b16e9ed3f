"""Source notebooks to what students and staff get, and the check that nothing secret gets out.

Takes the notebooks of `source/` and nbgrader's configuration and gives `release/`, `solutions/`,
the students' zip and a sample class. Called by its own `cli`, by nbgrader
(`release.SelectExercises`) and, to read an instructor's notebook, by `autograder` (`exercises`,
`markers`). Imports nothing else of ours.
"""
