//! What moderation says to a message, and its rules kept up to date.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use component_link::shared;
use tidegate_api::limits::JUDGE_MS;
use tidegate_api::{Act, Refusal, Settings, Who};
use tidegate_room::{Post, WhenBroken};
use tidegate_stream::RoomId;

use crate::alarm::Alarm;
use crate::bindings::tidegate::moderation::moderation as judge;
use crate::bindings::tidegate::rooms::rooms;
use crate::{convert, log, namespace};

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
///
/// The alarm bounds a judge that waits for something; one that traps, or computes without an end, is ended by the host
/// together with this very instance, and the caller gets the host's 503 or 504.
pub(crate) async fn judge(
    settings: &Settings,
    alarm: &Alarm,
    mut act: Act,
    who: &Who,
) -> Result<Judged, Refusal> {
    let mut shadow = false;
    if let (Act::Publish { room, post, .. }, Some(caller)) = (&mut act, who.caller())
        && post.kind.is_moderated()
        && !caller.is_service()
    {
        let broken = |why: String| when_broken(settings, room, why);
        if let Err(why) = configure(settings, room).await? {
            broken(why).await?;
            return Ok(Judged { act, shadow });
        }
        let message = judge::Message {
            room: room.to_string(),
            kind: post.kind.name().to_owned(),
            subject: caller.subject.to_string(),
            info: caller.info.clone(),
            data: post.data.clone(),
        };
        match verdict(alarm, message).await {
            Some(judge::Verdict::Allow) => {}
            Some(judge::Verdict::Shadow) => shadow = true,
            Some(judge::Verdict::Reject(why)) => return Err(Refusal::Rejected(why)),
            // What is put in a message's place keeps to the same bounds, whoever wrote the component.
            Some(judge::Verdict::Replace(data)) => match Post::check_data(&data) {
                Ok(data) => post.data = data,
                Err(error) => broken(format!("its replacement is not taken: {error}")).await?,
            },
            None => broken(format!("it did not judge within {JUDGE_MS} ms")).await?,
        }
    }
    Ok(Judged { act, shadow })
}

/// What moderation says: at once, or if it has to wait, in time.
async fn verdict(alarm: &Alarm, message: judge::Message) -> Option<judge::Verdict> {
    match judge::judge_at_once(&message) {
        Some(verdict) => Some(verdict),
        None => alarm.within(JUDGE_MS, judge::judge(message)).await,
    }
}

/// A message that moderation could not judge: published as it is or refused, as the room's namespace says, else the
/// variable. Either is logged.
async fn when_broken(settings: &Settings, room: &RoomId, why: String) -> Result<(), Refusal> {
    let own = namespace::of(settings, room).await.ok();
    let rule = own
        .and_then(|own| own.moderation_when_broken)
        .unwrap_or(settings.moderation_when_broken);
    match rule {
        WhenBroken::Reject => Err(Refusal::Unjudged(why)),
        WhenBroken::Allow => {
            log::unjudged(room, &why);
            Ok(())
        }
    }
}

/// Hands the rules of a room's namespace over when their version has changed, or is not known here. Where there are none,
/// version and rules are empty. Inside: why moderation has no rules to judge by.
async fn configure(settings: &Settings, room: &RoomId) -> Result<Result<(), String>, Refusal> {
    let namespace = room.namespace();
    let fresh = || {
        let told = |all: &HashMap<String, Told>| {
            let told = all.get(namespace)?;
            (told.asked.elapsed() < KEPT).then_some(Ok(()))
        };
        TOLD.with_borrow(told)
    };
    shared(
        &format!("rules {namespace}"),
        fresh,
        tell(settings, namespace),
    )
    .await
}

/// Inside: why moderation has no rules to judge by.
async fn tell(settings: &Settings, namespace: &str) -> Result<Result<(), String>, Refusal> {
    let before = TOLD.with_borrow(|told| told.get(namespace).map(|told| told.version.clone()));
    let asked = Instant::now();
    let rules = rooms::rules(convert::place(settings), namespace.to_owned())
        .await
        .map_err(convert::refusal)?;
    let (version, body) = match rules {
        Some((version, body)) => (Some(version), body),
        None => (None, Vec::new()),
    };
    if before.as_ref() != Some(&version) {
        let text = version.clone().unwrap_or_default();
        if let Err(why) = judge::configure(namespace, &text, &body) {
            // Rules that held before go on holding.
            log::rules(namespace, &text, &why);
            if !matches!(before, Some(Some(_))) {
                return Ok(Err(format!(
                    "the moderation rules of `{namespace}`, version {text}: {why}"
                )));
            }
        }
    }
    TOLD.with_borrow_mut(|told| {
        if told.len() >= NAMESPACES && !told.contains_key(namespace) {
            told.clear();
        }
        told.insert(namespace.to_owned(), Told { asked, version });
    });
    Ok(Ok(()))
}
