"""What changes hands with a learning platform: submissions in, feedback and grades out.

In come a download (Moodle's or Canvas's zip, a folder, nbgrader's exchange) and rosters; out go
`submitted/STUDENT/ASSIGNMENT`, zips of feedback pages and gradebook files. `cli.py` calls it, and
`nbgrader export` its exporters. It may import `recording`, `submission`, `course` and below; how
submissions are graded, it does not know.
"""
