//! A component for the tests of `edge-host`: each path does one thing that the host must allow, bound or refuse.

mod outgoing;

use std::cell::Cell;

use http_body_util::BodyExt;
use spin_sdk::http::{IntoResponse, Request, StatusCode};
use spin_sdk::redis::{Connection, RedisParameter};
use spin_sdk::wasip3::clocks::monotonic_clock;
use spin_sdk::{http_service, variables, wit_bindgen};

wit_bindgen::generate!({
    path: "../wit",
    world: "user",
    generate_all,
    runtime_path: "::spin_sdk::wit_bindgen::rt",
});

use fixture::gate::gate;

thread_local! {
    static SERVED: Cell<u32> = const { Cell::new(0) };
    static WAITING: Cell<u32> = const { Cell::new(0) };
}

#[http_service]
async fn front(request: Request) -> anyhow::Result<impl IntoResponse> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    let answer = match words[..] {
        ["headers", ..] => headers(&request),
        ["count"] => {
            SERVED.set(SERVED.get() + 1);
            SERVED.get().to_string()
        }
        ["body"] => match request.into_body().collect().await {
            Ok(body) => body.to_bytes().len().to_string(),
            Err(error) => return Ok((StatusCode::BAD_REQUEST, format!("{error:?}"))),
        },
        ["variable", name] => match variables::get(name).await {
            Ok(value) => value,
            Err(error) => format!("{error:?}"),
        },
        ["redis"] => redis(&query).await,
        ["redis", "open"] => match Connection::open(&query).await {
            Ok(_) => "open".to_owned(),
            Err(error) => format!("{error:?}"),
        },
        ["add"] => gate::add(40, 2).to_string(),
        ["gate", "ping"] => gate::ping(query).await,
        ["gate", "fetch"] => gate::fetch(query).await,
        ["gate", "variable", name] => gate::variable(name.to_owned()).await,
        ["ask", method] => outgoing::ask(method, &query, request).await,
        ["leave"] => match spin_sdk::http::get(&query).await {
            Ok(answer) => answer.status().to_string(),
            Err(error) => format!("{error:?}"),
        },
        ["say"] => {
            println!("said {query}");
            eprintln!("muttered {query}");
            String::new()
        }
        ["spin"] => loop {
            std::hint::black_box(());
        },
        ["trap"] => panic!("as asked"),
        ["wait"] => {
            WAITING.set(WAITING.get() + 1);
            monotonic_clock::wait_for(query.parse::<u64>()? * 1_000_000).await;
            // How many requests waited in this instance when the first of them was done.
            WAITING.replace(WAITING.get() - 1).to_string()
        }
        ["memory"] => {
            let bytes = vec![1u8; query.parse()?];
            std::hint::black_box(&bytes).len().to_string()
        }
        _ => return Ok((StatusCode::NOT_FOUND, path)),
    };
    Ok((StatusCode::OK, answer))
}

fn headers(request: &Request) -> String {
    let mut lines: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    lines.sort();
    lines.concat()
}

/// Runs the commands of the query, `address;WORD WORD;WORD …`, on one connection and shows each reply.
async fn redis(query: &str) -> String {
    let mut parts = query.split(';');
    let connection = match Connection::open(parts.next().unwrap_or_default()).await {
        Ok(connection) => connection,
        Err(error) => return format!("{error:?}"),
    };
    let mut answer = String::new();
    for command in parts {
        let mut words = command.split('+');
        let name = words.next().unwrap_or_default();
        let arguments: Vec<_> = words
            .map(|word| match word.parse() {
                Ok(number) => RedisParameter::Int64(number),
                Err(_) => RedisParameter::Binary(word.replace("%20", " ").into_bytes()),
            })
            .collect();
        answer += &format!("{:?}\n", connection.execute(name, arguments).await);
    }
    answer
}
