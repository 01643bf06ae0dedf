//! The engine: how components are compiled, kept on disk, and linked to what the host offers.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use wasmtime::component::{Component, Linker};
use wasmtime::{Cache, CacheConfig, Config, ProfilingStrategy};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::bindings::spin;
use crate::guest::Guest;
use crate::{deny, limits, redis, variables_host};

/// The engine and the linker of all components.
pub struct Engine {
    engine: wasmtime::Engine,
    linker: Linker<Guest>,
    cache: Cache,
}

/// A component, compiled and linked.
pub struct Loaded {
    /// What instances are made from.
    pub service: ServicePre<Guest>,
    /// Whether it had to be compiled; else it was taken from the cache.
    pub compiled: bool,
}

impl Engine {
    /// Makes the engine. Compiled components are kept in `cache`, under a hash of the component, the compiler's settings
    /// and wasmtime's version, and old ones are removed when there are many. `perf_map` lets perf see into guests.
    pub fn new(cache: &Path, perf_map: bool) -> Result<Self> {
        let mut kept = CacheConfig::new();
        kept.with_directory(cache);
        let cache = Cache::new(kept)
            .map_err(plain)
            .context("the cache folder cannot be used")?;
        let mut config = Config::new();
        config
            .wasm_component_model_async(true)
            .epoch_interruption(true)
            .cache(Some(cache.clone()));
        if perf_map {
            config.profiler(ProfilingStrategy::PerfMap);
        }
        let engine = wasmtime::Engine::new(&config).map_err(plain)?;
        let linker = link(&engine).map_err(plain)?;
        Ok(Self {
            engine,
            linker,
            cache,
        })
    }

    /// Compiles a component, or takes it from the cache, and links it.
    pub fn load(&self, bytes: &[u8]) -> Result<Loaded> {
        let before = self.cache.cache_misses();
        let component = Component::new(&self.engine, bytes)
            .map_err(plain)
            .context("it is not a component that wasmtime takes")?;
        let linked = self
            .linker
            .instantiate_pre(&component)
            .map_err(plain)
            .context(
                "it imports what edge-host does not offer (see its README for what it does)",
            )?;
        let service = ServicePre::new(linked)
            .map_err(plain)
            .context("it has no HTTP handler that edge-host calls: it must export wasi:http/handler@0.3.0 (spin-sdk 7)")?;
        Ok(Loaded {
            service,
            compiled: self.cache.cache_misses() > before,
        })
    }

    /// Starts the clock by which busy guests are interrupted; it runs as long as the process.
    pub fn start_epochs(&self) -> Result<()> {
        let engine = self.engine.weak();
        std::thread::Builder::new()
            .name("epochs".into())
            .spawn(move || {
                while let Some(engine) = engine.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(limits::EPOCH);
                }
            })
            .context("no thread for the guests' clock")?;
        Ok(())
    }
}

fn link(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    spin::redis::redis::add_to_linker::<_, redis::Redis>(&mut linker, |guest| guest)?;
    spin::variables::variables::add_to_linker::<_, variables_host::ComponentVariables>(
        &mut linker,
        |guest| guest,
    )?;
    deny::add_to_linker(&mut linker)?;
    Ok(linker)
}

fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}
