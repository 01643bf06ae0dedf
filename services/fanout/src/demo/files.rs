//! The page's files, embedded.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// Path and content, the page's own and the client's.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

pub(super) async fn file(uri: Uri) -> Response {
    let path = match uri.path() {
        "/" => "/index.html",
        path => path,
    };
    match FILES.iter().find(|(known, _)| *known == path) {
        Some((_, content)) => (
            [
                (CONTENT_TYPE, media_type(path)),
                (CACHE_CONTROL, "no-cache"),
            ],
            *content,
        )
            .into_response(),
        None => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_and_client_are_embedded() {
        for path in ["/index.html", "/demo.js", "/tidegate/index.js"] {
            assert!(
                FILES
                    .iter()
                    .any(|(known, content)| *known == path && !content.is_empty()),
                "{path}"
            );
            assert_ne!(media_type(path), "application/octet-stream");
        }
    }
}
