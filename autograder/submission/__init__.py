"""What was handed in and what should have been.

Takes the bytes of a student's files and the instructor's notebook; out goes a notebook in the
instructor's structure, with the student's answers in it. Called by `scheduling` and by nbgrader's
preprocessors. May import `course`, `errors` and, of `authoring`, what reads a notebook.
"""
