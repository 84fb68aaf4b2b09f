"""The benchmarks' orchestration. Standard library only; the work itself is done by the programs beside it."""
