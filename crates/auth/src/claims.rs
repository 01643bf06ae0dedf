//! What a token says, and which of it is taken (RFC 7519, section 4).

use serde::Serialize;
use serde_json::Value;
use tidegate_stream::Subject;

use crate::coverage::Rooms;
use crate::limits::{DATE_MAX_S, INFO_BYTES, JTI_BYTES, LEEWAY_MS};
use crate::members::Members;
use crate::scope::Scopes;
use crate::token::{Expected, TokenRefusal};
use crate::token_hash::TokenHash;

/// Who is calling, as a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub subject: Subject,
    /// JSON text that goes with each of the subject's messages; empty when the token has none.
    pub info: String,
    /// What they may do.
    pub scopes: Scopes,
    /// Where.
    pub rooms: Rooms,
    /// Rooms that they follow; a token that says nothing of it follows none.
    pub follows: Rooms,
    /// The hash of the token's `jti`, if it has one.
    pub token: Option<TokenHash>,
    /// When the token lapses, in ms since the epoch.
    pub expires_ms: u64,
}

/// The claims of a token to be signed. Dates are in seconds since the epoch.
#[derive(Debug, Clone, Serialize)]
pub struct Claims {
    /// Who signs.
    pub iss: String,
    /// For whom the token is.
    pub aud: String,
    /// Who holds it.
    pub sub: String,
    /// When it was signed.
    pub iat: u64,
    /// When it lapses.
    pub exp: u64,
    /// From when it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Its own name, by which it can be revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// What its holder may do: [`Scopes::to_claim`].
    pub scope: String,
    /// Where: room patterns; none for every room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<String>>,
    /// Which rooms its holder follows: room patterns; none for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<Vec<String>>,
    /// What goes with each of the holder's messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Value>,
}

/// Reads the claims of a token whose signature is good.
pub(crate) fn read(
    payload: &[u8],
    expected: &Expected<'_>,
    now_ms: u64,
) -> Result<Identity, TokenRefusal> {
    let mut claims = Members::read(payload).map_err(TokenRefusal::BadClaims)?;
    let bad = TokenRefusal::BadClaims;

    if claims.text("iss").map_err(bad)?.as_deref() != Some(expected.issuer) {
        return Err(TokenRefusal::WrongIssuer);
    }
    if !audience_has(claims.take("aud"), expected.audience).map_err(bad)? {
        return Err(TokenRefusal::WrongAudience);
    }
    let expires_ms = date_ms(&mut claims, "exp")
        .map_err(bad)?
        .ok_or_else(|| bad("`exp` is missing".to_owned()))?;
    if now_ms >= expires_ms {
        return Err(TokenRefusal::Expired);
    }
    for name in ["nbf", "iat"] {
        if date_ms(&mut claims, name)
            .map_err(bad)?
            .is_some_and(|from_ms| from_ms > now_ms + LEEWAY_MS)
        {
            return Err(TokenRefusal::NotYetValid);
        }
    }
    Ok(Identity {
        subject: subject(&mut claims).map_err(bad)?,
        info: info(&mut claims).map_err(bad)?,
        scopes: claims
            .text("scope")
            .map_err(bad)?
            .map(|scope| Scopes::from_claim(&scope))
            .unwrap_or_default(),
        rooms: patterns(&mut claims, "rooms")
            .map_err(bad)?
            .unwrap_or_default(),
        follows: patterns(&mut claims, "follows")
            .map_err(bad)?
            .unwrap_or_else(Rooms::none),
        token: token_hash(&mut claims).map_err(bad)?,
        expires_ms,
    })
}

fn audience_has(claim: Option<Value>, expected: &str) -> Result<bool, String> {
    match claim {
        None => Ok(false),
        Some(Value::String(one)) => Ok(one == expected),
        Some(Value::Array(list)) => {
            let wrong = || "`aud` must be a string or a list of strings".to_owned();
            let names = list
                .iter()
                .map(|v| v.as_str().ok_or_else(wrong))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(names.contains(&expected))
        }
        Some(_) => Err("`aud` must be a string or a list of strings".to_owned()),
    }
}

/// A date in seconds, whole or not, as ms.
fn date_ms(claims: &mut Members, name: &str) -> Result<Option<u64>, String> {
    let Some(value) = claims.take(name) else {
        return Ok(None);
    };
    match value.as_f64() {
        // Below 2^48 ms, so exact.
        Some(seconds) if (0.0..=DATE_MAX_S).contains(&seconds) => {
            Ok(Some((seconds * 1_000.0) as u64))
        }
        _ => Err(format!("`{name}` must be a number of seconds since 1970")),
    }
}

fn subject(claims: &mut Members) -> Result<Subject, String> {
    let text = claims.text("sub")?.ok_or("`sub` is missing")?;
    let subject: Subject = text
        .parse()
        .map_err(|_| "`sub` must be 1 to 63 of A-Z a-z 0-9 . _ -")?;
    if subject.is_guest() {
        return Err(
            "`sub` must not begin with \"guest-\", which is for callers without a token".to_owned(),
        );
    }
    Ok(subject)
}

fn info(claims: &mut Members) -> Result<String, String> {
    match claims.take("info") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(value) => {
            let text = value.to_string();
            if text.len() > INFO_BYTES {
                return Err(format!(
                    "`info` has {} bytes; {INFO_BYTES} at most",
                    text.len()
                ));
            }
            Ok(text)
        }
    }
}

fn patterns(claims: &mut Members, name: &str) -> Result<Option<Rooms>, String> {
    let wrong = || format!("`{name}` must be a list of strings");
    match claims.take(name) {
        None => Ok(None),
        Some(Value::Array(list)) => {
            let patterns: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            Rooms::from_patterns(Some(&patterns.ok_or_else(wrong)?))
                .map(Some)
                .map_err(|error| format!("`{name}`: {error}"))
        }
        Some(_) => Err(wrong()),
    }
}

fn token_hash(claims: &mut Members) -> Result<Option<TokenHash>, String> {
    match claims.text("jti")? {
        None => Ok(None),
        Some(jti) if (1..=JTI_BYTES).contains(&jti.len()) => Ok(Some(TokenHash::of(&jti))),
        Some(_) => Err(format!("`jti` must be 1 to {JTI_BYTES} bytes")),
    }
}
