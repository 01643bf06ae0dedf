//! Calls a component: keeps its instances for reuse, as many as are needed, each within its limits.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedSemaphorePermit, oneshot};
use tokio::time::Sleep;
use wasmtime::component::GuestTaskId;
use wasmtime::{Store, StoreContextMut, UpdateDeadline};
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::handler::{
    ExpirationError, HandlerState, Instance, Proxy, ProxyHandler, Request, Response, ShouldAccept,
    WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

use crate::app::ComponentConfig;
use crate::guest::Guest;
use crate::http_pool::Pool;
use crate::limits;
use crate::redis::Connections;

/// The components of an app that have a route, by id.
pub type Components = BTreeMap<String, Handler>;

/// The limits of a guest that the command line sets.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of memory an instance may hold.
    pub max_memory_bytes: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
}

/// Calls one component.
pub struct Handler {
    proxy: ProxyHandler<Instances>,
    /// Whose request is being offered to the instances. The proxy starts an instance for every request that finds none free
    /// at that very moment: of many that come at once each would get one of its own, though one could take them all.
    turn: Mutex<()>,
    limits: Limits,
}

/// Why a guest gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was not done within the time that a request may take.
    #[error("no answer within the time limit")]
    TimedOut,
    /// It trapped, could not be instantiated, or answered with an error.
    #[error("{0:#}")]
    Failed(wasmtime::Error),
}

impl Handler {
    /// A handler without instances; the first request makes one.
    pub fn new(
        service: ServicePre<Guest>,
        config: Arc<ComponentConfig>,
        connections: Connections,
        pool: Pool,
        limits: Limits,
    ) -> Self {
        Self {
            proxy: ProxyHandler::new(Instances {
                service,
                config,
                connections,
                pool,
                limits,
            }),
            turn: Mutex::default(),
            limits,
        }
    }

    /// Answers a request. `place` is held for as long as the guest works on it, also when nobody waits any more.
    pub async fn call(
        &self,
        request: Request,
        place: Arc<OwnedSemaphorePermit>,
    ) -> Result<Response, Failure> {
        // A guest that never yields is ended by its worker's expiration, which tells nobody; so the time is kept here too.
        let answer =
            tokio::time::timeout(self.limits.request_timeout, self.in_turn(request, place));
        match answer.await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is::<ExpirationError>() => Err(Failure::TimedOut),
            Ok(Err(error)) => Err(Failure::Failed(error)),
            Err(_) => Err(Failure::TimedOut),
        }
    }
}

impl Handler {
    /// Offers a request once the one before it was taken, and waits for its answer.
    async fn in_turn(
        &self,
        request: Request,
        place: Arc<OwnedSemaphorePermit>,
    ) -> wasmtime::Result<Response> {
        let turn = self.turn.lock().await;
        let (taken, is_taken) = oneshot::channel();
        let mut answer = pin!(self.proxy.handle(Offer { place, taken }, request));
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            _ = is_taken => {}
            () = tokio::time::sleep(limits::HAND_OVER) => {}
        }
        drop(turn);
        answer.await
    }
}

/// What goes with a request to the instance that takes it.
struct Offer {
    place: Arc<OwnedSemaphorePermit>,
    taken: oneshot::Sender<()>,
}

struct Instances {
    service: ServicePre<Guest>,
    config: Arc<ComponentConfig>,
    connections: Connections,
    pool: Pool,
    limits: Limits,
}

impl HandlerState for Instances {
    type StoreData = Guest;
    type WorkerExpiration = Expiration;
    type WorkerState = Reuse;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Guest, Expiration, Reuse>> {
        let guest = Guest::new(
            self.config.clone(),
            self.connections.for_instance(),
            self.pool.clone(),
            self.limits.max_memory_bytes,
        );
        let mut store = Store::new(self.service.engine(), guest);
        store.limiter(|guest| &mut guest.bounds);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut guest| {
            guest.data_mut().compute.count()?;
            Ok(UpdateDeadline::Yield(1))
        });
        let instantiated = tokio::time::timeout(
            self.limits.request_timeout,
            self.service.instantiate_async(&mut store),
        );
        let proxy = Proxy::P3(
            instantiated
                .await
                .map_err(|_| wasmtime::format_err!("not instantiated in time"))??,
        );
        Ok(Instance {
            store,
            proxy,
            view: Guest::http,
            expiration: Expiration {
                request_timeout: self.limits.request_timeout,
                sleep: Box::pin(tokio::time::sleep(limits::IDLE_INSTANCE)),
            },
            state: Reuse {
                component: self.config.id.clone(),
                request_timeout: self.limits.request_timeout,
            },
        })
    }
}

/// When an instance goes: idle for a while, or at work for longer than a request may take.
struct Expiration {
    request_timeout: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let after = match status {
            WorkerStatus::Idle => limits::IDLE_INSTANCE,
            WorkerStatus::Requests | WorkerStatus::PostReturn => self.request_timeout,
        };
        let deadline = (start + after).into();
        if self.sleep.deadline() != deadline {
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

/// How an instance is reused.
struct Reuse {
    component: String,
    request_timeout: Duration,
}

impl WorkerState for Reuse {
    type StoreData = Guest;
    type RequestData = Offer;

    fn should_accept_request(&self, at_once: usize, in_all: usize) -> ShouldAccept {
        if in_all >= limits::REQUESTS_AN_INSTANCE {
            ShouldAccept::Never
        } else if at_once >= limits::REQUESTS_AT_ONCE {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut guest: StoreContextMut<'_, Guest>,
        offer: Offer,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        // Nobody listens any more when it took long.
        let _ = offer.taken.send(());
        guest.data_mut().compute.restart();
        let (time, place) = (tokio::time::sleep(self.request_timeout), offer.place);
        Box::pin(async move {
            time.await;
            drop(place);
        })
    }

    fn drop(&self, store: Store<Guest>, result: Result<(), wasmtime::Error>) {
        match result {
            Ok(()) => {}
            // Idle instances are dropped when the host ends; wasmtime takes any drop of a worker for a panic.
            Err(error) if error.to_string() == "worker panicked" && !std::thread::panicking() => {}
            Err(error) => {
                tracing::error!(
                    component = self.component,
                    "instance ended: {}",
                    error.root_cause()
                );
                tracing::debug!(component = self.component, "{error:?}");
            }
        }
        drop(store);
    }
}
