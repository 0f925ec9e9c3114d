"""Nudging people who have not logged."""
