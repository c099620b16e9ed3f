"""What crosses between grader and sandbox: frames of JSON and raw arrays, and the limits.

Takes values and gives bytes, and back again, with every type and size checked. Used at both
ends, so it imports nothing of ours but errors.
"""
