"""The course's one configuration: `nbgrader`, formgrader, `authoring` and `autograder` all read it.

nbgrader runs this file from the course root. Preprocessors are named, not imported, so that
reading the configuration costs nothing.
"""

import sys
from contextlib import suppress
from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader provides it)

COURSE = Path(__file__).resolve().parent

# The course's own preprocessors live beside this file; formgrader starts from another folder.
if str(COURSE) not in sys.path:
    sys.path.insert(0, str(COURSE))

# --- The course and its folders ----------------------------------------------------------------

c.CourseDirectory.course_id = "unrolled"
c.CourseDirectory.root = str(COURSE)
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.submitted_directory = "submitted"
c.CourseDirectory.autograded_directory = "autograded"
c.CourseDirectory.feedback_directory = "feedback"
# nbgrader copies every other file of an assignment to the students: these stay here.
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    "misconceptions.py",
]

# Where releases and submissions change hands; on a JupyterHub, a folder that all users share.
c.Exchange.root = str(COURSE / "exchange")
with suppress(OSError):  # nbgrader reports an exchange that is not there as a critical fault
    (COURSE / "exchange").mkdir(exist_ok=True)

# --- Releases: which functions are blank, and how much help a blank gives ------------------------

# Any of forward_propagation, calculate_total_loss, bptt, sgd_step, train_with_sgd.
c.SelectExercises.blanks = ["bptt"]
# guided (commented steps), standard (signature and accumulators) or open (signature, docstring).
c.SelectExercises.level = "guided"

c.GenerateAssignment.preprocessors = [
    # First: it writes the solution regions that ClearSolutions below empties, and takes away the
    # points and tests that SaveCells must not record.
    "authoring.release.SelectExercises",
    # From here on, nbgrader's own list. The gradebook gets the tests (SaveCells) before the
    # release loses them (ClearHiddenTests), which is why checksums are computed twice.
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.InstantiateTests",
    "nbgrader.preprocessors.LockCells",
    "nbgrader.preprocessors.ClearSolutions",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# An untouched stub fails every test instead of passing the lenient ones.
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}

# --- Grading -------------------------------------------------------------------------------------

# nbgrader's copy of a submission, made sound before it is run.
c.Autograde.sanitize_preprocessors = [
    # First: the preprocessors below trip over cells that were copied, deleted or edited.
    "autograder.mend.MendSubmission",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.DeduplicateIds",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# A test cell that a student deleted is put back and scores, instead of leaving no grade at all.
c.OverwriteCells.add_missing_cells = True

# Training runs and sliders carry this tag: they show something and are not needed to grade.
c.Execute.skip_cells_with_tag = "demonstration"
