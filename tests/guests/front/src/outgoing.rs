//! Outbound HTTP as the test asks for it.

use http_body_util::BodyExt;
use spin_sdk::http::{EmptyBody, FullBody, HeaderName, Request, Response};
use spin_sdk::wasip3::http::types::RequestOptions;
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;

/// What begins so in the request that came is sent on without it.
const FORWARD: &str = "forward-";

/// Sends `method` to `address` with the body that came, if any. `wait-connect`, `wait-first` and `wait-between` are
/// time-outs in milliseconds.
pub async fn ask(method: &str, address: &str, came: Request) -> String {
    let mut asked = Request::<()>::builder().method(method).uri(address);
    for (name, value) in came.headers() {
        if let Some(name) = name.as_str().strip_prefix(FORWARD) {
            asked = asked.header(name.parse::<HeaderName>().unwrap(), value);
        }
    }
    let options = RequestOptions::new();
    let wait = |name: &str| -> Option<u64> {
        let ms: u64 = came.headers().get(name)?.to_str().ok()?.parse().ok()?;
        Some(ms * 1_000_000)
    };
    options.set_connect_timeout(wait("wait-connect")).unwrap();
    options.set_first_byte_timeout(wait("wait-first")).unwrap();
    options
        .set_between_bytes_timeout(wait("wait-between"))
        .unwrap();
    asked = asked.extension(RequestOptionsExtension(options));
    let body = came.into_body().collect().await.unwrap().to_bytes();
    let sent = if body.is_empty() {
        spin_sdk::http::send(asked.body(EmptyBody::new()).unwrap()).await
    } else {
        spin_sdk::http::send(asked.body(FullBody::new(body)).unwrap()).await
    };
    match sent {
        Ok(answer) => told(answer).await,
        Err(error) => format!("{error:?}"),
    }
}

async fn told(answer: Response) -> String {
    let mut text = format!("{}\n", answer.status().as_u16());
    for (name, value) in answer.headers() {
        text += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    match answer.into_body().collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            text += &format!("{} bytes\n", body.len());
            text += &String::from_utf8_lossy(&body[..body.len().min(2_000)]);
        }
        Err(error) => text += &format!("{error:?}"),
    }
    text
}
