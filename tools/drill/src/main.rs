//! `drill`: reads what to do from standard input, one JSON object a line, and says on standard output what comes of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    match drill::run::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("drill: {error:#}");
            ExitCode::FAILURE
        }
    }
}
