"""nbgrader for people's own servers: where the exchange is, and of which course."""

c = get_config()  # noqa: F821  (nbgrader provides it)

c.CourseDirectory.course_id = "unrolled"
c.Exchange.root = "/srv/nbgrader/exchange"
# Validating runs the notebook; long training and sliders are not needed to see the checks pass.
c.Execute.skip_cells_with_tag = "demonstration"
