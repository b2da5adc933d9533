//! The `gradphoto` command; everything it does is in [`gradphoto::cli`].

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// The C library keeps what a photo of up to ten megapixels took, once for each thread, for as long as the program runs; this
/// one gives it back (docs/performance.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    gradphoto::cli::run()
}
