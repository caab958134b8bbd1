"""The checker's report as one page for people, in English and Chinese, to be read and printed.

It decides nothing: it writes down claims that were checked. `words.txt` has all that it says, of
each thing the English line and the Chinese one.
"""
