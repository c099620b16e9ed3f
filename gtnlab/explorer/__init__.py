"""What one looks at: sliders over recorded curricula, live training, one offline page, pictures.

In come curricula; out come widgets, HTML and figures. Called by the lab and by `cli`. May import
`training`, `evaluation` and the files of `gtnlab` itself.
"""
