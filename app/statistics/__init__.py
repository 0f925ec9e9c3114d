"""What the numbers of a person add up to."""
