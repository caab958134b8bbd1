"""Tables, types and sessions. The only place that knows which database is underneath."""
