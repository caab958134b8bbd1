"""The isolated process that holds keys and refuses everything it cannot explain."""
