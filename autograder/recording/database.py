"""The way to nbgrader's gradebook: opened with patience, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbgrader import api
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from authoring.config import CONFIG_FILE
from autograder.errors import AutograderError
from autograder.options import line_of

_PATIENCE_SECONDS = 60


def open_gradebook(url: str, course: str) -> api.Gradebook:
    """nbgrader's own interface to the database at `url`, SQLAlchemy's address of it.

    Raises:
        AutograderError: there is no database, or it cannot be opened.
    """
    with explained(url):
        location = make_url(url)
        if location.drivername.startswith("sqlite"):
            if not Path(str(location.database)).is_file():
                raise AutograderError(
                    f"There is no gradebook at {location.database}. Release an assignment first: "
                    "`nbgrader generate_assignment ASSIGNMENT` makes it."
                )
            # formgrader may be writing: wait for it rather than fail
            location = location.update_query_dict({"timeout": str(_PATIENCE_SECONDS)})
        address = location.render_as_string(hide_password=False)
        return api.Gradebook(address, course or "default_course")


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Say in a sentence why the database at `url` cannot be used.

    Raises:
        AutograderError: the address is none or lacks its driver, another program holds the
            database, or it is damaged or of another version.
    """
    try:
        yield
    except (ArgumentError, ImportError) as error:
        option = "c.CourseDirectory.db_url"
        raise AutograderError(
            f"{CONFIG_FILE}{line_of(option)}: {option} cannot be used. {error}. Write an address "
            "of SQLAlchemy's, such as sqlite:////course/gradebook.db, and install its driver."
        ) from error
    except SQLAlchemyError as error:
        if "database is locked" in str(error):
            raise AutograderError(
                f"Another program holds the gradebook {url}: formgrader, `nbgrader`, or a browser "
                f"for databases. It was waited for {_PATIENCE_SECONDS} seconds. Close it, or wait "
                "until it is done, and run this again; what is graded already stays graded."
            ) from error
        raise AutograderError(
            f"The gradebook {url} cannot be used ({type(error).__name__}: {error}). If nbgrader "
            "was upgraded, back it up and run `nbgrader db upgrade`."
        ) from error
