//! `keys`: who may use the service.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use unicode_width::UnicodeWidthStr;

use super::CliError;
use crate::http::keys::{KeyFile, Role};

/// Arguments of `keys`.
#[derive(Debug, Clone, Args)]
pub struct KeysArgs {
    /// File of keys
    #[arg(long, value_name = "FILE", default_value = "keys.toml", global = true)]
    pub file: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Make a key and print it; it is shown this once
    Add {
        /// What it is for
        role: RoleChoice,
        /// Who gets it
        name: String,
    },
    /// List the keys, without the keys themselves
    List,
    /// Revoke a key; a running service follows within seconds
    Revoke {
        /// Who had it
        name: String,
    },
}

/// What a key is for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleChoice {
    /// Sends candidates' photos
    Portal,
    /// Sends photos, for an office
    Staff,
    /// Decides on photos that wait for a person
    Reviewer,
    /// Everything, and the metrics
    Admin,
}

impl From<RoleChoice> for Role {
    fn from(choice: RoleChoice) -> Self {
        match choice {
            RoleChoice::Portal => Role::Portal,
            RoleChoice::Staff => Role::Staff,
            RoleChoice::Reviewer => Role::Reviewer,
            RoleChoice::Admin => Role::Admin,
        }
    }
}

/// Makes, lists or revokes keys.
///
/// # Errors
/// When the file cannot be read or written, or the name is taken, unusable or unknown.
pub fn run(args: &KeysArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let mut file = KeyFile::load_or_empty(&args.file).map_err(CliError::other)?;
    match &args.command {
        Command::Add { role, name } => {
            let secret = file.add((*role).into(), name).map_err(CliError::other)?;
            file.save(&args.file).map_err(CliError::other)?;
            writeln!(out, "{}", secret.expose())?;
        }
        Command::Revoke { name } => {
            file.revoke(name).map_err(CliError::other)?;
            file.save(&args.file).map_err(CliError::other)?;
        }
        Command::List => {
            let width = file.keys.iter().map(|key| key.name.width()).max().unwrap_or(0);
            for key in &file.keys {
                let gap = " ".repeat(width - key.name.width());
                let state = key.revoked.as_ref().map_or_else(String::new, |when| format!("  revoked {when}"));
                writeln!(out, "{}{gap}  {:8}  created {}{state}", key.name, key.role.name(), key.created)?;
            }
        }
    }
    Ok(())
}
