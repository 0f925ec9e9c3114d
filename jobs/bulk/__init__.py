"""Doing the same to many jobs."""
