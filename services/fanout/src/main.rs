//! Holds viewers' sockets and sends them what is appended to their region's streams.

mod admin;
mod away;
mod chance;
mod clock;
mod config;
mod demo;
mod duties;
mod engine;
mod link;
mod listing;
mod metrics;
mod node;
mod probe;
mod regions;
mod reload;
mod run;
mod stop;
mod tail;
mod tls;

use std::process::ExitCode;

const PROGRAM: &str = "fanout";

fn main() -> ExitCode {
    let set = std::env::var_os(config::TICKET_KEYS).is_some();
    let args = match service_shell::begin(PROGRAM) {
        Ok(args) => args,
        Err(code) => return code,
    };
    let config = match config::Config::new(args, !set) {
        Ok(config) => config,
        Err(error) => return service_shell::failed(PROGRAM, error, Some(service_shell::USAGE)),
    };
    match run::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => service_shell::failed(PROGRAM, error, None),
    }
}
