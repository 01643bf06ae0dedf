//! A handler of one's own: viewers vote in polls, known by Tidegate's tokens and held to a rate by its limits.
//!
//! `PUT /polls/POLL/vote` with `{"choice":"…"}` sets the caller's vote, `GET /polls/POLL` counts them.

mod bindings {
    #![allow(missing_docs)]
    #![allow(unsafe_code, reason = "the glue between wasm and Rust is generated")]
    spin_sdk::wit_bindgen::generate!({
        path: [
            "../../wit/deps/spin-redis@3.0.0",
            "../../wit/deps/spin-variables@3.0.0",
            "../../wit/auth",
            "../../wit/limits",
            "../../wit/rooms",
            "wit",
        ],
        world: "example:own-handler/edge",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

mod answer;
mod caller;
mod handler;
mod published;
mod redis;
mod settings;
mod votes;
mod within;
