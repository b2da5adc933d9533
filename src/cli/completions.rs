//! `completions`: shell completion scripts.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, CliError};

/// Writes the script for `shell`.
pub fn run(shell: Shell, out: &mut dyn Write) -> Result<(), CliError> {
    // The generator panics on a failed write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gradphoto", &mut script);
    Ok(out.write_all(&script)?)
}
