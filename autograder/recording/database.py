"""The connection to nbgrader's gradebook: transactions, and errors that say what to do."""

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


class Database:
    """nbgrader's gradebook, opened once.

    Attributes:
        url: SQLAlchemy's URL of the database.
        gradebook: nbgrader's own interface.
        session: SQLAlchemy's session of it.

    Raises:
        AutograderError: there is no database, or it cannot be opened.
    """

    def __init__(self, url: str, course: str) -> None:
        with _driver_explained():
            location = make_url(url)
        if location.drivername.startswith("sqlite") and not Path(str(location.database)).is_file():
            raise AutograderError(
                f"There is no gradebook at {location.database}. Release an assignment first: "
                "`nbgrader generate_assignment ASSIGNMENT` makes it."
            )
        if location.drivername.startswith("sqlite"):
            # formgrader may be writing: wait for it rather than fail
            location = location.update_query_dict({"timeout": str(_PATIENCE_SECONDS)})
        self.url = url
        with self._explained(), _driver_explained():
            self.gradebook = api.Gradebook(
                location.render_as_string(hide_password=False), course or "default_course"
            )
        self.session = self.gradebook.db

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """A database that cannot be used is said to be so in a sentence."""
        try:
            yield
        except SQLAlchemyError as error:
            raise _unusable(self.url, error) from error

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction of which nothing is kept."""
        with self._explained():
            try:
                yield
            finally:
                self.session.rollback()

    @contextmanager
    def writing(self, *, keep: bool = True) -> Iterator[None]:
        """One transaction: all of it or, after any error or where it is not to keep, nothing."""
        with self._explained():
            try:
                yield
                if keep:
                    self.session.commit()
            finally:
                self.session.rollback()
                self.session.remove()


@contextmanager
def _driver_explained() -> Iterator[None]:
    """Say that the address in the configuration is none, or needs a driver that is not there."""
    try:
        yield
    except (ArgumentError, ImportError) as error:
        option = "c.CourseDirectory.db_url"
        raise AutograderError(
            f"{CONFIG_FILE}{line_of(option)}: {option} cannot be used. {error}. Write an address "
            "of SQLAlchemy's, such as sqlite:////course/gradebook.db, and install its driver."
        ) from error


def _unusable(url: str, error: SQLAlchemyError) -> AutograderError:
    if "database is locked" in str(error):
        return AutograderError(
            f"Another program holds the gradebook {url}: formgrader, `nbgrader`, or a browser for "
            f"databases. It was waited for {_PATIENCE_SECONDS} seconds. Close it, or wait until "
            "it is done, and run this again; what is graded already stays graded."
        )
    return AutograderError(
        f"The gradebook {url} cannot be used ({type(error).__name__}: {error}). If nbgrader was "
        "upgraded, back it up and run `nbgrader db upgrade`."
    )
