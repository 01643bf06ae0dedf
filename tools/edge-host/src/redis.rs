//! `spin:redis` for guests: one TCP connection for each `open`, no pool, replies flattened as in Spin.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, cmd};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Result;
use wasmtime::component::{Accessor, HasData, Resource};

use crate::bindings::spin::redis::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult,
};
use crate::guest::Guest;
use crate::redis_reply::{error, flatten, type_error_or};
use crate::tls::Trust;
use crate::{app::ComponentConfig, limits};

/// Gives a guest outbound Redis.
pub struct Redis;

impl HasData for Redis {
    type Data<'a> = &'a mut Guest;
}

/// A guest's connection; it closes when it is dropped.
pub struct Connection {
    link: MultiplexedConnection,
    _room: [OwnedSemaphorePermit; 2],
}

/// Room for connections: the host's, and one instance's; and whom they trust.
#[derive(Clone)]
pub struct Connections {
    trust: Trust,
    host: Arc<Semaphore>,
    instance: Arc<Semaphore>,
}

impl Connections {
    /// Room for the whole host.
    pub fn new(trust: Trust) -> Self {
        Self {
            trust,
            host: Arc::new(Semaphore::new(limits::REDIS_CONNECTIONS)),
            instance: Self::an_instance(),
        }
    }

    /// Room for one more instance, within the host's.
    pub fn for_instance(&self) -> Self {
        Self {
            trust: self.trust.clone(),
            host: self.host.clone(),
            instance: Self::an_instance(),
        }
    }

    fn an_instance() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(limits::REDIS_CONNECTIONS_AN_INSTANCE))
    }

    fn take(&self) -> Result<[OwnedSemaphorePermit; 2], Error> {
        let instance = self
            .instance
            .clone()
            .try_acquire_owned()
            .map_err(|_| Error::TooManyConnections)?;
        let host = self
            .host
            .clone()
            .try_acquire_owned()
            .map_err(|_| Error::TooManyConnections)?;
        Ok([instance, host])
    }
}

/// Opens a connection, if the component may. What is checked is the very host and port that would be connected to.
async fn connect(
    config: &ComponentConfig,
    room: &Connections,
    address: &str,
) -> Result<Connection, Error> {
    let info = address
        .into_connection_info()
        .map_err(|_| Error::InvalidAddress)?;
    let (scheme, host, port) = match info.addr() {
        ConnectionAddr::Tcp(host, port) => ("redis", host, port),
        // `#insecure` asks for no look at the certificate.
        ConnectionAddr::TcpTls {
            host,
            port,
            insecure: false,
            ..
        } => ("rediss", host, port),
        _ => return Err(Error::InvalidAddress),
    };
    let bracketed = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let spelled = address.split_once("://").map(|(spelled, _)| spelled);
    if spelled != Some(scheme) || !config.hosts.allow(scheme, &bracketed, *port) {
        tracing::warn!(
            component = config.id,
            "connection to {scheme}://{bracketed}:{port} refused: it is not in the component's allowed_outbound_hosts"
        );
        return Err(Error::InvalidAddress);
    }
    let taken = room.take()?;
    let times = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(limits::REDIS_CONNECT_TIMEOUT))
        .set_response_timeout(Some(limits::REDIS_RESPONSE_TIMEOUT));
    let secure = scheme == "rediss";
    let client = room.trust.redis(info, secure).map_err(|e| error(&e))?;
    let link = client
        .get_multiplexed_async_connection_with_config(&times)
        .await
        .map_err(|e| error(&e))?;
    Ok(Connection { link, _room: taken })
}

/// Runs a command on a guest's connection.
async fn run<T: Send, R: FromRedisValue>(
    accessor: &Accessor<T, Redis>,
    connection: &Resource<Connection>,
    command: &Cmd,
) -> Result<Result<R, redis::RedisError>> {
    let mut link = accessor.with(|mut access| {
        let guest = access.get();
        guest.compute.restart();
        guest.table.get(connection).map(|found| found.link.clone())
    })?;
    Ok(command.query_async(&mut link).await)
}

impl Host for Guest {}

impl HostConnection for Guest {
    fn drop(&mut self, connection: Resource<Connection>) -> Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

type Answer<R> = Result<Result<R, Error>>;

impl<T: Send> HostConnectionWithStore<T> for Redis {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Answer<Resource<Connection>> {
        let (config, room) = accessor.with(|mut access| {
            let guest = access.get();
            guest.compute.restart();
            (guest.config.clone(), guest.connections.clone())
        });
        match connect(&config, &room, &address).await {
            Ok(connection) => Ok(Ok(
                accessor.with(|mut access| access.get().table.push(connection))?
            )),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Answer<()> {
        let sent: Result<redis::Value, _> = run(
            accessor,
            &connection,
            cmd("PUBLISH").arg(channel).arg(payload),
        )
        .await?;
        Ok(sent.map(drop).map_err(|e| error(&e)))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Option<Vec<u8>>> {
        let value: Result<Option<Vec<u8>>, _> =
            run(accessor, &connection, cmd("GET").arg(key)).await?;
        Ok(value.map_err(|e| error(&e)))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Answer<()> {
        let set: Result<redis::Value, _> =
            run(accessor, &connection, cmd("SET").arg(key).arg(value)).await?;
        Ok(set.map(drop).map_err(|e| error(&e)))
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<i64> {
        let value = run(accessor, &connection, cmd("INCRBY").arg(key).arg(1)).await?;
        Ok(value.map_err(|e| error(&e)))
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> Answer<u32> {
        let count = run(accessor, &connection, cmd("DEL").arg(keys)).await?;
        Ok(count.map_err(|e| error(&e)))
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        let count = run(accessor, &connection, cmd("SADD").arg(key).arg(values)).await?;
        Ok(count.map_err(|e| type_error_or(&e)))
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Vec<String>> {
        let members = run(accessor, &connection, cmd("SMEMBERS").arg(key)).await?;
        Ok(members.map_err(|e| error(&e)))
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        let count = run(accessor, &connection, cmd("SREM").arg(key).arg(values)).await?;
        Ok(count.map_err(|e| error(&e)))
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Answer<Vec<RedisResult>> {
        let mut command = cmd(&command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => command.arg(number),
                RedisParameter::Binary(bytes) => command.arg(bytes),
            };
        }
        let reply = run(accessor, &connection, &command).await?;
        Ok(reply.map_err(|e| error(&e)).and_then(flatten))
    }
}
