"""What people did, and what it burned."""
