//! edge-host

fn main() {}
