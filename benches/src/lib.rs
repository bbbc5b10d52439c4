//! Benchmarks live in `benches/`, one file per hot path.
