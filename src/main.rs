//! The `switchyard` binary: parse, run, exit. Everything else is in the library.

use std::process::ExitCode;

use switchyard::cli;
use tikv_jemallocator::Jemalloc;

/// Gives memory back after a storm, which the system's allocator does not: what a thousand clients needed at once is
/// spread over its arenas.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    // First: `--help` and wrong usage end here, without a runtime.
    let cli = cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cli::run(cli));
    // Not waiting for what is still blocked in the background, as a read of a dead network disk.
    runtime.shutdown_background();
    code
}
