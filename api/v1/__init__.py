"""Version 1 of the API, one module per noun: parse, one service call, render."""
