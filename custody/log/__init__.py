"""The transparency log: what this house says of itself, so that it can't say something else later.

`leaf` and `tiles` are pure; `repository` has the rows; `writing` appends and signs, one process at
a time; `witnesses` has others cosign; `reading` makes proofs and the static files (ADR 0107).
"""
