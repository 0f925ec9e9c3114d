"""What people intend to do, by rule or by a model."""
