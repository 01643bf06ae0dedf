//! Writing routes into a region's Redis.

use anyhow::Result;
use tidegate_stream::digest;

use crate::region::{self, Place};
use crate::settings::Settings;

/// Hex digits of a version: of SHA-256 of the text, so that one text is one version in every region.
const VERSION_DIGITS: usize = 16;

/// Writes a text that was checked, and gives its version.
pub(super) fn put(place: &Place, settings: &Settings, body: &str) -> Result<String> {
    let mut version = digest::joined(&[body]);
    version.truncate(VERSION_DIGITS);
    let key = region::keys(settings).routes();
    let mut redis = place.open(settings)?;
    redis.call(&["HSET", &key, "version", &version, "body", body])?;
    Ok(version)
}
