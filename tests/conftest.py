"""Fixtures that every test may ask for."""

pytest_plugins = (
    "tests.support.budget",
    "tests.support.database",
    "tests.support.properties",
    "tests.support.scheduling",
)
