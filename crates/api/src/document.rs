//! The description of the HTTP interface, as the edge serves it.

use tidegate_stream::digest;

use crate::answer::Answer;
use crate::limits::DOCUMENT_S;

/// `docs/openapi.yaml`, as it was when the edge was built.
pub const TEXT: &str = include_str!("../../../docs/openapi.yaml");

/// Answers `GET /v1/openapi.yaml`; 304 to who has it already.
pub fn answer(if_none_match: Option<&str>) -> Answer {
    let tag = format!("\"{}\"", digest::body(TEXT.as_bytes()));
    let answer = if if_none_match.is_some_and(|known| matches(known, &tag)) {
        Answer::not_modified()
    } else {
        Answer::text(200, "application/yaml", TEXT)
    };
    answer
        .with("etag", tag)
        .with("cache-control", format!("public, max-age={DOCUMENT_S}"))
}

/// RFC 9110, section 13.1.2: a list of tags or `*`, compared weakly.
fn matches(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sent_whole_and_may_be_kept() {
        let answer = answer(None).finish("r");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/yaml"));
        assert_eq!(
            answer.header("content-length"),
            Some(TEXT.len().to_string().as_str())
        );
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
        let kept = answer
            .headers
            .iter()
            .filter(|(name, _)| *name == "cache-control");
        assert_eq!(kept.count(), 1);
    }

    #[test]
    fn who_has_it_is_told_so() {
        let whole = answer(None);
        let tag = whole.header("etag").unwrap();
        for known in [tag, "*", &format!("W/{tag}"), &format!("\"a\", {tag}")] {
            let answer = answer(Some(known));
            assert_eq!(
                (answer.status, answer.body.is_none()),
                (304, true),
                "{known}"
            );
            assert_eq!(answer.header("etag"), Some(tag));
        }
        for other in ["", "\"a\"", "W/\"a\""] {
            assert_eq!(answer(Some(other)).status, 200, "{other}");
        }
    }
}
