"""What Metronome does per second and within how many milliseconds, beside what others do on the same machine."""
