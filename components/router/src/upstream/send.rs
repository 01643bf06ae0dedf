//! One attempt at one upstream, bounded in time and size.

use std::rc::Rc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use spin_sdk::http::{HeaderMap, Response};
use spin_sdk::wasip3::http::types::{
    Fields, Method as WasiMethod, Request, RequestOptions, Scheme,
};
use spin_sdk::wasip3::{spawn, wit_future, wit_stream};
use tidegate_route::Method;
use tidegate_upstream::Origin;
use tidegate_upstream::attempt::End;
use tidegate_upstream::headers::{self, Field};
use tidegate_upstream::pool::Times;

use super::Outgoing;
use crate::alarm::{now_ms, within};

/// A whole answer.
pub(super) struct Given {
    pub(super) status: u16,
    pub(super) fields: Vec<Field>,
    pub(super) body: Vec<u8>,
    /// What `tidegate-load` said.
    pub(super) load: Option<String>,
}

/// Sends a request and reads the whole answer, in `left_ms` at most.
pub(super) async fn send(
    origin: &Origin,
    times: &Times,
    left_ms: u64,
    request: &Outgoing,
    most_bytes: usize,
) -> (End, Option<Given>) {
    let until_ms = now_ms().saturating_add(left_ms);
    let head_ms = left_ms.min(times.connect_ms + times.first_byte_ms);
    let request = match build(origin, times, request) {
        Ok(request) => request,
        Err(why) => return (End::Failed(why), None),
    };
    let response = match within(head_ms, spin_sdk::http::send(request)).await {
        None => return (End::Failed(format!("no answer within {head_ms} ms")), None),
        Some(Err(error)) => return (End::Failed(error.to_string()), None),
        Some(Ok(response)) => response,
    };
    let rest_ms = until_ms.saturating_sub(now_ms());
    match within(rest_ms, read(response, most_bytes)).await {
        None => (
            End::Failed("the answer was not whole in time".to_owned()),
            None,
        ),
        Some(Err(end)) => (end, None),
        Some(Ok(given)) => (End::Answered(given.status), Some(given)),
    }
}

async fn read(response: Response, most_bytes: usize) -> Result<Given, End> {
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    if !(200..=599).contains(&status) {
        return Err(End::Failed(format!("the answer has the status {status}")));
    }
    let fields = headers::backward(&each(&parts.headers)).map_err(|_| End::TooLarge)?;
    let announced = parts
        .headers
        .get("content-length")
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let collected = match Limited::new(body, most_bytes).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => return Err(End::TooLarge),
        Err(error) => return Err(End::Failed(format!("the answer broke off: {error}"))),
    };
    let load = parts
        .headers
        .get(headers::LOAD)
        .and_then(|load| load.to_str().ok());
    // Only an answer to `HEAD`, and 304, say the length of something else.
    let short = announced.is_some_and(|announced| announced > collected.len() as u64);
    if short && !collected.is_empty() {
        return Err(End::Failed("the answer is shorter than it says".to_owned()));
    }
    Ok(Given {
        status,
        fields,
        body: collected,
        load: load.map(str::to_owned),
    })
}

fn each(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect()
}

/// The request as the host takes it. It is put together here, not through the SDK, so that one without a body says so.
fn build(origin: &Origin, times: &Times, request: &Outgoing) -> Result<Request, String> {
    let mut fields = request.fields.clone();
    let may_have_body = matches!(request.method, Method::Post | Method::Put | Method::Patch);
    if may_have_body || !request.body.is_empty() {
        let length = request.body.len().to_string();
        fields.push(("content-length".to_owned(), length.into_bytes()));
    }
    let fields =
        Fields::from_list(&fields).map_err(|error| format!("a header cannot be sent: {error}"))?;
    let options = RequestOptions::new();
    let ns = |ms: u64| Some(ms.saturating_mul(1_000_000));
    // A host may not have all of these; the whole is bounded here all the same.
    let _ = options.set_connect_timeout(ns(times.connect_ms));
    let _ = options.set_first_byte_timeout(ns(times.first_byte_ms));
    let _ = options.set_between_bytes_timeout(ns(times.first_byte_ms));
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (built, _sent) = Request::new(fields, contents(&request.body), trailers, Some(options));
    let refused = |()| "the host does not take this request's line".to_owned();
    built.set_method(&method(request.method)).map_err(refused)?;
    let scheme = match origin.scheme() {
        "https" => Scheme::Https,
        _ => Scheme::Http,
    };
    built.set_scheme(Some(&scheme)).map_err(refused)?;
    built
        .set_authority(Some(&origin.authority()))
        .map_err(refused)?;
    built
        .set_path_with_query(Some(&request.target))
        .map_err(refused)?;
    Ok(built)
}

fn contents(body: &Rc<[u8]>) -> Option<spin_sdk::wit_bindgen::StreamReader<u8>> {
    if body.is_empty() {
        return None;
    }
    let (mut writer, reader) = wit_stream::new();
    let body = body.to_vec();
    spawn(async move {
        // Whoever does not read to the end has answered without it, or is gone.
        let _ = writer.write_all(body).await;
    });
    Some(reader)
}

fn method(method: Method) -> WasiMethod {
    match method {
        Method::Get => WasiMethod::Get,
        Method::Head => WasiMethod::Head,
        Method::Options => WasiMethod::Options,
        Method::Post => WasiMethod::Post,
        Method::Put => WasiMethod::Put,
        Method::Patch => WasiMethod::Patch,
        Method::Delete => WasiMethod::Delete,
    }
}
