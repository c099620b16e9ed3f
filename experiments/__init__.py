"""What staff run, and students do not install: sweeps, MLflow, publishing, and the results.

In come experiments and run directories; out go `data/curricula` and `docs/results.md`. Its
commands join `gtnlab` through entry points. May import `gtnlab`.
"""
