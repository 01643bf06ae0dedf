//! The default judge of messages: a word list. It needs nothing of Spin, and is the pattern for a judge of one's own:
//! export `tidegate:moderation/moderation` and name the new component in `spin.toml`.

mod bindings {
    #![allow(missing_docs)]
    #![allow(unsafe_code, reason = "the glue between wasm and Rust is generated")]
    wit_bindgen::generate!({
        path: "../../wit/moderation",
        world: "tidegate:moderation/provider",
    });
    export!(Judge with_types_in self);
    use super::Judge;
}

use std::cell::RefCell;

use bindings::exports::tidegate::moderation::moderation::{Guest, Message, Verdict};
use tidegate_moderation::{Namespaces, Verdict as Judgement};
use tidegate_stream::RoomId;

thread_local! {
    static NAMESPACES: RefCell<Namespaces> = const { RefCell::new(Namespaces::new()) };
}

struct Judge;

impl Guest for Judge {
    fn configure(namespace: String, version: String, rules: Vec<u8>) -> Result<(), String> {
        NAMESPACES
            .with_borrow_mut(|all| all.configure(&namespace, &version, &rules))
            .map_err(|error| error.to_string())
    }

    fn judge_at_once(message: Message) -> Option<Verdict> {
        Some(verdict(&message))
    }

    async fn judge(message: Message) -> Verdict {
        verdict(&message)
    }
}

fn verdict(message: &Message) -> Verdict {
    let Ok(room) = message.room.parse::<RoomId>() else {
        return Verdict::Reject("the message is for a room that cannot be".to_owned());
    };
    match NAMESPACES.with_borrow(|all| all.judge(room.namespace(), &message.data)) {
        Judgement::Allow => Verdict::Allow,
        Judgement::Replace(data) => Verdict::Replace(data),
        Judgement::Shadow => Verdict::Shadow,
        Judgement::Reject(why) => Verdict::Reject(why.to_owned()),
    }
}
