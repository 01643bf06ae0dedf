//! The example's keys are published with the source. They are taken only where nobody else can reach Redis.

use tidegate_stream::host::is_loopback;

/// Whether the example's keys may be used with this Redis address: only if every address in it is on loopback
/// (127.0.0.0/8, `::1`, `localhost`). `redis_url` is one address, or ranges of shards, `0-31=redis://…,32-63=redis://…`.
pub fn example_keys_allowed(redis_url: &str) -> bool {
    redis_url.split(',').all(|part| {
        let part = part.trim();
        // A range of shards precedes its address; a `=` further on belongs to the address.
        let url = match part.split_once('=') {
            Some((range, url)) if range.bytes().all(|b| b.is_ascii_digit() || b == b'-') => url,
            _ => part,
        };
        host(url).is_some_and(is_loopback)
    })
}

/// The host of a `redis://` or `rediss://` address, without brackets.
fn host(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "redis" | "rediss")
        || rest.contains(|c: char| c == '\\' || c.is_whitespace() || c.is_control())
    {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let address = authority.rsplit('@').next()?;
    match address.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']')?;
            (port.is_empty() || port.starts_with(':')).then_some(host)
        }
        None => address.split(':').next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_taken() {
        for url in [
            "redis://127.0.0.1:6379",
            "redis://127.0.0.1",
            "redis://127.8.9.10:6379/0",
            "redis://localhost:6379",
            "redis://LOCALHOST/0",
            "rediss://user:pass@127.0.0.1:6379/0?x=1",
            "redis://[::1]:6379",
            "redis://[::1]",
            "0-31=redis://127.0.0.1:1,32-63=redis://127.0.0.1:2",
        ] {
            assert!(example_keys_allowed(url), "{url}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for url in [
            "",
            "127.0.0.1",
            "redis://",
            "redis://redis:6379",
            "redis://10.0.0.1",
            "redis://0.0.0.0",
            "redis://127.0.0.1.example.com",
            "redis://localhost.example.com",
            "redis://127.0.0.1@example.com",
            "redis://a:127.0.0.1@example.com:6379",
            "redis://example.com/127.0.0.1",
            "redis://example.com?@127.0.0.1",
            "redis://example.com#@127.0.0.1",
            "redis://example.com\\@127.0.0.1",
            "redis://[2001:db8::1]",
            "redis://[::1]example.com",
            "redis://::1",
            "redis://127.1",
            "http://127.0.0.1",
            "0-31=redis://127.0.0.1:1,32-63=redis://10.0.0.1:2",
            "redis://127.0.0.1,",
        ] {
            assert!(!example_keys_allowed(url), "{url}");
        }
    }
}
