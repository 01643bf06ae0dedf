//! Answers that are kept, in `tg:stale:HEX`, to be given again when upstreams fail.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use component_link::Again;
use tidegate_api::Settings;
use tidegate_route::Method;
use tidegate_stream::calls::Reply;
use tidegate_upstream::Route;
use tidegate_upstream::stale::{self, Kept};

use super::Outgoing;
use super::keys::keys;
use super::send::Given;
use crate::alarm::now_ms;
use crate::log;

/// How long an answer that was kept is not written again by the same instance.
const WRITTEN: Duration = Duration::from_secs(5);
/// Keys whose writing is remembered, at most.
const KEYS: usize = 1_024;

thread_local! {
    static LAST: RefCell<HashMap<String, Instant>> = RefCell::new(HashMap::new());
}

/// Where the answer to one request is kept.
pub(super) struct Entry {
    key: String,
    method: Method,
}

impl Entry {
    /// None for a request whose answer is not kept.
    pub(super) fn of(settings: &Settings, route: &Route, request: &Outgoing) -> Option<Self> {
        if route.stale_s == 0 || !stale::is_shared(request.method, &request.fields) {
            return None;
        }
        let parts = stale::key_parts(&route.path, &request.target, &request.fields);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Some(Self {
            key: keys(settings).stale(&parts),
            method: request.method,
        })
    }

    /// The answer that was kept, and its age in seconds.
    pub(super) async fn find(&self, settings: &Settings, stale_s: u64) -> Option<(u64, Kept)> {
        let found = component_link::command(
            &settings.redis_url,
            "GET",
            &[self.key.as_bytes()],
            Again::Harmless,
        )
        .await;
        match found {
            Ok(replies) => match replies.first() {
                Some(Reply::Bytes(bytes)) => {
                    let kept = Kept::read(bytes)?;
                    kept.age_s(now_ms(), stale_s).map(|age_s| (age_s, kept))
                }
                _ => None,
            },
            Err(error) => {
                log::link("an answer that was kept could not be read", &error);
                None
            }
        }
    }

    /// Keeps an answer, if it is one for everybody and was not kept just now.
    pub(super) async fn keep(&self, settings: &Settings, stale_s: u64, given: &Given) {
        if !stale::may_keep(self.method, given.status, &given.fields, &given.body) {
            return;
        }
        let recent = LAST.with_borrow_mut(|last| {
            if last
                .get(&self.key)
                .is_some_and(|written| written.elapsed() < WRITTEN)
            {
                return true;
            }
            if last.len() >= KEYS {
                last.clear();
            }
            last.insert(self.key.clone(), Instant::now());
            false
        });
        if recent {
            return;
        }
        let kept = Kept {
            at_ms: now_ms(),
            fields: given.fields.clone(),
            body: given.body.clone(),
        };
        let (bytes, life) = (kept.write(), stale_s.to_string());
        let words = [self.key.as_bytes(), &bytes, b"EX", life.as_bytes()];
        if let Err(error) =
            component_link::command(&settings.redis_url, "SET", &words, Again::Harmless).await
        {
            log::link("an answer could not be kept", &error);
        }
    }
}
