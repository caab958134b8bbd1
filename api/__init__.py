"""HTTP and the console: parse, call one service, render."""
