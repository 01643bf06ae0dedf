//! Waiting until what was started can serve.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::{LOOK, Stop};

/// How long a part may take until it can serve. The edge compiles its components at the first start.
const DEADLINE: Duration = Duration::from_secs(90);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(3);
/// How much of an answer's body is shown.
const SHOWN_CHARS: usize = 300;

/// A part runs, but cannot serve.
#[derive(Debug, thiserror::Error)]
#[error("{what} is not ready after {seconds} s: {reason}")]
pub struct NotReady {
    what: String,
    seconds: u64,
    reason: String,
}

/// Polls `probe` until it says yes.
///
/// # Errors
/// What `check` says, an interruption, or [`NotReady`] with what `probe` said last when the time is over.
pub fn wait(
    stop: &Stop,
    what: &str,
    mut check: impl FnMut() -> Result<()>,
    mut probe: impl FnMut() -> Result<(), String>,
) -> Result<()> {
    wait_for(DEADLINE, stop, what, &mut check, &mut probe)
}

fn wait_for(
    deadline: Duration,
    stop: &Stop,
    what: &str,
    check: &mut dyn FnMut() -> Result<()>,
    probe: &mut dyn FnMut() -> Result<(), String>,
) -> Result<()> {
    let start = Instant::now();
    loop {
        check()?;
        stop.check()?;
        match probe() {
            Ok(()) => return Ok(()),
            Err(reason) if start.elapsed() >= deadline => {
                return Err(NotReady {
                    what: what.to_owned(),
                    seconds: deadline.as_secs(),
                    reason,
                }
                .into());
            }
            Err(_) => thread::sleep(LOOK),
        }
    }
}

/// Asks for `url` once.
///
/// # Errors
/// Why it is not ready: no answer, or another status than 200.
pub fn get(url: &str) -> Result<(), String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER))
        .http_status_as_error(false)
        .build();
    let mut answer = ureq::Agent::new_with_config(config)
        .get(url)
        .call()
        .map_err(|error| error.to_string())?;
    if answer.status() == 200 {
        return Ok(());
    }
    let body = answer.body_mut().read_to_string().unwrap_or_default();
    let body: String = body.chars().take(SHOWN_CHARS).collect();
    Err(format!(
        "{url} answers {}: {}",
        answer.status(),
        body.trim()
    ))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use anyhow::bail;

    use super::*;

    fn serve_once(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/readyz", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]);
            stream.write_all(answer.as_bytes()).unwrap();
        });
        url
    }

    #[test]
    fn only_200_is_ready_and_the_reason_is_shown() {
        get(&serve_once("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).unwrap();
        let reason = get(&serve_once(
            "HTTP/1.1 503 Busy\r\ncontent-length: 7\r\n\r\nno node",
        ))
        .unwrap_err();
        assert!(
            reason.ends_with("no node") && reason.contains("503"),
            "{reason}"
        );
    }

    #[test]
    fn the_last_reason_is_given_when_time_is_over() {
        let error = wait_for(
            Duration::ZERO,
            &Stop::never(),
            "the edge",
            &mut || Ok(()),
            &mut || Err("no".into()),
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "the edge is not ready after 0 s: no"
        );
    }

    #[test]
    fn a_death_ends_the_waiting_at_once() {
        let error = wait(
            &Stop::never(),
            "the edge",
            || bail!("edge has ended"),
            || Err("no".into()),
        );
        assert_eq!(error.unwrap_err().to_string(), "edge has ended");
    }
}
