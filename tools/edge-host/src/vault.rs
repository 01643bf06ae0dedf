//! A provider of variables: the key-value store, version 2, of a
//! [Vault](https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2). A variable is the field `value` of the secret of its name.

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use serde::Deserialize;
use url::{Host, Url};

use crate::http_pool::{Destination, Pool};
use crate::limits::{PROVIDER_ANSWER_BYTES, PROVIDER_TIMEOUT};

/// Where a Vault is, and what opens it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaultSettings {
    url: String,
    token: String,
    mount: String,
    prefix: Option<String>,
}

/// One Vault. Its token is never shown.
pub struct Vault {
    destination: Destination,
    /// What stands before a variable's name in the path.
    folder: String,
    token: header::HeaderValue,
    pool: Pool,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    data: Secret,
}

#[derive(Deserialize)]
struct Secret {
    value: String,
}

impl Vault {
    /// Checks settings. Nothing is asked yet.
    pub fn new(settings: VaultSettings, pool: Pool) -> Result<Self> {
        let VaultSettings {
            url,
            token,
            mount,
            prefix,
        } = settings;
        let address = Url::parse(&url).with_context(|| format!("the provider's url {url:?}"))?;
        let (Some(host), Some(port)) = (address.host(), address.port_or_known_default()) else {
            bail!("the provider's url {url:?} names no host");
        };
        ensure!(
            matches!(address.scheme(), "http" | "https"),
            "the provider's url {url:?} is neither http:// nor https://"
        );
        let mut token = header::HeaderValue::from_str(&token)
            .ok()
            .context("the provider's token is no text that a header can hold")?;
        token.set_sensitive(true);
        let base = address.path().trim_end_matches('/');
        let within = prefix
            .map(|prefix| format!("{prefix}/"))
            .unwrap_or_default();
        let folder = format!("{base}/v1/{mount}/data/{within}");
        folder
            .parse::<http::uri::PathAndQuery>()
            .with_context(|| format!("the provider's mount and prefix make the path {folder:?}"))?;
        Ok(Self {
            destination: Destination {
                secure: address.scheme() == "https",
                host: match host {
                    Host::Ipv6(address) => format!("[{address}]"),
                    host => host.to_string(),
                },
                port,
            },
            folder,
            token,
            pool,
        })
    }

    /// The value of a variable; none if it has none there.
    pub async fn get(&self, name: &str) -> Result<Option<String>> {
        let asking = tokio::time::timeout(PROVIDER_TIMEOUT, self.ask(name));
        asking
            .await
            .unwrap_or_else(|_| bail!("it does not answer within {PROVIDER_TIMEOUT:?}"))
            .with_context(|| {
                let Destination { host, port, .. } = &self.destination;
                format!("the provider at {host}:{port}")
            })
    }

    async fn ask(&self, name: &str) -> Result<Option<String>> {
        let Destination { host, port, .. } = &self.destination;
        let request = Request::get(format!("{}{name}", self.folder))
            .header(header::HOST, format!("{host}:{port}"))
            .header("x-vault-token", self.token.clone())
            .body(Full::new(Bytes::new()).map_err(Into::into).boxed_unsync())?;
        let mut connection = self.pool.open(&self.destination, PROVIDER_TIMEOUT).await?;
        let answer = connection.send_request(request).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            other => bail!("it answers {}", other.as_u16()),
        }
        let body = Limited::new(answer.into_body(), PROVIDER_ANSWER_BYTES)
            .collect()
            .await
            .map_err(|_| anyhow::anyhow!("its answer broke off, or is too large"))?
            .to_bytes();
        // What does not hold is not quoted: it may be secret.
        let answer: Answer = serde_json::from_slice(&body)
            .ok()
            .context("its answer is no secret with a field `value`")?;
        Ok(Some(answer.data.data.value))
    }
}
