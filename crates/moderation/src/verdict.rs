//! The judgement on a message.

use crate::json::map_texts;
use crate::limits::DATA_BYTES;
use crate::list::WordList;
use crate::rules::Act;

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is published as it is.
    Allow,
    /// This data, a JSON text, is published instead.
    Replace(String),
    /// It is answered as if published, and nobody else sees it.
    Shadow,
    /// It is refused; the text is shown to the sender.
    Reject(&'static str),
}

/// Judges the `data` of a message, a JSON text that may be empty, by every text in it.
pub fn judge(list: &WordList, data: &str) -> Verdict {
    if data.is_empty() {
        return Verdict::Allow;
    }
    if data.len() > DATA_BYTES {
        return Verdict::Reject("the message is too long");
    }
    let mut act = None;
    let replaced = map_texts(data, |text| {
        let found = list.find(text);
        act = act.max(found.act);
        found.replaced
    });
    match (act, replaced) {
        (_, Err(_)) => Verdict::Reject("the message is not JSON"),
        (Some(Act::Reject), _) => {
            Verdict::Reject("the message holds a word that is not allowed here")
        }
        (Some(Act::Shadow), _) => Verdict::Shadow,
        (_, Ok(Some(data))) => Verdict::Replace(data),
        (_, Ok(None)) => Verdict::Allow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> WordList {
        WordList::parse(
            r#"{"words":[{"word":"darn","do":"replace"},{"word":"casino","do":"shadow"},{"word":"垃圾","do":"reject"}]}"#.as_bytes(),
        )
        .unwrap()
    }

    #[test]
    fn each_act_has_its_verdict() {
        let judge = |data: &str| judge(&list(), data);
        assert_eq!(judge(r#"{"text":"hello"}"#), Verdict::Allow);
        assert_eq!(judge(""), Verdict::Allow);
        assert_eq!(
            judge(r#"{"text":"Darn!"}"#),
            Verdict::Replace(r#"{"text":"****!"}"#.to_owned())
        );
        assert_eq!(
            judge(r#"{"text":"darn","more":["CASINO"]}"#),
            Verdict::Shadow
        );
        assert_eq!(
            judge(r#"["casino",{"x":"真垃圾"}]"#),
            Verdict::Reject("the message holds a word that is not allowed here")
        );
        assert_eq!(judge(r#"{"darn":1}"#), Verdict::Allow);
        // An escape hides nothing.
        assert_eq!(
            judge(r#"{"text":"d\u0061rn"}"#),
            Verdict::Replace(r#"{"text":"****"}"#.to_owned())
        );
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        assert_eq!(
            judge(&list(), "{"),
            Verdict::Reject("the message is not JSON")
        );
        let long = format!("\"{}\"", "x".repeat(DATA_BYTES));
        assert_eq!(
            judge(&list(), &long),
            Verdict::Reject("the message is too long")
        );
    }
}
