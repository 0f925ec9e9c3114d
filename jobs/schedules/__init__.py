"""What runs when: the only importer of apscheduler."""
