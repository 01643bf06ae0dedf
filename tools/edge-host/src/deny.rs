//! Capabilities that a dependency does not inherit.
//!
//! Spin composes an adapter component in front of such a dependency, which answers every call with a refusal. Here the
//! dependency's imports are renamed instead before it is composed, `spin:` to `deny:`, and the host answers behind the
//! new names, with the same refusals: `open` is an `other` error, a variable is undefined. Nothing else needs denying: environment and files are always empty here,
//! sockets closed, and outbound HTTP refused to everybody.

use wasmparser::{Parser, Payload};
use wasmtime::Result;
use wasmtime::component::{Linker, Resource, ResourceType};

use crate::bindings::spin::redis::redis::{Connection, Error as RedisError};
use crate::bindings::spin::variables::variables::Error as VariablesError;
use crate::guest::Guest;
use crate::manifest::Inherit;

const REDIS: &[u8] = b"spin:redis/redis@";
const VARIABLES: &[u8] = b"spin:variables/variables@";
/// Takes the place of `spin` in a denied import's name; of the same length, so that it can be written over it.
const DENIED: &[u8; 4] = b"deny";

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
                    let refused = (name.starts_with(REDIS) && !inherit.allowed_outbound_hosts)
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
            let text = "\"spin:redis/redis\" is not permitted: the component does not inherit allowed_outbound_hosts";
            Ok((Err::<Resource<Connection>, _>(RedisError::Other(text.into())),))
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
    Ok(())
}
