"""A JupyterHub for the course: students' servers, instructors' servers, and one formgrader.

README.md beside this file says how to set up the accounts and folders that it takes for granted.
"""

import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821  (JupyterHub provides it)

# --- What to change -------------------------------------------------------------------------------

# Accounts of the system. People log in with their password there.
INSTRUCTORS = {"instructor"}
STUDENTS = {"student"}

# Where browsers find the hub. In earnest, a web server in front of it speaks https.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# --- The rest follows -----------------------------------------------------------------------------

COURSE = "unrolled"  # c.CourseDirectory.course_id in the course's nbgrader_config.py
GRADER = f"grader-{COURSE}"  # owns the course folder, the gradebook and every grade
HERE = Path(__file__).resolve().parent
PROGRAMS = Path(sys.executable).parent

c.Authenticator.allowed_users = INSTRUCTORS | STUDENTS
# The hub's own memory is for root alone; people's servers read the settings beside it.
STATE = HERE / "state"
STATE.mkdir(mode=0o700, exist_ok=True)
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{STATE}/jupyterhub.sqlite"
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
# Debian's proxy finds its libraries here, also where node itself is not Debian's.
os.environ.setdefault("NODE_PATH", "/usr/share/nodejs")


def settings(*folders):
    """Folders of Jupyter settings, the first wins: they decide which of nbgrader's pages show."""
    return ":".join(str(HERE / "settings" / folder) for folder in folders)


def settings_of(spawner):
    if spawner.user.name in INSTRUCTORS:
        return settings("everyone")
    return settings("students", "everyone")


# --- Everyone's own server ------------------------------------------------------------------------

c.Spawner.cmd = [str(PROGRAMS / "jupyterhub-singleuser")]
c.Spawner.default_url = "/lab"
c.Spawner.environment = {
    "JUPYTER_CONFIG_PATH": settings_of,
    "GTN_CURRICULA": str(HERE / "curricula"),
}
# Course List asks the formgrader whether it is there. A server never has more rights than its
# owner: a student's gets the first two of these.
c.Spawner.server_token_scopes = [
    "users:activity!user",
    "access:servers!server",
    f"access:services!service={COURSE}",
]

# --- The formgrader -------------------------------------------------------------------------------

# One for all instructors, on an account of its own: they share a gradebook, and students can read
# nothing of the course folder. It opens in a browser tab of its own, never in a frame: were framing
# allowed, a student's page could work the formgrader in the instructor's name.
c.JupyterHub.services = [
    {
        "name": COURSE,
        "url": "http://127.0.0.1:9999",
        "command": [
            str(PROGRAMS / "jupyterhub-singleuser"),
            f"--ServerApp.root_dir=/home/{GRADER}",
        ],
        "user": GRADER,
        "cwd": f"/home/{GRADER}/course",
        "environment": {
            "HOME": f"/home/{GRADER}",
            "JUPYTER_CONFIG_PATH": settings("formgrader"),
            "JUPYTERHUB_DEFAULT_URL": "/formgrader",
            "PYTHONPATH": str(HERE),  # for formgrader_tab.py
        },
        "oauth_no_confirm": True,
        "timeout": 180,  # seconds to start, on a busy machine too: the hub gives up if it is late
    }
]
c.JupyterHub.load_groups = {f"formgrade-{COURSE}": {"users": sorted(INSTRUCTORS)}}
c.JupyterHub.load_roles = [
    {
        "name": f"formgrade-{COURSE}",
        "groups": [f"formgrade-{COURSE}"],
        "scopes": [f"access:services!service={COURSE}", f"list:services!service={COURSE}"],
    }
]
