//! What the host implements of `spin:redis` and `spin:variables`, generated from their WIT.

wasmtime::component::bindgen!({
    path: ["../../wit/deps/spin-redis@3.0.0", "../../wit/deps/spin-variables@3.0.0"],
    inline: "
        package edge-host:guest;
        world imports {
            import spin:redis/redis@3.0.0;
            import spin:variables/variables@3.0.0;
        }
    ",
    world: "edge-host:guest/imports",
    imports: { default: trappable },
    with: { "spin:redis/redis.connection": crate::redis::Connection },
});
