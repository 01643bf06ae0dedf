//! A dependency for the tests of `edge-host`: tries what it may or may not have inherited.

use spin_sdk::redis::Connection;
use spin_sdk::{variables, wit_bindgen};

wit_bindgen::generate!({
    path: "../wit",
    world: "provider",
    generate_all,
    runtime_path: "::spin_sdk::wit_bindgen::rt",
});

struct Gate;

impl exports::fixture::gate::gate::Guest for Gate {
    fn add(a: u32, b: u32) -> u32 {
        a + b
    }

    async fn ping(address: String) -> String {
        match Connection::open(&address).await {
            Ok(connection) => format!("{:?}", connection.execute("PING", std::iter::empty()).await),
            Err(error) => format!("{error:?}"),
        }
    }

    async fn fetch(address: String) -> String {
        match spin_sdk::http::get(&address).await {
            Ok(answer) => answer.status().to_string(),
            Err(error) => format!("{error:?}"),
        }
    }

    async fn variable(name: String) -> String {
        match variables::get(&name).await {
            Ok(value) => value,
            Err(error) => format!("{error:?}"),
        }
    }
}

export!(Gate);
