"""The fault campaign: a real network under traffic, broken on purpose again and again; an independent checker judges."""
