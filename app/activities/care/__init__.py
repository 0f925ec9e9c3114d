"""What admins do with other people's activities."""
