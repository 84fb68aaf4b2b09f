"""Labelled traffic for `punnet judge`, and what its verdicts are worth. See bench/detection/README.md."""
