from gtnlab_fixtures import *  # noqa: F403  (fixtures)
