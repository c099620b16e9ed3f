#!/usr/bin/env bash
# One assignment played through in demo/, a course root of its own: nothing here touches a real class's gradebook.
# Every line that starts with "$" is a command that an instructor would type at a course root.
set -euo pipefail

assignment=rnn-bptt
rm -rf demo
mkdir demo
cp -r source data nbgrader_config.py demo/
cd demo

run() {
  printf '\n$ %s\n' "$*"
  "$@"
}

run authoring release "$assignment"
run authoring solutions "$assignment"
run authoring sample-class "$assignment"
# Status 1 says that not every submission could be graded: otto's file is damaged on purpose.
run autograder grade "$assignment" || [ $? -eq 1 ]
run autograder feedback "$assignment"
run nbgrader export --log-level=WARN
run autograder report "$assignment"

cat <<END

What to look at, in $(pwd):
  release/$assignment/rnn_bptt.ipynb        what students get
  solutions/$assignment/rnn_bptt.ipynb      what staff read
  feedback/dora/$assignment/rnn_bptt.html   what a student reads back
  reports/$assignment/index.html            the class on one page
  grades.csv                              every grade, for a spreadsheet
  formgrader                              cd demo && ../.venv/bin/jupyter lab, then Nbgrader > Formgrader
END
