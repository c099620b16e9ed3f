"""What runs inside bubblewrap: a warm interpreter, and one confined process per submission.

In come frames from the grader; out go frames with outputs and values. Nobody imports this outside
the sandbox but to name its constants. May import `protocol` and nothing else of ours: nothing else
can be seen from inside.
"""
