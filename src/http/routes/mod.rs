//! The handlers, one file a group.

pub mod catalog;
pub mod ops;
pub mod page;
pub mod photos;
pub mod verdict;
