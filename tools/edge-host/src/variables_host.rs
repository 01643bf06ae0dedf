//! `spin:variables` for guests.

use wasmtime::component::{Accessor, HasData};

use crate::bindings::spin::variables::variables::{Error, Host, HostWithStore};
use crate::guest::Guest;
use crate::names::variable_key;

/// Gives a guest its component's variables.
pub struct ComponentVariables;

impl HasData for ComponentVariables {
    type Data<'a> = &'a mut Guest;
}

impl Host for Guest {}

impl<T: Send> HostWithStore<T> for ComponentVariables {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        if let Err(error) = variable_key(&name) {
            return Ok(Err(Error::InvalidName(error.to_string())));
        }
        let config = accessor.with(|mut access| {
            let guest = access.get();
            guest.compute.restart();
            guest.config.clone()
        });
        let Some(text) = config.variables.get(&name) else {
            return Ok(Err(Error::Undefined(format!(
                "no variable {name:?} for the component {:?}",
                config.id
            ))));
        };
        let filled = config.providers.fill(text).await;
        Ok(filled.map_err(|error| Error::Provider(format!("{error:#}"))))
    }
}
