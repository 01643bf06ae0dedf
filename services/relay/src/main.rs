//! Copies other regions' logs into this region's Redis, and takes back from them what this one lost.

mod admin;
mod config;
mod connection;
mod ground;
mod metrics;
mod pair;
mod run;
mod values;

use std::process::ExitCode;

const PROGRAM: &str = "relay";

fn main() -> ExitCode {
    let args = match service_shell::begin(PROGRAM) {
        Ok(args) => args,
        Err(code) => return code,
    };
    // Another one was installed before: that one is used then.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = match config::Config::new(args) {
        Ok(config) => config,
        Err(error) => return service_shell::failed(PROGRAM, error, Some(service_shell::USAGE)),
    };
    match run::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => service_shell::failed(PROGRAM, error, None),
    }
}
