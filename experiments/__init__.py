"""What staff run, and students do not install: sweeps, MLflow, publishing, and the results.

Takes experiments and run directories and gives `data/curricula` and `docs/results.md`. Its
commands join `gtnlab` through entry points. May import `gtnlab`.
"""
