"""What one looks at: sliders over recorded curricula, live training, one offline page, pictures.

Takes curricula and gives widgets, HTML and figures. Called by the lab and by `cli`. May import
`training`, `evaluation` and the files of `gtnlab` itself.
"""
