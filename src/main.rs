//! The `otfhpc` program.
fn main() {}
