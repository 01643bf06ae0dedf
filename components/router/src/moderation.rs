//! What moderation says to a message, and its rules kept up to date.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use tidegate_api::{Act, Refusal, Settings, Who};
use tidegate_room::Post;
use tidegate_stream::RoomId;

use crate::bindings::tidegate::moderation::moderation as judge;
use crate::bindings::tidegate::rooms::rooms;
use crate::{convert, log};

/// How long rules are kept before Redis is asked for their version again.
const KEPT: Duration = Duration::from_secs(5);
/// Namespaces that are remembered, at most. Forgetting one costs a round trip and a configuration.
const NAMESPACES: usize = 256;

/// What moderation was last told of a namespace.
struct Told {
    asked: Instant,
    /// None: the namespace has no rules.
    version: Option<String>,
}

thread_local! {
    static TOLD: RefCell<HashMap<String, Told>> = RefCell::new(HashMap::new());
}

/// An act after moderation: a message may have been changed, or be for its sender's eyes only.
pub(crate) struct Judged {
    pub(crate) act: Act,
    pub(crate) shadow: bool,
}

/// Judges an act. Only what viewers write freely is judged; everything else passes.
pub(crate) async fn judge(settings: &Settings, mut act: Act, who: &Who) -> Result<Judged, Refusal> {
    let mut shadow = false;
    if let (Act::Publish { room, post, .. }, Some(caller)) = (&mut act, who.caller())
        && post.kind.is_moderated()
        && !caller.is_service()
    {
        configure(settings, room).await?;
        let message = judge::Message {
            room: room.to_string(),
            kind: post.kind.name().to_owned(),
            subject: caller.subject.to_string(),
            info: caller.info.clone(),
            data: post.data.clone(),
        };
        match judge::judge(message).await {
            judge::Verdict::Allow => {}
            judge::Verdict::Shadow => shadow = true,
            judge::Verdict::Reject(why) => return Err(Refusal::Rejected(why)),
            judge::Verdict::Replace(data) => post.data = checked(data)?,
        }
    }
    Ok(Judged { act, shadow })
}

/// What moderation puts in a message's place keeps to the same bounds, whoever wrote the component.
fn checked(data: String) -> Result<String, Refusal> {
    Post::check_data(&data)
        .map_err(|error| Refusal::Fault(format!("moderation's replacement: {error}")))
}

/// Hands the rules of a room's namespace over when their version has changed, or is not known here. Where there are none,
/// version and rules are empty.
async fn configure(settings: &Settings, room: &RoomId) -> Result<(), Refusal> {
    let namespace = room.namespace().to_owned();
    let known = TOLD.with_borrow(|told| {
        told.get(&namespace)
            .map(|told| (told.asked.elapsed() < KEPT, told.version.clone()))
    });
    if let Some((true, _)) = known {
        return Ok(());
    }
    let asked = Instant::now();
    let rules = rooms::rules(convert::place(settings), namespace.clone())
        .await
        .map_err(convert::refusal)?;
    let (version, body) = match rules {
        Some((version, body)) => (Some(version), body),
        None => (None, Vec::new()),
    };
    let before = known.map(|(_, version)| version);
    if before.as_ref() != Some(&version) {
        let text = version.clone().unwrap_or_default();
        if let Err(why) = judge::configure(&namespace, &text, &body) {
            // Rules that held before go on holding; where none are known, nothing is let through unjudged.
            log::rules(&namespace, &text, &why);
            if !matches!(before, Some(Some(_))) {
                return Err(Refusal::Fault(format!(
                    "the moderation rules of `{namespace}`, version {text}: {why}"
                )));
            }
        }
    }
    TOLD.with_borrow_mut(|told| {
        if told.len() >= NAMESPACES && !told.contains_key(&namespace) {
            told.clear();
        }
        told.insert(namespace, Told { asked, version });
    });
    Ok(())
}
