//! The handlers, one file a group.

pub mod catalog;
pub mod decisions;
pub mod ops;
pub mod page;
pub mod photos;
pub mod submissions;
pub mod verdict;
