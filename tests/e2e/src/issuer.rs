//! An issuer that publishes its keys.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// An issuer's server, which counts how often it is asked.
pub struct Issuer {
    origin: String,
    keys: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    is_up: Arc<AtomicBool>,
}

impl Issuer {
    /// Publishes these keys.
    pub fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = Self {
            origin: format!("http://{}", listener.local_addr().expect("an address")),
            keys: Arc::new(Mutex::new(json!({ "keys": keys }).to_string())),
            asked: Arc::default(),
            is_up: Arc::new(AtomicBool::new(true)),
        };
        let (keys, asked, is_up) = (
            issuer.keys.clone(),
            issuer.asked.clone(),
            issuer.is_up.clone(),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut head = [0; 4_096];
                let read = stream.read(&mut head).unwrap_or(0);
                asked.fetch_add(1, Ordering::SeqCst);
                let is_ours = head[..read].starts_with(b"GET /keys.json HTTP/1.1\r\n");
                let (status, body) = match is_ours && is_up.load(Ordering::SeqCst) {
                    true => ("200 OK", keys.lock().expect("it is not poisoned").clone()),
                    false => ("500 Internal Server Error", String::new()),
                };
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                // Who has gone needs no answer.
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        issuer
    }

    /// Publishes these keys from now on.
    pub fn publish(&self, keys: &[Value]) {
        *self.keys.lock().expect("it is not poisoned") = json!({ "keys": keys }).to_string();
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whether it answers.
    pub fn is_up(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::SeqCst);
    }

    /// What an app is told of it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("jwks_origin", self.origin.clone()),
            ("jwks_path", "/keys.json".to_owned()),
        ]
    }
}
