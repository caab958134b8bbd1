"""Takes back what was booked from blocks that turned out not to be on the chain."""
