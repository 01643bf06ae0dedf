//! A word list that judges messages: what is refused, blotted out, or seen by its sender only.
//!
//! The list is sorted once and narrowed down sign by sign at each place of a text. That keeps thousands of words of a
//! namespace in little more memory than their text takes, and needs no automaton library in the component.

pub mod json;
pub mod limits;
mod list;
pub mod namespaces;
pub mod rules;
mod text;
pub mod verdict;

pub use list::WordList;
pub use namespaces::{ConfigureError, Namespaces};
pub use rules::RulesError;
pub use verdict::{Verdict, judge};
