//! The `gradphoto` command; everything it does is in [`gradphoto::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    gradphoto::cli::run()
}
