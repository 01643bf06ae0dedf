//! What the tests of this package look at: cargo's view of the workspace, and git's list of files.

mod metadata;
mod tracked;

pub use metadata::{Dependency, Member, Metadata};
pub use tracked::{files, root};
