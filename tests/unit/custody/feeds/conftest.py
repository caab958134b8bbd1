"""The desks of those who send money."""

from tests.unit.custody.transfers.conftest import every as every
