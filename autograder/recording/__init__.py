"""What grading found, kept: results, scores, the graded notebook, nbgrader's gradebook.

Takes graded notebooks and their results and gives rows of the gradebook and folders of
`autograded/`. Called by `scheduling`, `reporting` and nbgrader's preprocessors. Knows results, not
how they came about: may import `submission`, `course` and `errors`.
"""
