"""The process that student code runs in.

Takes cells and calls and gives outputs and values, as data. The modules here are the grader's
end: they start bubblewrap and watch over it. Those in `inside` run within it. Called by `testing`
and `scheduling`. May import `protocol` and `errors` only.
"""
