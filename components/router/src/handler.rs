//! The shell: from the host's request to the pipeline, and from its answer to the host's response.

#![allow(unsafe_code, reason = "the glue between wasm and Rust is generated")]

use std::time::Instant;

use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::http_service;

use crate::log;
use crate::pipeline;
use crate::reply::{Finished, Reply};
use crate::request::Incoming;

type Body = FullBody<bytes::Bytes>;

#[http_service]
async fn handle(request: Request) -> Response<Body> {
    let begun = Instant::now();
    let mut incoming = Incoming::of(request);
    let request_id = incoming.request_id();
    let mut told = Vec::new();
    let outcome = pipeline::run(&mut incoming, &request_id, &mut told).await;
    if let Err(refusal) = &outcome {
        log::refusal(&request_id, &incoming, refusal);
    }
    if let Some(trace) = incoming.trace() {
        told.push(("traceresponse", trace.as_str().to_owned()));
    }
    let reply = outcome.unwrap_or_else(|refusal| Reply::Own(refusal.answer()));
    let settings = crate::settings::kept();
    let cors = settings.as_ref().map(|settings| &settings.cors);
    let finished = reply.finish(cors, incoming.origin(), told, &request_id);
    log::access(&request_id, &incoming, finished.status, begun.elapsed());
    respond(finished)
}

fn respond(finished: Finished) -> Response<Body> {
    let mut response = Response::builder().status(finished.status);
    for (name, value) in &finished.fields {
        response = response.header(name.as_str(), value.as_slice());
    }
    match response.body(Body::new(finished.body.into())) {
        Ok(response) => response,
        Err(error) => {
            // A header that HTTP does not allow, which nothing here makes: none holds what a caller wrote unchecked.
            eprintln!("an answer could not be built: {error}");
            let mut bare = Response::new(Body::default());
            *bare.status_mut() = spin_sdk::http::StatusCode::INTERNAL_SERVER_ERROR;
            bare
        }
    }
}
