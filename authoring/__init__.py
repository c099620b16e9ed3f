"""Source notebooks to releases, solutions and the student bundle."""
