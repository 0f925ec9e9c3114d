"""What this installation is and runs on."""
