//! fanout

fn main() {}
