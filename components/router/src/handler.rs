//! The shell: from the host's request to the pipeline, and from its answer to the host's response.

#![allow(unsafe_code, reason = "the glue between wasm and Rust is generated")]

use spin_sdk::http::{Request, Response};
use spin_sdk::http_service;
use tidegate_api::Answer;

use crate::log;
use crate::pipeline;
use crate::request::Incoming;

#[http_service]
async fn handle(request: Request) -> Response<String> {
    let mut incoming = Incoming::of(request);
    let request_id = incoming.request_id();
    let mut quota = Vec::new();
    let outcome = pipeline::run(&mut incoming, &mut quota).await;
    if let Err(refusal) = &outcome {
        log::refusal(&request_id, &incoming, refusal);
    }
    let answer = outcome
        .unwrap_or_else(|refusal| refusal.answer())
        .with_all(quota);
    let answer = match crate::settings::kept() {
        Some(settings) => settings.cors.apply(answer, incoming.origin()),
        None => answer,
    };
    respond(answer.finish(&request_id))
}

fn respond(answer: Answer) -> Response<String> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let body = answer.body.map(|(_, text)| text).unwrap_or_default();
    match response.body(body) {
        Ok(response) => response,
        Err(error) => {
            // A header that HTTP does not allow, which nothing here makes: none holds what a caller wrote unchecked.
            eprintln!("an answer could not be built: {error}");
            let mut bare = Response::new(String::new());
            *bare.status_mut() = spin_sdk::http::StatusCode::INTERNAL_SERVER_ERROR;
            bare
        }
    }
}
