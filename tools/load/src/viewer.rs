//! One viewer: a socket that is read and measured.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::edge::now_us;
use crate::tally::Tally;

/// A node ends a socket that it has heard nothing from for 60 s.
const PING: Duration = Duration::from_secs(20);

/// Opens a socket, subscribes, and counts what comes until it is dropped.
pub async fn watch(
    endpoint: String,
    room: String,
    ticket: String,
    tally: Arc<Tally>,
) -> Result<()> {
    let mut request = endpoint.as_str().into_client_request()?;
    request
        .headers_mut()
        .insert("sec-websocket-protocol", "tidegate.v1.json".parse()?);
    let (mut socket, _) = tokio_tungstenite::connect_async(request)
        .await
        .context("a socket does not open")?;
    let hello = json!({"type":"hello","client":"load","version":env!("CARGO_PKG_VERSION")});
    let subscribe = json!({"type":"subscribe","room":room,"ticket":ticket});
    socket.send(Message::text(hello.to_string())).await?;
    socket.send(Message::text(subscribe.to_string())).await?;
    let next = Cell::new(0);
    let mut subscribed = false;
    let mut sent = Instant::now();
    loop {
        let read = tokio::time::timeout(PING, socket.next()).await;
        if sent.elapsed() >= PING {
            socket.send(Message::text(r#"{"type":"ping"}"#)).await?;
            sent = Instant::now();
        }
        let message = match read {
            Ok(Some(message)) => message?,
            Ok(None) => bail!("the node closed the socket"),
            Err(_) => continue,
        };
        let Message::Text(text) = message else {
            continue;
        };
        let now_us = now_us();
        for piece in text.split("\"number\":").skip(1) {
            if let (Some(number), Some(sent_us)) = (leading(piece), field(piece, "\"sent_us\":")) {
                tally.add(&next, number, now_us.saturating_sub(sent_us));
            }
        }
        if !subscribed && text.contains("\"type\":\"batch\"") && text.contains(&room) {
            subscribed = true;
            tally.add_subscribed();
        }
        if text.contains("\"type\":\"error\"") {
            bail!("the node refuses: {text}");
        }
    }
}

fn leading(text: &str) -> Option<u64> {
    let end = text
        .find(|sign: char| !sign.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

fn field(text: &str, name: &str) -> Option<u64> {
    leading(text.split_once(name)?.1)
}
