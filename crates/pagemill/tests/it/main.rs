//! Tests as a person would use it: the real binary, real PDFs.
