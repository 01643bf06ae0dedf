//! Capabilities that a dependency does not inherit.
//!
//! Spin composes an adapter component in front of such a dependency, which answers every call with a refusal. Here the
//! dependency's imports are renamed instead before it is composed, `spin:` and `wasi:` to `deny:`, and the host answers
//! behind the new names, with the same refusals: `open` is an `other` error, a variable is undefined, a request is an
//! `internal-error`. Nothing else needs denying: environment and files are always empty here, and sockets closed.

use wasmparser::{Parser, Payload};
use wasmtime::Result;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi_http::RequestOptions;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode as OlderError;
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse as OlderResponse, HostOutgoingRequest as OlderRequest,
};
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode as HttpError;
use wasmtime_wasi_http::p3::{Request, Response as HttpResponse};

use crate::bindings::spin::redis::redis::{Connection, Error as RedisError};
use crate::bindings::spin::variables::variables::Error as VariablesError;
use crate::guest::Guest;
use crate::manifest::Inherit;

const REDIS: &[u8] = b"spin:redis/redis@";
const VARIABLES: &[u8] = b"spin:variables/variables@";
const HTTP: &[u8] = b"wasi:http/client@";
const OLDER_HTTP: &[u8] = b"wasi:http/outgoing-handler@";
/// Takes the place of `spin` or `wasi` in a denied import's name; of the same length, so that it can be written over it.
const DENIED: &[u8; 4] = b"deny";

const NOT_INHERITED: &str =
    "\"{}\" is not permitted: the component does not inherit allowed_outbound_hosts";

/// The names of denied imports begin so.
pub const PREFIX: &str = "deny:";

/// Renames those imports of the component `bytes` that it does not inherit.
pub fn deny(bytes: &mut [u8], inherit: Inherit) -> anyhow::Result<()> {
    let mut denied = Vec::new();
    let mut nested = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => nested += 1,
            Payload::End(_) => nested = nested.saturating_sub(1),
            Payload::ComponentImportSection(imports) if nested == 0 => {
                for import in imports {
                    let name = import?.name.name.as_bytes();
                    let outbound = [REDIS, HTTP, OLDER_HTTP]
                        .iter()
                        .any(|denied| name.starts_with(denied));
                    let refused = (outbound && !inherit.allowed_outbound_hosts)
                        || (name.starts_with(VARIABLES) && !inherit.variables);
                    if refused {
                        denied.push(name.as_ptr().addr() - bytes.as_ptr().addr());
                    }
                }
            }
            _ => {}
        }
    }
    for start in denied {
        bytes[start..start + DENIED.len()].copy_from_slice(DENIED);
    }
    Ok(())
}

/// Puts the refusals behind the new names.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut variables = linker.instance("deny:variables/variables@3.0.0")?;
    variables.func_wrap_concurrent("get", |_, (name,): (String,)| {
        Box::pin(async move { Ok((Err::<String, _>(VariablesError::Undefined(name)),)) })
    })?;

    let mut redis = linker.instance("deny:redis/redis@3.0.0")?;
    redis.resource("connection", ResourceType::host::<Connection>(), |_, _| {
        Ok(())
    })?;
    redis.func_wrap_concurrent("[static]connection.open", |_, (_address,): (String,)| {
        Box::pin(async {
            let text = NOT_INHERITED.replace("{}", "spin:redis/redis");
            Ok((Err::<Resource<Connection>, _>(RedisError::Other(text)),))
        })
    })?;
    for method in [
        "publish", "get", "set", "incr", "del", "sadd", "smembers", "srem", "execute",
    ] {
        redis.func_new_concurrent(&format!("[method]connection.{method}"), |_, _, _, _| {
            Box::pin(async {
                wasmtime::bail!("there is no connection to call this on: none can be opened")
            })
        })?;
    }

    let mut http = linker.instance("deny:http/client@0.3.0")?;
    http.func_wrap_concurrent("send", |accessor, (request,): (Resource<Request>,)| {
        Box::pin(async move {
            accessor.with(|mut access| {
                let request = access.get().table.delete(request)?;
                // Made whole and dropped, so that whoever writes its body sees it end.
                let dropped = request.into_http(&mut access, std::future::ready(Ok(())));
                drop(dropped);
                wasmtime::error::Ok(())
            })?;
            let refusal =
                HttpError::InternalError(Some(NOT_INHERITED.replace("{}", "wasi:http/client")));
            Ok((Err::<Resource<HttpResponse>, _>(refusal),))
        })
    })?;
    let mut older = linker.instance("deny:http/outgoing-handler@0.2.6")?;
    older.func_wrap(
        "handle",
        |mut store,
         (request, _options): (Resource<OlderRequest>, Option<Resource<RequestOptions>>)| {
            store.data_mut().table.delete(request)?;
            let refusal = OlderError::InternalError(Some(
                NOT_INHERITED.replace("{}", "wasi:http/outgoing-handler"),
            ));
            Ok((Err::<Resource<OlderResponse>, _>(refusal),))
        },
    )?;
    Ok(())
}
