//! Why a call is refused, in the contract's words.

use std::fmt::Display;

use component_link::LinkError;
use tidegate_stream::calls::{CallError, Refusal as Function};

use crate::bindings::exports::tidegate::rooms::rooms::Refusal;

/// An argument that the caller should have checked.
pub(crate) fn bad(error: impl Display) -> Refusal {
    Refusal::BadArgument(error.to_string())
}

/// Redis did not carry it out.
pub(crate) fn link(error: LinkError) -> Refusal {
    match error {
        LinkError::Unreachable(why) | LinkError::NotServing(why) => Refusal::Unreachable(why),
        LinkError::Full => Refusal::Full,
        LinkError::Library(what_to_do) => Refusal::Library(what_to_do),
        LinkError::Fault(why) => Refusal::Fault(why),
    }
}

/// The function refused, or its answer is not one.
pub(crate) fn call(error: CallError) -> Refusal {
    let function = match error {
        CallError::Refused(function) => function,
        CallError::BadCall(why) => return Refusal::BadArgument(why),
        CallError::Malformed(_) => return Refusal::Fault(error.to_string()),
    };
    match function {
        Function::NoRoom => Refusal::NoRoom,
        Function::Closed => Refusal::Closed,
        Function::Exists => Refusal::Exists,
        Function::Banned { seconds } => Refusal::Banned(seconds),
        Function::Muted { seconds } => Refusal::Muted(seconds),
        Function::Slow { seconds } => Refusal::Slow(seconds),
        Function::KeyReused => Refusal::KeyReused,
        Function::Recovering { seconds } => Refusal::Recovering(seconds),
        Function::NotOwner => Refusal::NotOwner,
        Function::NotAllowed => Refusal::NotAllowed,
        Function::FollowersOnly => Refusal::FollowersOnly,
        Function::GiftOnly => Refusal::GiftOnly,
        Function::Other { code, .. } => {
            Refusal::Fault(format!("a refusal of a later version: {code}"))
        }
    }
}
