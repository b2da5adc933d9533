//! File names and candidate lists: whose photo is this, whose is missing.
//!
//! [`rule`] reads a number and a name out of a file's name, [`table`] reads the list of candidates, [`compare`] lays one
//! against the other.

pub mod compare;
mod id_number;
pub mod rule;
pub mod table;

pub use compare::{Matcher, Matches};
pub use id_number::{IdFault, id_fault};
pub use rule::{Reader, Reading};
pub use table::{Candidate, Columns, Roster, RosterError};
