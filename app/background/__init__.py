"""Background jobs as people and their programs see and steer them."""
