#!/usr/bin/env bash
# Every check, in the order in which a failure is cheapest to read. Called by `make test`.
set -euo pipefail

echo "== generated notebooks match their sources, and nothing leaks"
authoring check

echo "== tests"
# loadfile: a file's fixtures (a sandbox, an executed notebook) are built once, in one worker.
# No window may open; the notebooks below keep the backend that Jupyter gives them.
MPLBACKEND=agg pytest --numprocesses "${TEST_WORKERS:-2}" --dist loadfile tests

# Cells tagged nbval-ignore-output hold timings, progress bars and live plots; every other output must repeat.
echo "== executed solutions still print what they printed (nbval)"
pytest --nbval --nbval-cell-timeout 600 solutions
