"""The emulator's own tests: `python3 -m unittest discover -s localstack -t localstack` (about two minutes)."""
