"""People: signing up, signing in, weight, time zone, tokens."""
