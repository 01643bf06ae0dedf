//! `edge-host`: runs a Spin manifest on wasmtime, for machines without Spin.

mod app;
mod args;
mod bindings;
mod bounded;
mod compose;
mod composed;
mod deny;
mod engine;
mod guest;
mod handler;
mod hosts;
mod http_client;
mod http_pool;
mod limits;
mod log;
mod manifest;
mod names;
mod pattern;
mod providers;
mod raw;
mod redis;
mod redis_reply;
mod request;
mod routes;
mod runtime_config;
mod schema;
mod server;
mod stdio;
mod template;
mod tls;
mod variables;
mod variables_host;
mod vault;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Wrong flags, manifest, variables or components (`EX_USAGE`).
const EXIT_CONFIG: u8 = 64;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help and version come as errors, too, but are none.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(EXIT_CONFIG)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    log::start(args.log_json);
    if let Some(args::Command::Compose { out }) = &args.command {
        return match composed::write(&args.manifest, out) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, EXIT_CONFIG),
        };
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into(), 1),
    };
    let app = match runtime.block_on(app::App::load(&args)) {
        Ok(app) => app,
        Err(error) => return fail(&error, EXIT_CONFIG),
    };
    match runtime.block_on(serve(app, &args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "edge-host: {error:#}");
    ExitCode::from(code)
}

async fn serve(app: app::App, args: &args::Args) -> Result<()> {
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!(
            "cannot listen on {}: choose another address with --listen",
            args.listen
        )
    })?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{}", listener.local_addr()?)
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")?;
    server::serve(listener, app, args, async {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
    .await;
    Ok(())
}
