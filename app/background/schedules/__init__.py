"""Recurring jobs as people and their programs make and steer them."""
