//! gdnsd 3: its `config`, and the zone.

mod config;
mod zone;

use crate::description::{Description, Policy};
use crate::{DescriptionError, File};

/// The files of gdnsd's configuration folder.
///
/// # Errors
/// When the description lacks what gdnsd needs.
pub fn render(description: &Description) -> Result<Vec<File>, DescriptionError> {
    if description.gdnsd.name_servers.is_empty() {
        return Err(DescriptionError::Content(
            "gdnsd needs [gdnsd] with name_servers = [{ name = \"ns1\", addresses = [\"192.0.2.53\"] }]"
                .to_owned(),
        ));
    }
    let places = description
        .regions
        .iter()
        .any(|region| !region.places.is_empty());
    if places && description.gdnsd.geoip_database.is_none() {
        return Err(DescriptionError::Content(
            "places need gdnsd.geoip_database, a GeoIP2 file with countries; nets do without"
                .to_owned(),
        ));
    }
    Ok(vec![
        File {
            path: "config".to_owned(),
            text: config::text(description),
        },
        File {
            path: format!("zones/{}", description.zone),
            text: zone::text(description),
        },
    ])
}

/// The plugin that answers the moving names.
fn plugin(policy: Policy) -> &'static str {
    match policy {
        Policy::Failover => "metafo",
        Policy::Geo => "geoip",
        Policy::Weighted => "weighted",
    }
}
