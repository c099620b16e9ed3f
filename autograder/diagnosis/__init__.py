"""Which misconception an answer shows.

Takes a student's function, as a proxy, and the misconceptions of the assignment and gives labels
and one friendly paragraph. Mutants of the reference answer (answers with one mistake put in) are
tried on the same probes (fresh inputs) as the student's. Called by `testing`. May import
`submission`, `protocol` and what is below them, never the sandbox.
"""
