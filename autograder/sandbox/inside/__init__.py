"""What runs inside bubblewrap: a warm interpreter, and one confined process per submission.

Takes frames from the grader and gives frames with outputs and values. Nobody imports this outside
the sandbox but to name its constants. May import `protocol` and nothing else of ours: nothing else
can be seen from inside.
"""
