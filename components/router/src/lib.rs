//! The component that speaks HTTP: it reads a request, calls the other components, and answers.

mod bindings {
    #![allow(missing_docs)]
    #![allow(unsafe_code, reason = "the glue between wasm and Rust is generated")]
    spin_sdk::wit_bindgen::generate!({
        path: [
            "../../wit/deps/spin-redis@3.0.0",
            "../../wit/deps/spin-variables@3.0.0",
            "../../wit/auth",
            "../../wit/limits",
            "../../wit/moderation",
            "../../wit/rooms",
            "../../wit/router",
        ],
        world: "tidegate:router/edge",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        generate_all,
    });
}

mod alarm;
mod convert;
mod elsewhere;
mod handler;
mod identity;
mod jwks;
mod log;
mod moderation;
mod namespace;
mod pipeline;
mod quota;
mod reply;
mod request;
mod room;
mod settings;
mod upstream;
