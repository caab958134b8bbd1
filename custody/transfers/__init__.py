"""Money going out: what was asked, what may happen to it, and who moves it forward."""
