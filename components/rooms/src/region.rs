//! The region that a call is about, checked, with the layout of its Redis.

use component_link::Again;
use tidegate_stream::calls::{Bounds, FunctionCall, Reply};
use tidegate_stream::{Keys, Region};

use crate::bindings::exports::tidegate::rooms::rooms::{Place, Refusal};
use crate::layout;
use crate::refuse::{bad, link};

/// Where this call reads and writes.
pub(crate) struct Home {
    pub(crate) url: String,
    pub(crate) region: Region,
    pub(crate) keys: Keys,
    pub(crate) bounds: Bounds,
}

impl Home {
    /// Checks a place and the layout of its Redis.
    pub(crate) async fn find(at: Place) -> Result<Self, Refusal> {
        let region = at.region.parse().map_err(bad)?;
        let bounds =
            Bounds::new(at.chat_max, at.keep_max, at.log_max, at.retention_ms).map_err(bad)?;
        let shards = layout::shards(&at.redis_url, &at.prefix).await?;
        Ok(Self {
            url: at.redis_url,
            region,
            keys: Keys::new(at.prefix, shards),
            bounds,
        })
    }

    /// Calls a function.
    pub(crate) async fn call(
        &self,
        call: &FunctionCall,
        again: Again,
    ) -> Result<Vec<Reply>, Refusal> {
        component_link::call(&self.url, call, again)
            .await
            .map_err(link)
    }

    /// Calls a function for as long as it takes; who called this component keeps the time.
    pub(crate) async fn call_unbounded(
        &self,
        call: &FunctionCall,
        again: Again,
    ) -> Result<Vec<Reply>, Refusal> {
        component_link::call_unbounded(&self.url, call, again)
            .await
            .map_err(link)
    }

    /// Sends a command that does no harm when it is sent twice.
    pub(crate) async fn command(
        &self,
        name: &str,
        arguments: &[&[u8]],
    ) -> Result<Vec<Reply>, Refusal> {
        component_link::command(&self.url, name, arguments, Again::Harmless)
            .await
            .map_err(link)
    }
}
