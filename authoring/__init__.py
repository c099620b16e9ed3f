"""Source notebooks to releases and solutions, and the check that nothing secret gets out.

The rooms: `exercises` reads what a notebook's cells say, `blanks` rewrites them, `release` and
`solutions` build, `check` compares and looks for `leaks` (also in the `wheel`), `bundle` packs what
students get, `sample_class` hands in a class to try with; `course` is the folder on disk, `cli`
the command.
"""
