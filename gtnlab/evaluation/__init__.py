"""How well fresh learners do on real digits after a curriculum.

Takes a curriculum and digits and gives accuracies with intervals: in other orders, for other
learners, beside real images, and as a predictor for architecture search. Called by `training`,
`explorer` and `cli`. May import the files of `gtnlab` itself.
"""
