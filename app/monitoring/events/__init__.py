"""The event log: what happened, kept for some days, found again, and sent on."""
