"""Jobs that wait for each other, as people and their programs start and steer them."""
