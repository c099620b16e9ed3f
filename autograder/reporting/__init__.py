"""What people read: the student's feedback page and the report on the class.

Takes the gradebook and the records in the graded notebooks and gives HTML, `grades.json` and a
table. Called by `cli` and, for feedback, by nbgrader. May import `recording` and what is below it.
"""
