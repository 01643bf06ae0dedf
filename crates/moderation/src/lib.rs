//! A word list that judges messages: what is refused, blotted out, or seen by its sender only.
//!
//! Words and texts are compared folded: without width (NFKC), case, signs that nobody sees, and look-alikes of Latin,
//! Cyrillic and Greek; texts also with digits read as letters. In scripts that put spaces between words a word is found
//! only as a whole, in the others anywhere. `allow` excepts: `大陆架` from `大陆`.
//!
//! The list is sorted once and narrowed down sign by sign at each place of a text. That keeps thousands of words of a
//! namespace in little more memory than their text takes, and needs no automaton library in the component.

pub mod json;
pub mod limits;
mod list;
mod lookalike;
pub mod namespaces;
pub mod rules;
mod text;
pub mod verdict;

pub use list::WordList;
pub use namespaces::{ConfigureError, Namespaces};
pub use rules::RulesError;
pub use verdict::{Verdict, judge};
