"""The course's one configuration: `nbgrader`, formgrader, `authoring` and `autograder` all read it.

nbgrader runs this file from the course root. Preprocessors are named, not imported, so that
reading the configuration costs nothing.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

c = get_config()  # noqa: F821  (nbgrader provides it)

COURSE = Path(__file__).resolve().parent

# The course's own preprocessors live beside this file; formgrader starts from another folder.
if str(COURSE) not in sys.path:
    sys.path.insert(0, str(COURSE))

from autograder.settings import grade_in_sandbox  # noqa: E402

# nbgrader calls alembic by its name to make a gradebook: let it be found in this environment even
# where that is not activated.
SCRIPTS = str(Path(sys.executable).parent)
if SCRIPTS not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([SCRIPTS, os.environ.get("PATH", os.defpath)])

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
    "misconceptions.*",
]

# Where releases and submissions change hands; on a JupyterHub, a folder that all users share.
c.Exchange.root = str(COURSE / "exchange")
with suppress(OSError):  # nbgrader reports an exchange that is not there as a critical fault
    (COURSE / "exchange").mkdir(exist_ok=True)

# --- Releases: which functions are blank, and how much help a blank gives ------------------------

c.SelectExercises.default_blanks = {
    # Any of forward_propagation, calculate_total_loss, bptt, sgd_step, train_with_sgd.
    "rnn-bptt": ["bptt"],
    # Any of these three.
    "gtn-lab": ["sgd_momentum_step", "inner_loop", "shuffled"],
}
# guided (commented steps), standard (signature and accumulators) or open (signature, docstring).
c.SelectExercises.level = "guided"
# In Colab the lab installs its package from course-students.zip. Students upload that file there,
# or the notebook downloads it from here: an https:// address that gives the file without a login.
c.SelectExercises.students_zip = ""

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

# Students' cells run in a sandbox, and the tests where students cannot reach them.
grade_in_sandbox(c)

# What one submission may use. A right answer to this course's homework takes about a second.
c.TrustedExecute.cell_seconds = 30
c.TrustedExecute.call_seconds = 10
c.TrustedExecute.submission_seconds = 300

# `nbgrader validate` runs a notebook whole, in nbgrader's own kernel; training runs and sliders
# carry this tag and are not needed to see whether the tests pass.
c.Execute.skip_cells_with_tag = "demonstration"
