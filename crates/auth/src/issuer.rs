//! The address of an issuer's keys.

use tidegate_stream::host::is_loopback;

/// Longest address, in bytes.
const URL_BYTES: usize = 1_024;

/// Puts the address together. They are two variables because the origin is also what the manifest allows, where a path has
/// no place. Without an origin there is none.
///
/// # Errors
/// A text that says what is wrong. Keys that came over a connection that anybody can change would let anybody sign, so only
/// loopback may do without TLS.
pub fn url(origin: &str, path: &str) -> Result<Option<String>, String> {
    if origin.is_empty() {
        return Ok(None);
    }
    let origin = origin.strip_suffix('/').unwrap_or(origin);
    let (scheme, authority) = origin
        .split_once("://")
        .ok_or("write https://host or https://host:port")?;
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(sign) {
        return Err("write https://host or https://host:port".to_owned());
    }
    match scheme {
        "https" => {}
        "http" if is_loopback(host(authority)) => {}
        _ => return Err("use https; only loopback may do without".to_owned()),
    }
    let sign = |byte: u8| byte.is_ascii_graphic() && !b"#\\\"<>".contains(&byte);
    if !path.starts_with('/') || !path.bytes().all(sign) {
        return Err("the path begins with `/` and has no spaces".to_owned());
    }
    let url = format!("{origin}{path}");
    if url.len() > URL_BYTES {
        return Err(format!("the address is {URL_BYTES} bytes at most"));
    }
    Ok(Some(url))
}

/// The host of `host[:port]`, without brackets.
fn host(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_put_together() {
        let good = |origin: &str, path: &str| url(origin, path).unwrap().unwrap();
        assert_eq!(url("", "/keys"), Ok(None));
        assert_eq!(
            good("https://id.example", "/keys"),
            "https://id.example/keys"
        );
        assert_eq!(
            good("https://id.example:8443/", "/a/b?c=d"),
            "https://id.example:8443/a/b?c=d"
        );
        for loopback in ["http://127.0.0.1:80", "http://[::1]:80", "http://localhost"] {
            assert_eq!(good(loopback, "/"), format!("{loopback}/"));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (origin, path) in [
            ("id.example", "/"),
            ("https://", "/"),
            ("http://id.example", "/"),
            ("http://127.0.0.1.id.example", "/"),
            ("ftp://id.example", "/"),
            ("https://user:secret@id.example", "/"),
            ("https://id.example/keys", "/"),
            ("https://id.example?x", "/"),
            ("https://id.example", ""),
            ("https://id.example", "keys"),
            ("https://id.example", "/a b"),
            ("https://id.example", "/a#b"),
            ("https://id.example", &format!("/{}", "a".repeat(1_024))),
        ] {
            assert!(url(origin, path).is_err(), "{origin} {path}");
        }
    }
}
