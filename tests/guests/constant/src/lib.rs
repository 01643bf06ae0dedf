//! A component that answers the same to everybody: what a host takes for a request by itself.

use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

const ANSWER: &str = "ok\n";

#[http_service]
async fn constant(_: Request) -> anyhow::Result<Response<FullBody<&'static [u8]>>> {
    let answer = Response::builder()
        .header("content-type", "text/plain")
        .header("content-length", ANSWER.len())
        .body(FullBody::new(ANSWER.as_bytes()))?;
    Ok(answer)
}
