//! Keys: who may ask what. The file holds their hashes ([`file`]); the ring is what the running service knows
//! (`ring`).

mod file;
mod ring;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use file::{KeyError, KeyFile, Secret, StoredKey};
pub use ring::{Identity, KeyRing};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A portal that sends candidates' photos.
    Portal,
    /// Staff of an office.
    Staff,
    /// Who decides what machines cannot; reads and decides, sends no photos.
    Reviewer,
    /// Who runs the service.
    Admin,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// To send a photo.
    Photos,
    /// To read profiles, checks and problems.
    Read,
    /// To read the metrics.
    Metrics,
    /// To read a submission; a portal only what its own key sent.
    Submission,
    /// To list submissions and export decisions.
    Queue,
    /// To decide.
    Decide,
    /// To send batches, and to read and delete those of the own key; an admin all.
    Batches,
    /// To delete submissions and read the audit trail.
    Records,
}

impl Role {
    /// All of them.
    pub const ALL: &[Role] = &[Role::Portal, Role::Staff, Role::Reviewer, Role::Admin];

    /// Whether this role includes `permission`.
    pub fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Read | Permission::Submission => true,
            Permission::Photos => matches!(self, Role::Portal | Role::Staff | Role::Admin),
            Permission::Queue => matches!(self, Role::Staff | Role::Reviewer | Role::Admin),
            Permission::Decide => matches!(self, Role::Reviewer | Role::Admin),
            Permission::Batches => matches!(self, Role::Staff | Role::Admin),
            Permission::Metrics | Permission::Records => self == Role::Admin,
        }
    }

    /// Its name in files and arguments.
    pub fn name(self) -> &'static str {
        match self {
            Role::Portal => "portal",
            Role::Staff => "staff",
            Role::Reviewer => "reviewer",
            Role::Admin => "admin",
        }
    }
}
