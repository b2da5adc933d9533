//! The handlers, one file a group.

pub mod batches;
pub mod catalog;
pub mod decisions;
mod file;
pub mod ops;
pub mod page;
pub mod photos;
pub mod submissions;
pub mod verdict;
