//! `cargo xtask token`: tokens for development, by the rules of `crates/auth`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tidegate_auth::{Claims, Expected, KeySet, Scope, token};

use crate::settings::Settings;
use crate::workspace::Workspace;

/// The longest life of a development token.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// What `token` may be told.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Who holds the token: 1 to 63 of `A-Z a-z 0-9 . _ -`.
    #[arg(long)]
    sub: String,
    /// What they may do: publish, publish:gift, publish:control, rooms:write, moderate, service. May be given again.
    #[arg(long = "scope", value_parser = scope, value_delimiter = ' ', required = true)]
    scopes: Vec<Scope>,
    /// Where: a room, or a prefix that ends in `*`. May be given again; left out, everywhere.
    #[arg(long = "room")]
    rooms: Vec<String>,
    /// Which rooms they follow, for rooms where only followers write; as `--room`. Left out, none.
    #[arg(long = "follows")]
    follows: Vec<String>,
    /// JSON that goes with each of their messages, 512 bytes at most, such as '{"name":"Alice"}'.
    #[arg(long, value_parser = json)]
    info: Option<Value>,
    /// How long it is good: a number and s, m, h or d.
    #[arg(long, default_value = "1h", value_parser = life)]
    life: Duration,
}

impl Args {
    /// A token for somebody with some scopes, everywhere.
    pub fn new(sub: &str, scopes: &[Scope], life: Duration) -> Self {
        Self {
            sub: sub.to_owned(),
            scopes: scopes.to_vec(),
            rooms: Vec::new(),
            follows: Vec::new(),
            info: None,
            life,
        }
    }
}

/// Prints a token.
///
/// # Errors
/// As [`sign`].
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    println!("{}", sign(&Settings::load(workspace)?, args)?);
    Ok(())
}

/// Signs a token with the first auth key, and checks that the edge would take it.
///
/// # Errors
/// When a setting is missing or malformed, or the token would be refused.
pub fn sign(settings: &Settings, args: &Args) -> Result<String> {
    let keys = KeySet::parse(settings.required("auth_keys")?)
        .with_context(|| format!("SPIN_VARIABLE_AUTH_KEYS of {}", settings.source().display()))?;
    let (issuer, audience) = (
        settings.required("auth_issuer")?,
        settings.required("auth_audience")?,
    );
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock stands before 1970")?;
    let claims = Claims {
        iss: issuer.to_owned(),
        aud: audience.to_owned(),
        sub: args.sub.clone(),
        iat: now.as_secs(),
        exp: now.as_secs() + args.life.as_secs(),
        nbf: None,
        jti: None,
        scope: args
            .scopes
            .iter()
            .map(|scope| scope.name())
            .collect::<Vec<_>>()
            .join(" "),
        rooms: (!args.rooms.is_empty()).then(|| args.rooms.clone()),
        follows: (!args.follows.is_empty()).then(|| args.follows.clone()),
        info: args.info.clone(),
    };
    let signed = token::sign(&keys, &claims).context("the claims cannot be written as JSON")?;
    let now_ms = now.as_secs() * 1000 + u64::from(now.subsec_millis());
    match token::verify(&signed, &[&keys], &Expected { issuer, audience }, now_ms) {
        Ok(_) => Ok(signed),
        Err(refusal) => bail!("the edge would refuse such a token: {refusal}"),
    }
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::named(text).ok_or_else(|| {
        "one of publish, publish:gift, publish:control, rooms:write, moderate, service is meant"
            .to_owned()
    })
}

fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

fn life(text: &str) -> Result<Duration, String> {
    let wrong = || "a number and s, m, h or d is meant, such as 90s or 12h".to_owned();
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(unit).map(Duration::from_secs) {
        Some(life) if !life.is_zero() && life <= LONGEST => Ok(life),
        _ => Err("between 1s and 366d, please".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        let mut settings = Settings::load(&Workspace::find().unwrap()).unwrap();
        let key = "A".repeat(43);
        let key = format!(r#"{{"keys":[{{"kty":"oct","alg":"HS256","kid":"k1","k":"{key}"}}]}}"#);
        settings.set("auth_keys", key);
        settings.set("auth_issuer", "me");
        settings.set("auth_audience", "us");
        settings
    }

    fn args() -> Args {
        Args::new(
            "alice",
            &[Scope::named("publish").unwrap()],
            Duration::from_secs(60),
        )
    }

    #[test]
    fn the_token_says_what_was_asked_for() {
        let args = Args {
            rooms: vec!["demo.*".into()],
            info: Some(serde_json::json!({"name":"A"})),
            ..args()
        };
        let settings = settings();
        let signed = sign(&settings, &args).unwrap();
        let keys = KeySet::parse(settings.required("auth_keys").unwrap()).unwrap();
        let expected = Expected {
            issuer: "me",
            audience: "us",
        };
        let now_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis() as u64;
        let identity = token::verify(&signed, &[&keys], &expected, now_ms).unwrap();
        assert_eq!(identity.subject.as_str(), "alice");
        assert_eq!(identity.scopes.to_claim(), "publish");
        assert_eq!(identity.info, r#"{"name":"A"}"#);
        assert!(identity.expires_ms > now_ms && identity.expires_ms <= now_ms + 60_000);
    }

    #[test]
    fn a_token_that_the_edge_would_refuse_is_not_handed_out() {
        for (sub, rooms) in [
            ("guest-1", vec![]),
            ("", vec![]),
            ("alice", vec!["not a room".to_owned()]),
        ] {
            let args = Args {
                sub: sub.to_owned(),
                rooms,
                ..args()
            };
            let error = sign(&settings(), &args).unwrap_err().to_string();
            assert!(
                error.starts_with("the edge would refuse such a token:"),
                "{error}"
            );
        }
    }

    #[test]
    fn lives_have_a_unit_and_a_bound() {
        assert_eq!(life("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(life("12h"), Ok(Duration::from_secs(43_200)));
        for text in [
            "",
            "1",
            "h",
            "-1h",
            "0s",
            "367d",
            "99999999999999999d",
            "1é",
        ] {
            assert!(life(text).is_err(), "{text}");
        }
    }
}
