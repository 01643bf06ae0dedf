//! What belongs to one instance of a component: its WASI context, its limits, its connections.

use std::sync::Arc;

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::app::ComponentConfig;
use crate::http_client::HttpClient;
use crate::http_pool::Pool;
use crate::limits;
use crate::redis::Connections;
use crate::stdio::GuestOutput;

/// The data of an instance's store.
pub struct Guest {
    /// What the manifest gives the component.
    pub config: Arc<ComponentConfig>,
    /// Its open connections.
    pub connections: Connections,
    /// What it holds of memory.
    pub bounds: Bounds,
    /// How long it has computed without a word.
    pub compute: Compute,
    /// Its resources.
    pub table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    client: HttpClient,
}

impl Guest {
    /// A fresh guest: no files, no environment, no sockets, output to the log.
    pub fn new(
        config: Arc<ComponentConfig>,
        connections: Connections,
        pool: Pool,
        max_memory_bytes: usize,
    ) -> Self {
        let wasi = WasiCtx::builder()
            .stdout(GuestOutput::new(&config.id, "stdout"))
            .stderr(GuestOutput::new(&config.id, "stderr"))
            .allow_tcp(false)
            .allow_udp(false)
            .build();
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(limits::MAX_HEAD_BYTES * 2);
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits::MAX_RESOURCES);
        let bounds = Bounds {
            memory: Bound::new(max_memory_bytes),
            table: Bound::new(limits::MAX_TABLE_ELEMENTS),
        };
        Self {
            client: HttpClient::new(config.clone(), pool),
            config,
            connections,
            bounds,
            compute: Compute::default(),
            table,
            wasi,
            http,
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.compute.restart();
        WasiHttpCtxView {
            hooks: &mut self.client,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// How long a guest has computed since it last asked the host for something, or was given a request.
#[derive(Debug, Default)]
pub struct Compute {
    epochs: u32,
}

/// A guest that computes without an end.
#[derive(Debug, thiserror::Error)]
#[error("it computed for {:?} without asking for anything", limits::COMPUTE)]
pub struct Overrun;

impl Compute {
    /// It has asked for something, or was given a request.
    pub fn restart(&mut self) {
        self.epochs = 0;
    }

    /// Another epoch of work.
    pub fn count(&mut self) -> Result<(), Overrun> {
        self.epochs = self.epochs.saturating_add(1);
        match limits::EPOCH.saturating_mul(self.epochs) > limits::COMPUTE {
            true => Err(Overrun),
            false => Ok(()),
        }
    }
}

/// What an instance holds of memory and tables, all its composed components together.
pub struct Bounds {
    memory: Bound,
    table: Bound,
}

struct Bound {
    held: usize,
    max: usize,
}

impl Bound {
    fn new(max: usize) -> Self {
        Self { held: 0, max }
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let held = self.held.saturating_add(desired.saturating_sub(current));
        let fits = held <= self.max;
        if fits {
            self.held = held;
        }
        fits
    }
}

impl ResourceLimiter for Bounds {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = self.memory.grow(current, desired);
        if !fits {
            tracing::warn!(
                limit_bytes = self.memory.max,
                "a guest asked for more memory than it may have"
            );
        }
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.table.grow(current, desired))
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::ResourceLimiter;

    use super::{Bound, Bounds, Compute};
    use crate::limits;

    #[test]
    fn work_is_counted_from_the_last_word() {
        let most = (limits::COMPUTE.as_millis() / limits::EPOCH.as_millis()) as u32;
        let mut compute = Compute::default();
        for _ in 0..2 {
            assert!((0..most).all(|_| compute.count().is_ok()));
            compute.restart();
        }
        assert!((0..most).all(|_| compute.count().is_ok()));
        assert!(compute.count().is_err());
    }

    #[test]
    fn memory_is_counted_over_all_memories() {
        let mut bounds = Bounds {
            memory: Bound::new(100),
            table: Bound::new(10),
        };
        assert!(
            bounds.memory_growing(0, 60, None).unwrap(),
            "the first memory"
        );
        assert!(
            !bounds.memory_growing(0, 60, None).unwrap(),
            "a second that does not fit"
        );
        assert!(
            bounds.memory_growing(0, 30, None).unwrap(),
            "a second that does"
        );
        assert!(
            bounds.memory_growing(60, 70, None).unwrap(),
            "the first grows to the limit"
        );
        assert!(!bounds.memory_growing(70, 71, None).unwrap());
        assert!(
            bounds.table_growing(0, 10, None).unwrap()
                && !bounds.table_growing(10, 11, None).unwrap()
        );
    }
}
