"""What Hypothesis draws: the same each time, unless new cases are asked for.

A build that is red says that a change is wrong. One that draws new cases may also be red for what
was wrong before, and for somebody who changed something else. So `make test` plays the same cases
each time, and `make properties` looks for new ones.
"""

from hypothesis import settings

settings.register_profile("same", derandomize=True)
settings.register_profile("new", derandomize=False, print_blob=True)
settings.load_profile("same")
