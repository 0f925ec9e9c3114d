"""Looking by the clock whether something is an alert, or is one no longer."""
